/** Any cut into packets gives the same body; no damage to a response reaches the next one. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Runtime from "effect/Runtime"
import * as fc from "fast-check"
import type { Connection } from "../parts/tcp/peer.ts"
import { until } from "../parts/waiting.ts"
import { delivered, send } from "./delivery.ts"
import type { Rig } from "./rig.ts"
import { healthy, outcomeOf, recovered, settled, trial, turn } from "./rig.ts"

interface Message {
  readonly bytes: Buffer
  readonly status: number
  readonly body: Buffer
  /** the end of the connection is the end of the body */
  readonly closes: boolean
}

/** Cuts bytes at these places, wherever they fall. */
const cutAt = (bytes: Buffer, places: ReadonlyArray<number>): ReadonlyArray<Buffer> => {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].toSorted((a, b) => a - b)
  return [0, ...at].map((from, index) => bytes.subarray(from, at[index])).filter((piece) => piece.length > 0)
}

const chunksOf = (body: Buffer, places: ReadonlyArray<number>, extension: string): Buffer =>
  Buffer.concat([
    ...cutAt(body, places).flatMap((chunk) => [
      Buffer.from(`${chunk.length.toString(16)}${extension}\r\n`),
      chunk,
      Buffer.from("\r\n")
    ]),
    Buffer.from(`0\r\n${extension === "" ? "" : "x-trailer: y\r\n"}\r\n`)
  ])

const places = fc.array(fc.nat(200_000), { maxLength: 40 })
// Also longer than what is read ahead, and than a buffer of the socket.
const content = fc.oneof(
  { weight: 9, arbitrary: fc.uint8Array({ maxLength: 2_000 }) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 60_000, maxLength: 150_000, size: "max" }) }
).map((bytes) => Buffer.from(bytes))

const message: fc.Arbitrary<Message> = fc.record({
  body: content,
  framing: fc.constantFrom("length", "chunked", "close"),
  chunks: places,
  extension: fc.constantFrom("", ";a=b", ";a=\"b c\""),
  status: fc.constantFrom(200, 201, 404, 500, 999),
  interim: fc.nat(2),
  headers: fc.array(fc.stringMatching(/^[a-z]{1,10}: [ -~]{0,30}$/), { maxLength: 5 })
}).map(({ body, chunks: at, extension, framing, headers, interim, status }) => {
  const line = {
    length: `Content-Length: ${body.length}`,
    chunked: "Transfer-Encoding: chunked",
    close: "Connection: close"
  }[framing]
  const head = [`HTTP/1.1 ${status} Some Words`, ...headers.map((header) => `x-${header}`), line].join("\r\n")
  const before = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".repeat(interim)
  const framed = framing === "chunked" ? chunksOf(body, at, extension) : body
  return {
    bytes: Buffer.concat([Buffer.from(`${before}${head}\r\n\r\n`), framed]),
    status,
    body,
    closes: framing === "close"
  }
})

/**
 * Runs an effect for every value of an arbitrary. A failure is not made smaller, since a value that fails may take seconds to: what
 * fast-check says of it replays it.
 */
const forAll = <A>(arbitrary: fc.Arbitrary<A>, numRuns: number, test: (value: A) => Effect.Effect<void>) =>
  Effect.flatMap(Effect.runtime(), (runtime) => {
    const property = fc.asyncProperty(arbitrary, (value) => Runtime.runPromise(runtime)(test(value)))
    return Effect.promise(() => fc.assert(property, { numRuns, endOnFailure: true }))
  })

/** Asks, and hands the connection that the request came on to whoever answers. */
const ask = (rig: Rig, answer: (connection: Connection) => Effect.Effect<void>) =>
  Effect.gen(function*() {
    let arrived: Connection | undefined
    rig.peer.become({ onRequest: (connection) => void (arrived = connection) })
    const asking = yield* Effect.fork(outcomeOf(rig, HttpClientRequest.get(`${rig.peer.origin}/attacked`)))
    yield* until("the request arrives", Effect.sync(() => arrived !== undefined))
    // set by the line before
    const connection = arrived as unknown as Connection
    yield* answer(connection)
    return { asking, connection }
  })

