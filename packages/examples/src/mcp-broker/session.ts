/**
 * One client and its server. What it asks goes on under ids of the pool's, so that clients may all use the same ones; what comes back goes
 * to whoever asked. Whatever a session has under way ends with it.
 */
import type { StdioError, StdioPool } from "@watertight/stdio-adapter"
import { Effect, Exit, type Fiber, FiberId, Predicate } from "effect"
import { capabilityOf, initialized, isLevel } from "./handshake.ts"
import {
  failure,
  field,
  type Id,
  isId,
  type Message,
  notification,
  progressToken,
  type Refusal,
  request,
  result,
  withToken
} from "./messages.ts"
import { codes, refusalOf } from "./refusals.ts"

/** The way to a client. Nothing of it blocks or throws. */
export interface Client {
  /** Hands it a message; `about` is the call of the client that the message belongs to. */
  send(message: Message, about: Id | undefined): void
  /** No answer will come to that call, since the client has taken it back. */
  forget(id: Id): void
  /** The session is over. */
  ended(reason: string): void
}

export type Failure = StdioError.StdioError

/** What a session asks its server by: processes that are shared with others, or one for itself. */
export interface Backend {
  readonly shared: boolean
  /** the result of `initialize` of a process */
  ready(session: Session): Effect.Effect<unknown, Failure>
  request(
    session: Session,
    method: string,
    params: unknown,
    onProgress: ((params: unknown) => void) | undefined
  ): Effect.Effect<unknown, Failure | Refused>
  notify(session: Session, method: string, params: unknown): Effect.Effect<void, Failure>
  setLevel(session: Session, level: string): Effect.Effect<unknown, Failure | Refused>
  leave(session: Session): Effect.Effect<void>
}

/** A refusal of the broker's own. */
export class Refused {
  readonly _tag = "Refused"
  readonly refusal: Refusal

  constructor(code: number, message: string) {
    this.refusal = { code, message }
  }
}

export type Run = (work: Effect.Effect<void>) => Fiber.RuntimeFiber<void>

/** What those who count hear of a session. */
export interface Counting {
  readonly call: <A, E>(work: Effect.Effect<A, E>) => Effect.Effect<A, E>
}

interface Asked {
  readonly process: StdioPool.StdioProcess
  readonly token: Id | undefined
  readonly settle: (answer: Exit.Exit<unknown, Refusal>) => void
}

export class Session {
  readonly id: string
  /** what it has asked and not yet been answered */
  readonly calls = new Map<Id, Fiber.RuntimeFiber<void> | undefined>()
  /** the least of the logs that it wants to hear */
  level: string | undefined = undefined
  over = false
  private readonly asked = new Map<number, Asked>()
  private readonly backend: Backend
  private readonly client: Client
  private readonly run: Run
  private readonly counting: Counting
  private readonly onEnd: (session: Session) => void
  private capabilities: unknown = undefined
  private lastId = 0

  constructor(
    id: string,
    around: {
      readonly backend: Backend
      readonly client: Client
      readonly run: Run
      readonly counting: Counting
      readonly onEnd: (session: Session) => void
    }
  ) {
    this.id = id
    this.backend = around.backend
    this.client = around.client
    this.run = around.run
    this.counting = around.counting
    this.onEnd = around.onEnd
  }

  // -------------------------------------------------------------------------------------------------------------------
  // From the client
  // -------------------------------------------------------------------------------------------------------------------

  receive(message: object): void {
    const id = field(message, "id")
    const method = field(message, "method")
    const params = field(message, "params")
    if (typeof method !== "string") return this.settle(id, message)
    if (isId(id)) return this.call(id, method, params)
    this.hear(method, params)
  }

  private call(id: Id, method: string, params: unknown): void {
    if (this.over) return this.refuse(id, { code: codes.closed, message: "the session is over" })
    if (this.calls.has(id)) return this.refuse(id, { code: codes.invalid, message: `the id ${id} is in use` })
    this.calls.set(id, undefined)
    const work = Effect.matchEffect(this.answerTo(id, method, params), {
      onFailure: (error) =>
        Effect.sync(() => this.refuse(id, error._tag === "Refused" ? error.refusal : refusalOf(error), method)),
      onSuccess: (value) => Effect.sync(() => this.finish(id, result(id, value)))
    })
    const guarded = Effect.catchAllDefect(work, (defect) =>
      Effect.zipRight(
        Effect.logError(`a call of ${method} died`, defect),
        Effect.sync(() => this.refuse(id, { code: codes.internal, message: "internal error" }))
      ))
    this.calls.set(id, this.run(guarded))
  }

