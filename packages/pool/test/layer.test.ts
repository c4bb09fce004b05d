import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as ConnectionPool from "../src/ConnectionPool.ts"
import { TestConnector } from "../src/testing/index.ts"
import { ask, borrow, settle, type TestPool } from "./rig.ts"
import { fibersBefore, liveFibers } from "./watched.ts"

class Pool extends Context.Tag("test/Pool")<Pool, TestPool>() {}
class First extends Context.Tag("test/First")<First, TestPool>() {}
class Second extends Context.Tag("test/Second")<Second, TestPool>() {}
class Network extends Context.Tag("test/Network")<Network, TestConnector.TestNetwork>() {}

const NetworkLive = Layer.effect(Network, TestConnector.make())

const PoolLive = ConnectionPool.layer(Pool, {
  connector: Effect.map(Network, (network) => network.connector),
  config: { checkInvariants: true, shutdownGrace: 0 }
})

const FirstLive = Layer.effect(First, Pool)
const SecondLive = Layer.effect(Second, Pool)

describe("a pool as a layer", () => {
  it.effect("S2: two consumers in one layer graph share one pool", () =>
    Effect.gen(function*() {
      const first = yield* First
      const second = yield* Second
      assert.strictEqual(first, second)
      assert.strictEqual(yield* ask(first), 1)
      assert.strictEqual(yield* ask(second), 1)
      assert.strictEqual(yield* (yield* Network).dialed, 1)
    }).pipe(
      Effect.provide(
        Layer.mergeAll(FirstLive.pipe(Layer.provide(PoolLive)), SecondLive.pipe(Layer.provide(PoolLive))).pipe(
          Layer.provideMerge(NetworkLive)
        )
      )
    ))

  it.effect("S2: consumers that are built at the same time share it as well", () =>
    Effect.gen(function*() {
      const network = yield* TestConnector.make()
      const live = ConnectionPool.layer(Pool, {
        connector: Effect.zipRight(Effect.yieldNow(), Effect.succeed(network.connector)),
        config: { shutdownGrace: 0 }
      })
      const memo = yield* Layer.makeMemoMap
      const scope = yield* Scope.make()
      const built = yield* Effect.all(Array.from({ length: 5 }, () => Layer.buildWithMemoMap(live, memo, scope)), {
        concurrency: "unbounded"
      })
      const pools = new Set(built.map((context) => Context.get(context, Pool)))
      assert.strictEqual(pools.size, 1)
      yield* Scope.close(scope, Exit.void)
    }))

  it.effect("S2: dropping one of two holders changes nothing, dropping the last closes everything", () =>
    Effect.gen(function*() {
      const before = yield* fibersBefore
      const network = yield* TestConnector.make()
      const live = ConnectionPool.layer(Pool, { connector: network.connector, config: { shutdownGrace: 0 } })
      const memo = yield* Layer.makeMemoMap
      const [oneScope, otherScope] = [yield* Scope.make(), yield* Scope.make()]
      const one = Context.get(yield* Layer.buildWithMemoMap(live, memo, oneScope), Pool)
      const other = Context.get(yield* Layer.buildWithMemoMap(live, memo, otherScope), Pool)
      assert.strictEqual(one, other)
      yield* ask(one)
      const holder = yield* borrow(one)
      yield* Scope.close(oneScope, Exit.void)
      yield* settle
      assert.strictEqual(yield* network.openNow(), 1)
      assert.isTrue((yield* holder.lease).connection.isOpen)
      yield* holder.release
      assert.strictEqual(yield* ask(other), 1)
      yield* Scope.close(otherScope, Exit.void)
      assert.strictEqual(yield* network.openNow(), 0)
      assert.strictEqual((yield* Effect.flip(ask(other)))._tag, "PoolClosed")
      assert.strictEqual(yield* liveFibers, before)
    }))

  it.effect("S2: each Effect.provide builds one of its own, which ends with its effect", () =>
    Effect.gen(function*() {
      const network = yield* Network
      const use = Effect.zipRight(Effect.flatMap(Pool, (pool) => ask(pool)), network.openNow())
      assert.strictEqual(yield* Effect.provide(use, PoolLive), 1)
      assert.strictEqual(yield* network.openNow(), 0)
      assert.strictEqual(yield* Effect.provide(use, PoolLive), 1)
      assert.strictEqual(yield* network.openNow(), 0)
      assert.strictEqual(yield* network.dialed, 2)
    }).pipe(Effect.provide(NetworkLive)))

  it.effect("S2: what a wrong setting is, is told when the layer is built", () =>
    Effect.gen(function*() {
      const network = yield* Network
      const wrong = ConnectionPool.layer(Pool, {
        connector: network.connector,
        config: { maxConnectionsPerHost: 0 }
      })
      const error = yield* Effect.flip(Effect.provide(Effect.void, wrong))
      assert.include(error, { _tag: "ConfigInvalid", field: "maxConnectionsPerHost", value: 0 })
      assert.include(error.message, "maxConnectionsPerHost: 0 is not allowed")
    }).pipe(Effect.provide(NetworkLive)))

  it.effect("S2: a connector that cannot be made fails the layer with its error, and leaves nothing", () =>
    Effect.gen(function*() {
      const before = yield* fibersBefore
      const live = ConnectionPool.layer(Pool, {
        connector: Effect.fail("no certificates") as Effect.Effect<TestConnector.TestNetwork["connector"], string>
      })
      assert.strictEqual(yield* Effect.flip(Effect.provide(Effect.void, live)), "no certificates")
      assert.strictEqual(yield* liveFibers, before)
    }))

  it.effect("S2: what a connector holds is closed after the pool", () =>
    Effect.gen(function*() {
      const order: Array<string> = []
      const network = yield* TestConnector.make()
      const connector = Effect.acquireRelease(
        Effect.succeed(network.connector),
        () => Effect.flatMap(network.openNow(), (open) => Effect.sync(() => order.push(`connector, ${open} open`)))
      )
      const live = ConnectionPool.layer(Pool, { connector, config: { shutdownGrace: 0 } })
      yield* Effect.provide(Effect.flatMap(Pool, (pool) => pool.warm("a", 2)), live)
      assert.deepStrictEqual(order, ["connector, 0 open"])
    }))
})