it.effect(
  "S5 a response is the same however it is cut into packets",
  () =>
    trial(healthy, {}, (rig) =>
      Effect.gen(function*() {
        yield* forAll(fc.tuple(message, places), 150, ([{ body, bytes, closes, status }, cuts]) =>
          Effect.gen(function*() {
            const { asking } = yield* ask(rig, (connection) =>
              Effect.andThen(
                send(connection, cutAt(bytes, cuts)),
                Effect.sync(() => {
                  if (closes) connection.socket.end()
                })
              ))
            assert.deepStrictEqual(yield* Fiber.join(asking), { status, body: body.toString("latin1") })
            yield* settled(rig, closes ? 0 : 1)
          }))
        // The last one may have closed its connection.
        const { idle } = yield* rig.pool.stats
        yield* recovered(rig, idle === 1 ? 1 : 0)
      })),
  60_000
)

type Damage = (bytes: Buffer) => Buffer

const splice = (bytes: Buffer, at: number, remove: number, insert: Uint8Array): Buffer => {
  const from = at % (bytes.length + 1)
  return Buffer.concat([bytes.subarray(0, from), insert, bytes.subarray(from + remove)])
}

// What it inserts may be framing, and even a whole response, which must not become the next one's.
const inserted = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 5 }),
  fc.constantFrom("\r\n", "\n", "\0", "0", "9", ":", " ", "\r\n\r\n", "0\r\n\r\n", "content-length: 3\r\n").map((
    text
  ) => Buffer.from(text)),
  fc.constantFrom("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil", "HTTP/1.1 204 No\r\n\r\n").map((text) =>
    Buffer.from(text)
  )
)
// Most of it in the head and the first chunks, where it does most harm.
const place = fc.oneof(fc.nat(150), fc.nat(3_000))
const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc.tuple(place, fc.nat(20)).map(([at, remove]): Damage => (bytes) => splice(bytes, at, remove, Buffer.alloc(0))),
  fc.tuple(place, fc.nat(3), inserted).map(([at, remove, insert]): Damage => (bytes) =>
    splice(bytes, at, remove, insert)
  ),
  fc.tuple(place, fc.integer({ min: 1, max: 255 })).map(([at, flip]): Damage => (bytes) => {
    const index = at % bytes.length
    return splice(bytes, index, 1, Uint8Array.of((bytes[index] ?? 0) ^ flip))
  }),
  fc.tuple(place, fc.nat(200)).map(([at, length]): Damage => (bytes) =>
    splice(bytes, at, 0, bytes.subarray(at, at + length))
  ),
  inserted.map((insert): Damage => (bytes) => Buffer.concat([bytes, insert]))
)

it.effect(
  "P3 whatever is wrong with a response, the next request gets its own",
  () =>
    trial(healthy, { maxHeaderSize: 1_000, maxResponseSize: 100_000 }, (rig) =>
      Effect.gen(function*() {
        let number = 0
        yield* forAll(
          fc.tuple(message, fc.array(damage, { minLength: 1, maxLength: 3 }), places),
          300,
          ([{ bytes }, damages, cuts]) =>
            Effect.gen(function*() {
              const damaged = damages.reduce((so, harm) => harm(so), bytes)
              const { asking, connection } = yield* ask(
                rig,
                (to) => Effect.andThen(send(to, cutAt(damaged, cuts)), delivered(rig.clients, to))
              )
              // It takes some turns of the loop until a caller knows. What still waits for more then gets the end instead.
              yield* Effect.repeatN(turn, 5)
              if (asking.unsafePoll() === null) connection.socket.end()
              yield* Fiber.join(asking)
              rig.peer.become(healthy)
              const next = yield* outcomeOf(rig, HttpClientRequest.get(`${rig.peer.origin}/${++number}`))
              assert.deepStrictEqual(next, { status: 200, body: `GET /${number}` })
              yield* settled(rig, 1)
            })
        )
        yield* recovered(rig, 1)
      })),
  60_000
)