  private answerTo(id: Id, method: string, params: unknown): Effect.Effect<unknown, Failure | Refused> {
    switch (method) {
      case "initialize":
        return Effect.suspend(() => {
          this.capabilities = field(params, "capabilities")
          return Effect.map(this.backend.ready(this), (ready) => initialized(ready, params, this.backend.shared))
        })
      case "ping":
        return Effect.succeed({})
      case "logging/setLevel": {
        const level = field(params, "level")
        return isLevel(level)
          ? this.backend.setLevel(this, level)
          : Effect.fail(new Refused(-32_602, `level: ${JSON.stringify(level)} is not allowed; allowed: a level of MCP`))
      }
      default: {
        // The pool makes a token of its own, and gives progress back under the client's.
        const onProgress = progressToken(params) === undefined ?
          undefined :
          (progress: unknown) => this.client.send(notification("notifications/progress", progress), id)
        return this.counting.call(this.backend.request(this, method, params, onProgress))
      }
    }
  }

  private hear(method: string, params: unknown): void {
    switch (method) {
      case "notifications/initialized": // the process has been told already
        return
      case "notifications/cancelled": {
        const id = field(params, "requestId")
        return isId(id) ? this.abandon(id) : undefined
      }
      case "notifications/progress":
        return this.pass(params)
      default:
        this.run(Effect.ignore(this.backend.notify(this, method, params)))
    }
  }

  /** Nobody waits for the answer to that call any more. */
  abandon(id: Id): void {
    if (!this.calls.has(id)) return
    const fiber = this.calls.get(id)
    this.calls.delete(id)
    fiber?.unsafeInterruptAsFork(FiberId.none)
    this.client.forget(id)
  }

  private refuse(id: Id, refusal: Refusal, method = ""): void {
    this.finish(id, failure(id, refusal))
    // A client that could not begin has no session.
    if (method === "initialize") this.end(refusal.message)
  }

  private finish(id: Id, answer: Message): void {
    this.calls.delete(id)
    this.client.send(answer, id)
  }

  /** Whether its client can be asked for that. */
  can(capability: string): boolean {
    return Predicate.hasProperty(this.capabilities, capability)
  }

  // -------------------------------------------------------------------------------------------------------------------
  // From the server
  // -------------------------------------------------------------------------------------------------------------------

  /** The one call that is under way, if there is but one: whatever the server says meanwhile is likely to be about it. */
  private get only(): Id | undefined {
    return this.calls.size === 1 ? this.calls.keys().next().value : undefined
  }

  tell(method: string, params: unknown): void {
    if (this.over) return
    const common = method.endsWith("/list_changed") || method === "notifications/resources/updated"
    this.client.send(notification(method, params), common ? undefined : this.only)
  }

  /** Asks the client what its server wants to know. */
  ask(process: StdioPool.StdioProcess, method: string, params: unknown): Effect.Effect<unknown, unknown> {
    return Effect.async<unknown, Refusal>((resume) => {
      const capability = capabilityOf(method)
      if (this.over || (capability !== undefined && !this.can(capability))) {
        return resume(unanswered(method, `the client has no ${method}`))
      }
      const id = ++this.lastId
      this.asked.set(id, { process, token: progressToken(params), settle: resume })
      this.client.send(request(id, method, withToken(params, id)), this.only)
      return Effect.sync(() => {
        if (!this.asked.delete(id)) return
        const cancelled = { requestId: id, reason: "the server has taken it back" }
        this.client.send(notification("notifications/cancelled", cancelled), this.only)
      })
    }).pipe(Effect.mapError(({ code, data, message: description }) => ({ code, description, data })))
  }

  private settle(id: unknown, answer: object): void {
    const asked = typeof id === "number" ? this.asked.get(id) : undefined
    if (asked === undefined || typeof id !== "number") return
    this.asked.delete(id)
    const error = field(answer, "error")
    if (error === undefined) return asked.settle(Exit.succeed(field(answer, "result")))
    const code = field(error, "code")
    asked.settle(Exit.fail({
      code: typeof code === "number" ? code : codes.internal,
      message: String(field(error, "message")),
      data: field(error, "data")
    }))
  }

  /** The client's progress with what the server has asked of it. */
  private pass(params: unknown): void {
    const token = field(params, "progressToken")
    const asked = typeof token === "number" ? this.asked.get(token) : undefined
    if (asked?.token === undefined || !Predicate.isReadonlyRecord(params)) return
    this.run(Effect.ignore(asked.process.notify("notifications/progress", { ...params, progressToken: asked.token })))
  }

  // -------------------------------------------------------------------------------------------------------------------

  end(reason: string): void {
    if (this.over) return
    this.over = true
    for (const fiber of this.calls.values()) fiber?.unsafeInterruptAsFork(FiberId.none)
    this.calls.clear()
    for (const { settle } of this.asked.values()) {
      settle(Exit.fail({ code: codes.closed, message: "the session is over" }))
    }
    this.asked.clear()
    this.run(this.backend.leave(this))
    this.onEnd(this)
    this.client.ended(reason)
  }
}

/** A server that asks for roots is told that there are none, as a client without any would; anything else is refused. */
export const unanswered = (method: string, reason: string): Exit.Exit<unknown, Refusal> =>
  method === "roots/list" ? Exit.succeed({ roots: [] }) : Exit.fail({ code: codes.noMethod, message: reason })
