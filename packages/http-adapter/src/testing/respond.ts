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
    const body = yield* bodyOf(response.body)
    const head = headOf(server, arrival, response, body.type)
    if (server.cutsAfterHead) {
      download.send({ head })
      return yield* cut
    }
    if (head.length === 0) return void download.send({ head, end: true })
    const { bytes } = body
    if (bytes !== undefined && Duration.isZero(server.bodyDelay) && bytes.length <= server.truncatesAt) {
      return yield* download.send({ head, bytes, end: true }) ? Effect.void : download.drain
    }
    download.send({ head })
    yield* pause(server.bodyDelay)
    const stream = bytes === undefined ? body.stream : Stream.make(bytes)
    // as the platform's servers do it: a body that fails just ends
    yield* Effect.ensuring(sendStream(server, stream, download, cut), Effect.sync(() => download.send({ end: true })))
  }).pipe(Effect.interruptible)

const sendStream = (
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
        if (bytes.length <= rest) return download.send({ bytes }) ? Effect.void : download.drain
        // what was sent before is still read
        download.send({ bytes: bytes.subarray(0, Math.max(0, rest)) })
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

/** A body, and the type that only the body itself knows. */
type Sent =
  & { readonly type?: string | undefined }
  & (
    | { readonly bytes: Uint8Array }
    | { readonly bytes?: undefined; readonly stream: Stream.Stream<Uint8Array, unknown> }
  )

/** The same bodies that the platform's server for Node can send. */
const bodyOf = (body: HttpBody.HttpBody): Effect.Effect<Sent> => {
  switch (body._tag) {
    case "Empty":
      return Effect.succeed({ bytes: new Uint8Array(0) })
    case "Uint8Array":
      return Effect.succeed({ bytes: body.body })
    case "Stream":
      return Effect.succeed({ stream: body.stream })
    case "FormData":
      return Effect.promise(async () => {
        const encoded = new Response(body.formData)
        const bytes = new Uint8Array(await encoded.arrayBuffer())
        return { bytes, type: encoded.headers.get("content-type") ?? undefined }
      })
    case "Raw":
      return rawOf(body.body)
  }
}

const rawOf = (body: unknown): Effect.Effect<Sent> => {
  if (body === null || body === undefined) return Effect.succeed({ bytes: new Uint8Array(0) })
  if (typeof body === "string") return Effect.succeed({ bytes: Buffer.from(body) })
  if (body instanceof Uint8Array) return Effect.succeed({ bytes: body })
  if (body instanceof Readable) {
    return Effect.succeed({ stream: Stream.fromAsyncIterable<Uint8Array, unknown>(body, (error) => error) })
  }
  return Effect.dieMessage("a raw body is a text, bytes, or a stream of Node's")
}
