/**
 * Who wants to hear of which resource. One process is kept for as long as somebody does; when it ends, the next one is told of all
 * subscriptions that there are.
 */
import type { Lease, PoolError } from "@watertight/pool"
import type { StdioError, StdioPool } from "@watertight/stdio-adapter"
import { Deferred, Effect, Exit, type Fiber, FiberId, type Scope, Stream } from "effect"
import type { Run, Session } from "./session.ts"

type Failure = StdioError.StdioError
type Process = StdioPool.StdioProcess

/** Borrows a process. */
type Acquire = Effect.Effect<
  Lease.Lease<Process>,
  StdioError.StartError | PoolError.AcquireError,
  Scope.Scope
>

/** Between the end of one process and the next one's start. */
const pause = "1 second"

export class Subscriptions {
  private readonly subscribers = new Map<string, Set<Session>>()
  private watcher: Fiber.RuntimeFiber<void> | undefined = undefined
  private watched: Deferred.Deferred<Process, Failure> | undefined = undefined
  private readonly acquire: Acquire
  private readonly run: Run

  constructor(acquire: Acquire, run: Run) {
    this.acquire = acquire
    this.run = run
  }

  of(uri: unknown): Iterable<Session> {
    return (typeof uri === "string" ? this.subscribers.get(uri) : undefined) ?? []
  }

  subscribe(session: Session, uri: string): Effect.Effect<unknown, Failure> {
    return Effect.suspend(() => {
      const sessions = this.subscribers.get(uri) ?? new Set<Session>()
      const first = sessions.size === 0
      this.subscribers.set(uri, sessions.add(session))
      if (!first) return Effect.succeed({})
      return Effect.flatMap(this.process(), (process) => process.request("resources/subscribe", { uri })).pipe(
        Effect.onExit((exit) => Exit.isSuccess(exit) ? Effect.void : Effect.sync(() => this.drop(session, uri)))
      )
    })
  }

  unsubscribe(session: Session, uri: string): Effect.Effect<unknown> {
    return Effect.sync(() => {
      this.drop(session, uri)
      return {}
    })
  }

  leave(session: Session): void {
    for (const uri of this.subscribers.keys()) this.drop(session, uri)
  }

  private drop(session: Session, uri: string): void {
    const sessions = this.subscribers.get(uri)
    if (sessions?.delete(session) !== true || sessions.size > 0) return
    this.subscribers.delete(uri)
    const { watched, watcher } = this
    const last = this.subscribers.size === 0
    if (last) {
      this.watched = undefined
      this.watcher = undefined
    }
    if (watched === undefined) return
    const tell = Effect.flatMap(
      Deferred.await(watched),
      (process) => process.request("resources/unsubscribe", { uri }, { timeout: "5 seconds" })
    )
    // Its lease is given back behind the last word.
    const end = Effect.sync(() => last ? watcher?.unsafeInterruptAsFork(FiberId.none) : undefined)
    this.run(Effect.zipRight(Effect.ignore(Effect.timeout(tell, "5 seconds")), end))
  }

  /** The process that is subscribed at; one is borrowed if there is none. */
  private process(): Effect.Effect<Process, Failure> {
    return Effect.suspend(() => {
      if (this.watched !== undefined) return Deferred.await(this.watched)
      const watched = Deferred.unsafeMake<Process, Failure>(FiberId.none)
      this.watched = watched
      this.watcher = this.run(this.watch(watched))
      return Deferred.await(watched)
    })
  }

  private watch(into: Deferred.Deferred<Process, Failure>, again = false): Effect.Effect<void> {
    const once = Effect.scoped(
      Effect.flatMap(this.acquire, ({ connection: process }) => {
        const known = again ? [...this.subscribers.keys()] : []
        return Effect.forEach(known, (uri) => Effect.ignore(process.request("resources/subscribe", { uri }))).pipe(
          Effect.zipRight(Deferred.succeed(into, process)),
          Effect.zipRight(Stream.runDrain(process.notifications))
        )
      })
    )
    return once.pipe(
      Effect.tapErrorCause((cause) => Deferred.failCause(into, cause)),
      Effect.exit,
      Effect.flatMap(() => {
        if (this.watched !== into) return Effect.void
        // Who comes meanwhile waits for the next process.
        const next = Deferred.unsafeMake<Process, Failure>(FiberId.none)
        this.watched = next
        return Effect.zipRight(Effect.sleep(pause), Effect.suspend(() => this.watch(next, true)))
      })
    )
  }
}
