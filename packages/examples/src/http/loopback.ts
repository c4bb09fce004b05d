/** What the examples talk to: a server inside of the program that counts its own connections. */
import { Data, Effect, type Scope } from "effect"
import * as Fs from "node:fs"
import * as Http from "node:http"
import { setTimeout } from "node:timers"

export class NotListening extends Data.TaggedError("NotListening")<{ readonly cause: unknown }> {}

export interface Loopback {
  readonly port: number
  readonly url: string
  /** connections accepted since the beginning, and those that are open, as the server sees them */
  readonly accepted: () => number
  readonly open: () => number
}

export interface Address {
  readonly host?: string | undefined
  /** 0 for any that is free */
  readonly port?: number | undefined
}

/** Listens until the scope closes. */
export const serve = (
  answer: Http.RequestListener,
  { host = "127.0.0.1", port = 0 }: Address = {}
): Effect.Effect<Loopback, NotListening, Scope.Scope> =>
  Effect.gen(function*() {
    let accepted = 0
    let open = 0
    const server = Http.createServer(answer).on("connection", (socket) => {
      accepted += 1
      open += 1
      socket.once("close", () => {
        open -= 1
      })
    })
    // It closes nothing by itself, so whatever is open was left open by its client.
    server.keepAliveTimeout = 0
    yield* Effect.acquireRelease(
      Effect.async<void, NotListening>((resume) => {
        server.once("error", (cause) => resume(Effect.fail(new NotListening({ cause }))))
        server.listen(port, host, () => resume(Effect.void))
      }),
      () =>
        Effect.async<void>((resume) => {
          server.close(() => resume(Effect.void))
          server.closeAllConnections()
        })
    )
    const address = server.address()
    const bound = typeof address === "object" && address !== null ? address.port : port
    return { port: bound, url: `http://${host}:${bound}`, accepted: () => accepted, open: () => open }
  })

/** A site with a page for each thing that a server may do to a client. */
export const site: Http.RequestListener = ({ url }, response) => {
  switch (url) {
    case "/users/1":
      return response.setHeader("content-type", "application/json").end(JSON.stringify({ id: 1, name: "Ada" }))
    case "/slow":
      return setTimeout(() => response.end("at last"), 30)
    case "/never":
      return
    case "/long":
      return response.end(Buffer.alloc(8 * 1024 * 1024))
    default:
      return response.writeHead(404).end()
  }
}

/** The sockets of this process as the kernel counts them, where it shows them: a pipe or a file is none. */
export const socketsOfProcess: Effect.Effect<number | undefined> = Effect.sync(() => {
  const folder = "/proc/self/fd"
  if (!Fs.existsSync(folder)) return undefined
  return Fs.readdirSync(folder).filter((fd) => isSocket(`${folder}/${fd}`)).length
})

const isSocket = (link: string): boolean => {
  try {
    return Fs.readlinkSync(link).startsWith("socket:")
  } catch {
    // the descriptor by which the folder itself was read is gone by now
    return false
  }
}
