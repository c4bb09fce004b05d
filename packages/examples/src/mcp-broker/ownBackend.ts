/** A process for each session: all that the two say goes to the other, and the end of one is the end of both. */
import type { StdioPool, StdioServer } from "@watertight/stdio-adapter"
import { Effect, Exit, Option, Scope, Stream } from "effect"
import { codes } from "./refusals.ts"
import { type Backend, type Failure, Refused, type Run, type Session } from "./session.ts"

export class OwnBackend implements Backend {
  readonly shared = false
  private readonly pool: StdioPool.Service
  private readonly server: StdioServer.StdioServer
  private readonly run: Run
  private readonly scope = Effect.runSync(Scope.make())
  private process: StdioPool.StdioProcess | undefined = undefined

  constructor(pool: StdioPool.Service, server: StdioServer.StdioServer, run: Run) {
    this.pool = pool
    this.server = server
    this.run = run
  }

  ready(session: Session): Effect.Effect<unknown, Failure> {
    return Effect.suspend(() => this.process === undefined ? this.borrow(session) : Effect.succeed(this.process.ready))
  }

  private borrow(session: Session): Effect.Effect<unknown, Failure> {
    const onRequest = ({ method, params, process }: StdioPool.ServerRequest) => session.ask(process, method, params)
    return Scope.extend(this.pool.session(this.server, { onRequest }), this.scope).pipe(
      // A warm process has asked before there was anybody to ask.
      Effect.tap((process) =>
        session.can("roots") ? Effect.ignore(process.notify("notifications/roots/list_changed")) : Effect.void
      ),
      Effect.map((process) => {
        this.process = process
        this.run(
          Stream.runForEach(
            process.notifications,
            ({ method, params }) => Effect.sync(() => session.tell(method, params))
          ).pipe(
            Effect.ensuring(Effect.sync(() => session.end("its process has ended")))
          )
        )
        return process.ready
      })
    )
  }

  private readonly borrowed = Effect.suspend(() =>
    Option.match(Option.fromNullable(this.process), {
      onNone: () => Effect.fail(new Refused(codes.invalid, "the session has not been initialized")),
      onSome: Effect.succeed
    })
  )

  request(
    _: Session,
    method: string,
    params: unknown,
    onProgress: ((params: unknown) => void) | undefined
  ): Effect.Effect<unknown, Failure | Refused> {
    return Effect.flatMap(this.borrowed, (process) => process.request(method, params, { onProgress }))
  }

  notify(_: Session, method: string, params: unknown): Effect.Effect<void, Failure> {
    return this.process === undefined ? Effect.void : this.process.notify(method, params)
  }

  setLevel(session: Session, level: string): Effect.Effect<unknown, Failure | Refused> {
    return this.request(session, "logging/setLevel", { level }, undefined)
  }

  leave(): Effect.Effect<void> {
    return Scope.close(this.scope, Exit.void)
  }
}
