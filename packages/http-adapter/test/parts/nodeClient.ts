/** Node's own clients as effects: the harness is proven by them alone, and tests compare with them. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Http from "node:http"
import * as Https from "node:https"
import * as Tls from "node:tls"

export interface Answer {
  readonly status: number
  readonly headers: Http.IncomingHttpHeaders
  readonly body: Buffer
  /** did the request go over a connection that had been used before? */
  readonly reused: boolean
}

/** An agent that keeps connections, one at a time; they are gone with the scope. */
export const agent = (secure = false): Effect.Effect<Http.Agent, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new (secure ? Https : Http).Agent({ keepAlive: true, maxSockets: 1 })),
    (made) => Effect.sync(() => made.destroy())
  )

/** One request, its body read to the end. Without an agent it has a connection of its own. */
export const request = (
  url: string,
  options: Https.RequestOptions = {},
  body?: string
): Effect.Effect<Answer, Error> =>
  Effect.async<Answer, Error>((resume) => {
    const make = url.startsWith("https:") ? Https.request : Http.request
    const sent = make(url, { agent: false, ...options }, (response) => {
      const chunks: Array<Buffer> = []
      response.on("data", (chunk: Buffer) => chunks.push(chunk))
      response.once("error", (error) => resume(Effect.fail(error)))
      response.once("end", () =>
        resume(Effect.succeed({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks),
          reused: sent.reusedSocket
        })))
    })
    sent.once("error", (error) => resume(Effect.fail(error)))
    sent.end(body)
    return Effect.sync(() => sent.destroy())
  })

/** The body as text. */
export const text = (url: string, options?: Https.RequestOptions): Effect.Effect<string, Error> =>
  Effect.map(request(url, options), ({ body }) => body.toString())

/** The names in the certificate that a server shows to who asks for this name. */
export const certificateNames = (port: number, servername: string, ca: string): Effect.Effect<string, Error> =>
  Effect.async<string, Error>((resume) => {
    const socket = Tls.connect({ host: "127.0.0.1", port, servername, ca })
    socket.once("secureConnect", () => {
      const names = socket.getPeerCertificate().subjectaltname ?? ""
      socket.destroy()
      resume(Effect.succeed(names))
    })
    socket.once("error", (error) => resume(Effect.fail(error)))
    return Effect.sync(() => socket.destroy())
  })
