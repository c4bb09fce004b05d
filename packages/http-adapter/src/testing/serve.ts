/** One request at a server: the application runs in a fiber of its own, which ends early if the client goes. */
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpRouter from "@effect/platform/HttpRouter"
import { clientAbortFiberId } from "@effect/platform/HttpServerError"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type { Arrival } from "./arrival.ts"
import type { Download } from "./download.ts"
import { respond } from "./respond.ts"
import { TestServerRequest } from "./serverRequest.ts"
import type { App, Server } from "./servers.ts"
import type { Upload } from "./upload.ts"

/** Runs something in a fiber that ends with the pool. */
export type Run = (effect: Effect.Effect<void, unknown>) => Fiber.RuntimeFiber<void, unknown>

export class Serving {
  readonly upload: Upload
  readonly download: Download
  private readonly fiber: Fiber.RuntimeFiber<void, unknown>

  constructor(
    run: Run,
    server: Server,
    arrival: Arrival,
    upload: Upload,
    download: Download,
    cut: Effect.Effect<void>
  ) {
    this.upload = upload
    this.download = download
    server.handling += 1
    this.fiber = run(serve(server, arrival, upload, download, cut))
    // an observer, since a fiber that is interrupted before its first step cleans up nothing
    this.fiber.addObserver(() => {
      server.handling -= 1
    })
  }

  /** The connection is gone. What the application has to do with it ends, as on the platform's servers. */
  abort(error: Error): void {
    this.upload.fail(error)
    this.download.close()
    this.fiber.unsafeInterruptAsFork(clientAbortFiberId)
  }
}

const serve = (
  server: Server,
  arrival: Arrival,
  upload: Upload,
  download: Download,
  cut: Effect.Effect<void>
): Effect.Effect<void> =>
  Effect.zipRight(
    server.awake,
    HttpApp.toHandled(
      interruptible(server.app),
      (_, response) => respond(server, arrival, response, download, cut)
    )
  ).pipe(Effect.provideService(HttpServerRequest.HttpServerRequest, new TestServerRequest(arrival, upload)))

/** As a router has it, which knows itself which of its routes may be interrupted. */
const interruptible = (app: App): HttpApp.Default<unknown, Scope.Scope> => {
  const ready = Effect.mapInputContext(
    app,
    // Whatever else the application needs is in the context of the layer, by its type, and so in that of the fiber.
    (context: Context.Context<HttpServerRequest.HttpServerRequest | Scope.Scope>) => context as Context.Context<unknown>
  )
  return HttpRouter.TypeId in app ? ready : Effect.interruptible(ready)
}
