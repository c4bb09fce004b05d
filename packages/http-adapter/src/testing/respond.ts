/** How a server answers: what the application made, at the pace and with the faults that the test has told. */
import * as Cookies from "@effect/platform/Cookies"
import type * as HttpBody from "@effect/platform/HttpBody"
import type * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Readable } from "node:stream"
import type { Arrival } from "./arrival.ts"
import type { Download, Head } from "./download.ts"
import type { Server } from "./servers.ts"

/** Sends a response. `cut` closes the connection from the server's side. */
export const respond = (
  server: Server,
  arrival: Arrival,
  response: HttpServerResponse.HttpServerResponse,
  download: Download,
  cut: Effect.Effect<void>
): Effect.Effect<void> =>
  Effect.gen(function*() {
    // the client is gone, or this is about a failure after the head
    if (download.closed || download.begun) return
    yield* pause(server.delay)
    yield* server.awake
    const { body, type } = yield* bodyOf(response.body)
    const head = headOf(server, arrival, response, type)
    download.head(head)
    if (server.cutsAfterHead) return yield* cut
    // as the platform's servers do: a body that fails ends early
    if (head.length !== 0) {
      yield* pause(server.bodyDelay)
      yield* Effect.ensuring(send(server, body, download, cut), Effect.sync(() => download.end()))
    }
  }).pipe(Effect.interruptible)

const send = (
  server: Server,
  body: Stream.Stream<Uint8Array, unknown>,
  download: Download,
  cut: Effect.Effect<void>
): Effect.Effect<void> => {
  let sent = 0
  return Stream.runForEach(Stream.orDie(body), (bytes) =>
    Effect.zipRight(
      server.awake,
      Effect.suspend(() => {
        const rest = server.truncatesAt - sent
        sent += bytes.length
        if (bytes.length <= rest) return download.write(bytes) ? Effect.void : download.drain
        // what was sent before is still read
        download.write(bytes.subarray(0, Math.max(0, rest)))
        return Effect.zipRight(download.drain, cut)
      })
    ))
}

const pause = (duration: Duration.Duration): Effect.Effect<void> =>
  Duration.isZero(duration) ? Effect.void : Effect.sleep(duration)

const headOf = (
  server: Server,
  arrival: Arrival,
  { cookies, headers: given, status }: HttpServerResponse.HttpServerResponse,
  type: string | undefined
): Head => {
  const last = [given["connection"], arrival.headers["connection"]].some((value) => /\bclose\b/i.test(value ?? ""))
    || server.closesAfterResponse
  const bodiless = arrival.method === "HEAD" || status === 204 || status === 304
  const length = given["content-length"]
  const headers: Array<readonly [string, string]> = Object.entries(given)
  for (const cookie of Cookies.toSetCookieHeaders(cookies)) headers.push(["set-cookie", cookie])
  if (type !== undefined) headers.push(["content-type", type])
  if (last && given["connection"] === undefined) headers.push(["connection", "close"])
  if (server.keepAlive?.announced === true && !last) {
    headers.push(["keep-alive", `timeout=${Math.floor(server.keepAlive.millis / 1000)}`])
  }
  if (length === undefined && !bodiless) headers.push(["transfer-encoding", "chunked"])
  return {
    status,
    headers: headers.flat().map((text) => Buffer.from(text, "latin1")),
    length: bodiless ? 0 : length === undefined ? undefined : Number(length),
    last
  }
}

/** A body as a stream, and the type that only the body itself knows. */
interface Sent {
  readonly body: Stream.Stream<Uint8Array, unknown>
  readonly type?: string | undefined
}

/** The same bodies that the platform's server for Node can send. */
const bodyOf = (body: HttpBody.HttpBody): Effect.Effect<Sent> => {
  switch (body._tag) {
    case "Empty":
      return Effect.succeed({ body: Stream.empty })
    case "Uint8Array":
      return Effect.succeed({ body: Stream.make(body.body) })
    case "Stream":
      return Effect.succeed({ body: body.stream })
    case "FormData":
      return Effect.promise(async () => {
        const encoded = new Response(body.formData)
        const bytes = new Uint8Array(await encoded.arrayBuffer())
        return { body: Stream.make(bytes), type: encoded.headers.get("content-type") ?? undefined }
      })
    case "Raw":
      return rawOf(body.body)
  }
}

const rawOf = (body: unknown): Effect.Effect<Sent> => {
  if (body === null || body === undefined) return Effect.succeed({ body: Stream.empty })
  if (typeof body === "string") return Effect.succeed({ body: Stream.make(Buffer.from(body)) })
  if (body instanceof Uint8Array) return Effect.succeed({ body: Stream.make(body) })
  if (body instanceof Readable) {
    return Effect.succeed({ body: Stream.fromAsyncIterable<Uint8Array, unknown>(body, (error) => error) })
  }
  return Effect.dieMessage("a raw body is a text, bytes, or a stream of Node's")
}
