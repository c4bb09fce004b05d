/**
 * Processes that many sessions share: one, or several that are as good as each other. Each of them is a lane, a server of the pool's with
 * a single process, and a call takes the lane with the fewest calls.
 */
import type { StdioPool, StdioServer } from "@watertight/stdio-adapter"
import { Effect } from "effect"
import { isHeard, lowest } from "./handshake.ts"
import { field } from "./messages.ts"
import { codes } from "./refusals.ts"
import { type Backend, type Failure, Refused, type Run, type Session, unanswered } from "./session.ts"
import { Subscriptions } from "./subscriptions.ts"

interface Lane {
  readonly server: StdioServer.StdioServer
  active: number
}

/** What may be asked twice, since it changes nothing. */
const reads: ReadonlySet<string> = new Set([
  "tools/list",
  "resources/list",
  "resources/templates/list",
  "resources/read",
  "prompts/list",
  "prompts/get",
  "completion/complete"
])

/** Processes that one call may lose before it gives up. */
const attempts = 3

export class SharedBackend implements Backend {
  readonly shared = true
  private readonly pool: StdioPool.Service
  private readonly lanes: ReadonlyArray<Lane>
  private readonly sessions: ReadonlySet<Session>
  private readonly subscriptions: Subscriptions
  /** whose calls each process has, by its id */
  private readonly atWork = new Map<number, Map<Session, number>>()
  private readonly levels = new WeakMap<StdioPool.StdioProcess, string>()
  private level: string | undefined = undefined
  private handshake: unknown = undefined

  constructor(
    pool: StdioPool.Service,
    servers: ReadonlyArray<StdioServer.StdioServer>,
    sessions: ReadonlySet<Session>,
    run: Run
  ) {
    this.pool = pool
    this.lanes = servers.map((server) => ({ server, active: 0 }))
    this.sessions = sessions
    this.subscriptions = new Subscriptions(Effect.suspend(() => pool.acquire(this.leastActive().server)), run)
  }

  ready(): Effect.Effect<unknown, Failure> {
    return Effect.suspend(() =>
      this.handshake === undefined
        ? Effect.tap(this.pool.ready(this.leastActive().server), (ready) => {
          this.handshake = ready
        })
        : Effect.succeed(this.handshake)
    )
  }

  request(
    session: Session,
    method: string,
    params: unknown,
    onProgress: ((params: unknown) => void) | undefined
  ): Effect.Effect<unknown, Failure | Refused> {
    const uri = field(params, "uri")
    if (typeof uri === "string") {
      if (method === "resources/subscribe") return this.subscriptions.subscribe(session, uri)
      if (method === "resources/unsubscribe") return this.subscriptions.unsubscribe(session, uri)
    }
    if (method.startsWith("tasks/")) {
      return Effect.fail(new Refused(codes.noMethod, "tasks need a process of their own: sharing \"session\""))
    }
    return this.attempt(session, method, params, onProgress, attempts)
  }

  private attempt(
    session: Session,
    method: string,
    params: unknown,
    onProgress: ((params: unknown) => void) | undefined,
    left: number
  ): Effect.Effect<unknown, Failure> {
    return Effect.suspend(() => {
      const lane = this.leastActive()
      lane.active++
      const once = this.pool.use(lane.server, (lease) => {
        const { connection: process, reused } = lease
        this.enter(process, session)
        const asked = Effect.zipRight(this.atLevel(process), process.request(method, params, { onProgress }))
        const told = reused
          ? asked
          : Effect.tapError(asked, (error) => error._tag === "ProcessLost" ? lease.reportFailure(error) : Effect.void)
        return Effect.ensuring(told, Effect.sync(() => this.exit(process, session)))
      })
      return Effect.ensuring(
        once,
        Effect.sync(() => {
          lane.active--
        })
      )
    }).pipe(Effect.catchTag("ProcessLost", (error) =>
      left > 1 && (!error.written || reads.has(method))
        ? this.attempt(session, method, params, onProgress, left - 1)
        : Effect.fail(error)))
  }

  /** What a client says to everybody's server without asking, a change of its roots for one, is about nobody else. */
  notify(): Effect.Effect<void> {
    return Effect.void
  }

  setLevel(session: Session, level: string): Effect.Effect<unknown, Failure | Refused> {
    return Effect.suspend((): Effect.Effect<unknown, Failure | Refused> => {
      if (field(field(this.handshake, "capabilities"), "logging") === undefined) {
        return Effect.fail(new Refused(codes.noMethod, "the server has no logging"))
      }
      session.level = level
      this.level = lowest(Array.from(this.sessions, (one) => one.level))
      // It hears of it at once; the others do before their next calls.
      return Effect.as(this.pool.use(this.leastActive().server, ({ connection }) => this.atLevel(connection)), {})
    })
  }

  leave(session: Session): Effect.Effect<void> {
    return Effect.sync(() => {
      this.subscriptions.leave(session)
      if (session.level !== undefined) this.level = lowest(Array.from(this.sessions, (one) => one.level))
    })
  }

  // -------------------------------------------------------------------------------------------------------------------
  // From processes
  // -------------------------------------------------------------------------------------------------------------------

  /** What a process says unasked, for those whom it is about. */
  told({ method, params, pid }: StdioPool.Told): void {
    if (method === "notifications/resources/updated") {
      for (const session of this.subscriptions.of(field(params, "uri"))) session.tell(method, params)
      return
    }
    // Whoever it was about has left.
    if (method === "notifications/progress") return
    const only = method.endsWith("/list_changed") ? undefined : this.onlyAt(pid)
    for (const session of only === undefined ? this.sessions : [only]) {
      if (method === "notifications/message" && !isHeard(field(params, "level"), session.level)) continue
      session.tell(method, params)
    }
  }

  /** What a process asks is for the one session that has calls there. Where there are several nobody can tell. */
  asked({ method, params, process }: StdioPool.ServerRequest): Effect.Effect<unknown, unknown> {
    const only = this.onlyAt(process.pid)
    return only === undefined
      ? Effect.mapError(
        unanswered(method, "nobody can tell which session this is for; sharing \"session\" would"),
        ({ code, message }) => ({ code, description: message })
      )
      : only.ask(process, method, params)
  }

  private onlyAt(pid: number): Session | undefined {
    const sessions = this.atWork.get(pid)
    return sessions?.size === 1 ? sessions.keys().next().value : undefined
  }

  // -------------------------------------------------------------------------------------------------------------------

  private leastActive(): Lane {
    return this.lanes.reduce((least, lane) => lane.active < least.active ? lane : least)
  }

  private enter({ pid, ready }: StdioPool.StdioProcess, session: Session): void {
    this.handshake = ready
    const sessions = this.atWork.get(pid) ?? new Map<Session, number>()
    this.atWork.set(pid, sessions.set(session, (sessions.get(session) ?? 0) + 1))
  }

  private exit({ pid }: StdioPool.StdioProcess, session: Session): void {
    const sessions = this.atWork.get(pid)
    const calls = (sessions?.get(session) ?? 1) - 1
    if (calls > 0) return void sessions?.set(session, calls)
    sessions?.delete(session)
    if (sessions?.size === 0) this.atWork.delete(pid)
  }

  /** Sees to it that the process speaks at the level that somebody wants to hear. */
  private atLevel(process: StdioPool.StdioProcess): Effect.Effect<void> {
    const { level } = this
    if (level === undefined || this.levels.get(process) === level) return Effect.void
    this.levels.set(process, level)
    return Effect.ignore(process.request("logging/setLevel", { level }))
  }
}
