/** A client and its pool on servers in memory, watched: whatever is left behind by them fails the test. */
import { HttpClient } from "@effect/platform"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import { assert } from "@effect/vitest"
import type * as PoolStats from "@watertight/pool/PoolStats"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as HashSet from "effect/HashSet"
import * as Inspectable from "effect/Inspectable"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import type { HttpAdapterConfig } from "../src/index.ts"
import { HttpError, HttpPool, Origin, PooledHttpClient } from "../src/index.ts"
import { TestHttp, type TestServers } from "../src/testing/index.ts"

export const users = "http://users.test"

export interface Rig {
  readonly servers: TestServers<unknown>
  readonly client: HttpClient.HttpClient
  readonly pool: HttpPool.Service
  /** the stats of a host that the pool knows */
  readonly stats: (host?: string) => Effect.Effect<PoolStats.HostStats>
}

/** The test fails if a fiber of the pool's died unseen, or if a connection or a request is left when the pool has ended. */
export const rig = <const H extends TestHttp.Hosts>(
  hosts: H,
  options: Partial<HttpAdapterConfig.Options> = {}
): Effect.Effect<Rig, never, TestHttp.Needs<H> | Scope.Scope> =>
  Effect.gen(function*() {
    const troubles: Array<string> = []
    const logger = Logger.make(({ cause, logLevel, message }) => {
      if (LogLevel.lessThan(logLevel, LogLevel.Error)) return
      troubles.push([message, cause].map((part) => Inspectable.toStringUnknown(part, 0)).join(" "))
    })
    const servers = yield* TestHttp.make(hosts, { checkInvariants: true, ...options })
    yield* Effect.addFinalizer(() =>
      Effect.gen(function*() {
        assert.deepStrictEqual(troubles, [])
        assert.strictEqual(yield* servers.openNow(), 0, "connections left behind")
        for (const host of Object.keys(hosts)) {
          assert.strictEqual(yield* servers.handling(host), 0, `${host} is still at work`)
        }
      })
    )
    const context = yield* Layer.build(Layer.provideMerge(PooledHttpClient.layer, servers.layer)).pipe(
      Effect.locally(FiberRef.currentLoggers, HashSet.make(logger))
    )
    const pool = Context.get(context, HttpPool.HttpPool)
    return {
      servers,
      pool,
      client: Context.get(context, HttpClient.HttpClient),
      stats: (host = users) =>
        Effect.map(pool.hostStats(Origin.make({ host: new URL(host).hostname })), Option.getOrThrow)
    }
  })

/** Lets everything run that can without the time going on. */
export const settle: Effect.Effect<void> = TestClock.adjust(0)

/** What a client's error is about; the tag of its cause behind its reason. */
export const causeOf = (error: HttpClientError.HttpClientError): HttpError.HttpError =>
  Option.getOrThrowWith(HttpError.causeOf(error), () => error)

/** The cause of a failure that must have happened by now. */
export const failureOf = <A>(fiber: Fiber.RuntimeFiber<A, HttpClientError.HttpClientError>) =>
  Effect.flatMap(fiber.poll, (exit) =>
    Option.isNone(exit)
      ? Effect.dieMessage("it has not ended yet")
      : Effect.map(Effect.orDieWith(Effect.flip(exit.value), () => new Error("it has not failed")), causeOf))

/** Whether it goes on. */
export const isUnderWay = (fiber: Fiber.RuntimeFiber<unknown, unknown>): Effect.Effect<boolean> =>
  Effect.map(fiber.poll, Option.isNone)

/** Bytes in a pattern, so that none can be lost or doubled unseen. */
export const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => index % 251)

/** What an effect fails with, which must be one of the client's errors. */
export const causeIn = <A>(
  effect: Effect.Effect<A, HttpClientError.HttpClientError>
): Effect.Effect<Readonly<Record<string, unknown>>, A> =>
  Effect.map(Effect.flip(effect), (error) => ({ reason: error.reason, ...causeOf(error), tag: causeOf(error)._tag }))

/** So many requests at once, and so that many connections that are idle afterwards. */
export const open = ({ client, servers }: Rig, connections: number, host = users) =>
  Effect.gen(function*() {
    yield* servers.hang(host, true)
    const fibers = yield* Effect.all(Array.from({ length: connections }, () => Effect.fork(client.get(host))))
    yield* settle
    yield* servers.hang(host, false)
    yield* Fiber.joinAll(fibers)
  })

/** P7, in passing. */
export const counted = ({ pool }: Rig) =>
  Effect.map(pool.stats, ({ hosts, ...all }) => {
    for (const counts of [all, ...hosts]) {
      assert.strictEqual(counts.total, counts.active + counts.idle)
      assert.isAtLeast(Math.min(counts.active, counts.idle, counts.connecting, counts.closing, counts.waiting), 0)
    }
    const { active, idle, total } = all
    return { total, active, idle }
  })
