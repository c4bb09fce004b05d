/** The client as a layer: swapped for another one without another line, shared by all that are built with it, and ended. */
import { NodeHttpClient } from "@effect/platform-node"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, ManagedRuntime, Scope } from "effect"
import { HttpPool, PooledHttpClient } from "../../src/index.ts"
import { until } from "../parts/waiting.ts"
import { recorder } from "./rig.ts"

/** A service of an application, which knows nothing of pools. */
class Users extends Context.Tag("Users")<Users, { readonly name: Effect.Effect<string, unknown> }>() {
  static readonly live = (url: string): Layer.Layer<Users, never, HttpClient.HttpClient> =>
    Layer.effect(
      Users,
      Effect.map(HttpClient.HttpClient, (client) => ({
        name: Effect.flatMap(client.get(url), (response) => response.text)
      }))
    )
}

class Orders extends Context.Tag("Orders")<Orders, { readonly name: Effect.Effect<string, unknown> }>() {
  static readonly live = (url: string): Layer.Layer<Orders, never, HttpClient.HttpClient> =>
    Layer.effect(
      Orders,
      Effect.map(HttpClient.HttpClient, (client) => ({
        name: Effect.flatMap(client.get(url), (response) => response.text)
      }))
    )
}

const pooled = PooledHttpClient.layer.pipe(Layer.provide(HttpPool.layer()))

describe("the layer", () => {
  it.scopedLive("stands where layerUndici stood", () =>
    Effect.gen(function*() {
      const { url } = yield* recorder()
      const program = Effect.flatMap(Users, ({ name }) => name)
      for (const http of [NodeHttpClient.layerUndici, pooled]) {
        assert.strictEqual(yield* Effect.provide(program, Layer.provide(Users.live(url), http)), "ok")
      }
    }))

  it.scopedLive("S2 is shared by all that are built with it, and closes its connections with the last", () =>
    Effect.gen(function*() {
      const { accepted, open, url } = yield* recorder()
      const app = Layer.merge(Users.live(url), Orders.live(url)).pipe(Layer.provide(pooled))
      const scope = yield* Scope.make()
      const context = yield* Scope.extend(Layer.build(app), scope)
      assert.strictEqual(yield* Context.get(context, Users).name, "ok")
      assert.strictEqual(yield* Context.get(context, Orders).name, "ok")
      assert.strictEqual(accepted(), 1)
      assert.strictEqual(open(), 1)
      yield* Scope.close(scope, Exit.void)
      yield* until("the server sees the end", Effect.sync(() => open() === 0))
    }))

  it.scopedLive("is built anew by each provide of its own", () =>
    Effect.gen(function*() {
      const { accepted, url } = yield* recorder()
      const program = Effect.provide(HttpClient.get(url), pooled)
      yield* program
      yield* program
      assert.strictEqual(accepted(), 2)
    }))

  it.scopedLive("clients that are made of one pool share its connections", () =>
    Effect.gen(function*() {
      const { accepted, url } = yield* recorder()
      const context = yield* Layer.build(HttpPool.layer())
      const one = yield* Effect.provide(PooledHttpClient.make, context)
      const other = yield* Effect.provide(PooledHttpClient.make, context)
      yield* one.get(url)
      yield* other.get(url)
      assert.strictEqual(accepted(), 1)
    }))

  it.scopedLive("works in a managed runtime, whose end is its end", () =>
    Effect.gen(function*() {
      const { open, url } = yield* recorder()
      const runtime = ManagedRuntime.make(pooled)
      const response = yield* Effect.promise(() => runtime.runPromise(HttpClient.get(url)))
      // read by a fiber of another runtime
      assert.strictEqual(yield* response.text, "ok")
      assert.strictEqual(open(), 1)
      yield* Effect.promise(() => runtime.dispose())
      yield* until("the server sees the end", Effect.sync(() => open() === 0))
    }))
})
