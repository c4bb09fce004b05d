/** Requests that the process makes of us: answered side by side, at most so many, and given up when the process gives them up or ends. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import { hasProperty } from "effect/Predicate"
import type { Id, Message } from "./messages.ts"

export type Asked = Extract<Message, { readonly kind: "request" }>

/** Forks into the pool, with all that its handlers need; not at once, since whoever forks is in the middle of something. */
export type Fork = (work: Effect.Effect<void>) => Fiber.RuntimeFiber<void>

/** An answer as it is written. */
export type Answer =
  | { readonly id: Id; readonly result: unknown }
  | { readonly id: Id; readonly error: { readonly code: number; readonly message: string; readonly data?: unknown } }

/** Where answers go. */
export interface Answering {
  /** Writes them, all of a batch at once; `onTaken` is for when the pipe has taken them. */
  readonly answer: (answers: ReadonlyArray<Answer>, onTaken: () => void) => void
  /** It asks and asks, and reads no answer: it must not be served any more. */
  readonly onUnread: () => void
}

/** Answers that may wait in front of the pipe beside those to requests that were let in: refusals, which a process is told one by one. */
const unreadRefusals = 10_000

export class Serving {
  private readonly working = new Map<Id, Fiber.RuntimeFiber<void> | undefined>()
  /** those that the process has given up */
  private readonly givenUp = new Set<Id>()
  private readonly fork: Fork
  private readonly max: number
  private over = false
  /** answers that the pipe has not taken */
  private unread = 0

  constructor(fork: Fork, max: number) {
    this.fork = fork
    this.max = max
  }

  get size(): number {
    return this.working.size
  }

  /** Has each answered. */
  serve(
    asked: ReadonlyArray<Asked>,
    handle: (request: Asked) => Effect.Effect<unknown, unknown>,
    { answer, onUnread }: Answering
  ): void {
    if (this.over) return
    const answers: Array<Answer> = []
    let open = asked.length
    const settle = (one: Answer | undefined): void => {
      if (one !== undefined) answers.push(one)
      open--
      if (open > 0 || answers.length === 0 || this.over) return
      this.unread += answers.length
      answer(answers, () => {
        this.unread -= answers.length
      })
      if (this.unread > this.max + unreadRefusals) onUnread()
    }
    for (const request of asked) this.start(request, handle, settle)
  }

  cancel(id: Id): void {
    if (!this.working.has(id)) return
    this.givenUp.add(id)
    this.working.get(id)?.unsafeInterruptAsFork(FiberId.none)
  }

  close(): void {
    this.over = true
    for (const fiber of this.working.values()) fiber?.unsafeInterruptAsFork(FiberId.none)
  }

  private start(
    request: Asked,
    handle: (request: Asked) => Effect.Effect<unknown, unknown>,
    settle: (answer: Answer | undefined) => void
  ): void {
    const { id } = request
    // An answer that nobody reads keeps its place: else a process that only asks would have us keep all that it asks for.
    if (this.working.size + this.unread >= this.max) {
      return settle(refusal(id, -32000, `more than ${this.max} requests at once`))
    }
    if (this.working.has(id)) return settle(refusal(id, -32600, "the id is in use"))
    this.working.set(id, undefined)
    const finish = (answer: Answer | undefined): void => {
      this.givenUp.delete(id)
      if (this.working.delete(id)) settle(answer)
    }
    const work = Effect.suspend(() => handle(request)).pipe(
      Effect.matchCauseEffect({
        onSuccess: (result) => Effect.sync(() => finish(answerOf(id, result))),
        onFailure: (cause) => {
          const failure = Cause.failureOrCause(cause)
          if (Either.isLeft(failure)) return Effect.sync(() => finish(ownRefusal(id, failure.left)))
          // Whom the process has given up, or who was interrupted with it, owes no answer; one who interrupts himself does.
          if (this.over || this.givenUp.has(id)) return Effect.void
          return Effect.zipRight(
            Effect.logError(`the handler of ${request.method} died`, cause),
            Effect.sync(() => finish(refusal(id, -32603, "internal error")))
          )
        }
      })
    )
    const fiber = this.fork(work)
    this.working.set(id, fiber)
    // Nobody waits for the answer to what was given up, perhaps before its first step.
    fiber.addObserver(() => finish(undefined))
  }
}

const refusal = (id: Id, code: number, message: string): Answer => ({ id, error: { code, message } })

/** What a handler fails with says itself which error it is. */
const ownRefusal = (id: Id, failure: unknown): Answer => {
  const code = hasProperty(failure, "code") && Number.isInteger(failure.code) ? Number(failure.code) : -32603
  const message = hasProperty(failure, "description") && typeof failure.description === "string"
    ? failure.description
    : "internal error"
  const data = hasProperty(failure, "data") ? failure.data : undefined
  return { id, error: isJson(data) ? { code, message, data } : { code, message } }
}

const answerOf = (id: Id, result: unknown): Answer =>
  isJson(result ?? null) ? { id, result: result ?? null } : refusal(id, -32603, "the result is not JSON")

/** What JSON cannot hold must not take the answer with it, nor the rest of a batch. */
const isJson = (value: unknown): boolean => {
  try {
    return JSON.stringify(value) !== undefined
  } catch {
    return false // a bigint, a circle, or a toJSON that throws
  }
}
