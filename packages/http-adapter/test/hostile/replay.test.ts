/**
 * The rule of replay as a table: every kind of request and body, on an old and on a new connection, that ends at every stage, with
 * every setting. The peer counts how often each request arrives.
 */
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type { HttpMethod } from "@effect/platform/HttpMethod"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { PooledHttpClient } from "../../src/index.ts"
import * as Faults from "../parts/tcp/faults.ts"
import type { Connection } from "../parts/tcp/peer.ts"
import { cut, gives, lost } from "./attack.ts"
import type { Outcome, Rig } from "./rig.ts"
import { healthy, outcomeOf, settled, trial } from "./rig.ts"
import { asWritten } from "./writing.ts"

const kinds: ReadonlyArray<readonly [method: HttpMethod, key?: string]> = [
  ["GET"],
  ["HEAD"],
  ["PUT"],
  ["DELETE"],
  ["OPTIONS"],
  ["POST"],
  ["PATCH"],
  ["POST", "key-1"]
]

const form = () => {
  const data = new FormData()
  data.set("a", "b")
  data.set("file", new Blob(["content"]), "name.txt")
  return HttpBody.formData(data)
}

const bodies: Readonly<Record<string, () => HttpBody.HttpBody>> = {
  empty: () => HttpBody.empty,
  bytes: () => HttpBody.uint8Array(new TextEncoder().encode("some bytes")),
  stream: () => HttpBody.stream(Stream.make(new TextEncoder().encode("a stream"))),
  form
}

interface Setting {
  readonly request?: boolean
  readonly host: boolean
}

const settings: ReadonlyArray<Setting> = [
  { host: true },
  { host: false },
  { request: true, host: true },
  { request: true, host: false },
  { request: false, host: true },
  { request: false, host: false }
]

type Stage = "unwritten" | "unread" | "read" | "begun" | "headed"

/** How far a request gets before its connection ends. */
const stages: Readonly<Record<Stage, string>> = {
  unwritten: "before anything is written",
  unread: "as it is written, before the peer reads it",
  read: "when the peer has read it",
  begun: "within the head of the response",
  headed: "behind the head of the response"
}

interface Case {
  readonly method: HttpMethod
  readonly key: string | undefined
  readonly body: string
  readonly setting: Setting
  readonly stage: Stage
  readonly reused: boolean
  /** the peer does the same to every attempt */
  readonly always: boolean
}

const idempotent: ReadonlySet<string> = new Set(["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])

/** The rule, as README and DESIGN have it. */
const isReplayed = ({ body, key, method, reused, setting, stage }: Case): boolean => {
  if (!(setting.request ?? setting.host)) return false
  if (stage === "unwritten") return true
  if (stage === "begun" || stage === "headed" || !reused) return false
  return (idempotent.has(method) || key !== undefined) && body !== "stream"
}

/** How often it arrives as a whole, and what the caller gets. */
const expected = (one: Case, target: string): readonly [arrivals: number, outcome: Outcome] => {
  const { always, method, stage } = one
  const answer = gives(200, method === "HEAD" ? "" : `${method} ${target}`)
  const read = stage === "unwritten" || stage === "unread" ? 0 : 1
  if (stage === "headed") return [1, method === "HEAD" ? gives(200, "") : cut("ConnectionLost")]
  if (!isReplayed(one)) return [read, lost("ConnectionLost")]
  return always ? [read * 2, lost("ConnectionLost")] : [read + 1, answer]
}

const requestOf = ({ body, key, method }: Case, url: string) => {
  const make = bodies[body] ?? assert.fail(body)
  const request = HttpClientRequest.setBody(HttpClientRequest.make(method)(url), make())
  return key === undefined ? request : HttpClientRequest.setHeader(request, "idempotency-key", key)
}

const end = ({ socket }: Connection, how: Faults.End): void => {
  if (how === "reset") socket.resetAndDestroy()
  else socket.destroy()
}

/** What the peer does to a request: once, or every time that it comes. */
const behaviourOf = ({ always, stage }: Case, target: string, how: Faults.End) => {
  let times = 0
  return Faults.answers((request, connection) => {
    if (request.target !== target || (times++ > 0 && !always)) {
      return Faults.response(`${request.method} ${request.target}`)
    }
    if (stage === "unwritten" || stage === "unread") return Faults.response(`${request.method} ${request.target}`)
    if (stage === "read") end(connection, how)
    else {
      const head = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n"
      Faults.raw([stage === "begun" ? head : `${head}\r\n`], how).onRequest?.(connection, request)
    }
    return Buffer.alloc(0)
  })
}

/** Runs one case on a pool that has served others, and will serve more. */
const check = (rig: Rig, one: Case, target: string, how: Faults.End) =>
  Effect.gen(function*() {
    const { peer } = rig
    const { always, reused, setting: { request: replay }, stage } = one
    const [arrivals, outcome] = expected(one, target)
    // An old connection has served a request; a new one is opened for this one.
    peer.become(healthy)
    if (reused) yield* outcomeOf(rig, HttpClientRequest.get(`${peer.origin}/before`))
    peer.become(behaviourOf(one, target, how))
    const before = peer.accepted()
    const send = outcomeOf(rig, requestOf(one, peer.origin + target)).pipe(
      PooledHttpClient.withOptions({ ...(replay === undefined ? {} : { replay }), ...(reused ? {} : { fresh: true }) })
    )
    const got = yield* stage === "unread" || stage === "unwritten" ? asWritten(rig, send, stage, how, always) : send
    const seen = peer.requests().filter((received) => received.target === target)
    assert.deepStrictEqual(got, outcome)
    assert.strictEqual(seen.length, arrivals, "arrivals")
    assert.strictEqual(new Set(seen.map(({ body }) => body.toString("latin1"))).size, Math.min(arrivals, 1), "bodies")
    assert.isAtMost(peer.accepted() - before, reused ? 1 : stage === "unwritten" ? 2 : 1, "dials")
    yield* settled(rig, isReplayed(one) && !always ? 1 : 0)
  })

const casesOf = (stage: Stage, reused: boolean, host: boolean): ReadonlyArray<Case> =>
  kinds.flatMap(([method, key]) =>
    Object.keys(bodies).flatMap((body) =>
      settings.filter((setting) => setting.host === host).flatMap((setting) =>
        [false, true].map((always): Case => ({ method, key, body, setting, stage, reused, always }))
      )
    )
  )

for (const [stage, title] of Object.entries(stages) as ReadonlyArray<[Stage, string]>) {
  for (const reused of stage === "unwritten" ? [true] : [true, false]) {
    describe(`the ${reused ? "old" : "new"} connection ends ${title}`, () => {
      for (const how of ["end", "reset"] as const) {
        for (const host of [true, false]) {
          it.effect(`P3 (${how}, ${host ? "" : "no "}replay): a request is sent again where that is safe, and once`, () =>
            trial(healthy, { replay: host, breaker: { failures: Infinity } }, (rig) =>
              Effect.gen(function*() {
                let number = 0
                for (const one of casesOf(stage, reused, host)) {
                  if (stage === "unwritten" && one.always) continue
                  const label = JSON.stringify(one)
                  yield* Effect.catchAllCause(
                    check(rig, one, `/${++number}`, how),
                    (cause) => Effect.die(new Error(label, { cause }))
                  )
                }
                rig.peer.become(healthy)
                assert.deepStrictEqual(
                  yield* outcomeOf(rig, HttpClientRequest.get(`${rig.peer.origin}/last`)),
                  gives(200, "GET /last")
                )
                yield* settled(rig, 1)
              })))
        }
      }
    })
  }
}
