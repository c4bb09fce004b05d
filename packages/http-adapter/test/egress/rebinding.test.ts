/** Names that lead elsewhere than they did: on servers in memory, so that time and addresses are the test's. */
import { HttpClient, HttpServerResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, TestClock } from "effect"
import { EgressPolicy, HttpError, Origin, PooledHttpClient } from "../../src/index.ts"
import { causeIn, causeOf, isUnderWay, open, rig, settle, users } from "../testHttpRig.ts"

const app = HttpServerResponse.text("Ada")
const outside = "93.184.216.34"
const other = "93.184.216.35"
const fresh = PooledHttpClient.withOptions({ fresh: true })
const publicOnly = { egress: EgressPolicy.publicOnly }
const addressesOf = (
  servers: { readonly connections: (host: string) => Effect.Effect<ReadonlyArray<{ address: string }>> }
) => Effect.map(servers.connections(users), (all) => all.map(({ address }) => address))

describe("a name that resolves to a public address first", () => {
  it.scoped("and to 127.0.0.1 when it is dialed, is refused there", () =>
    Effect.gen(function*() {
      const { client, servers, stats } = yield* rig({ [users]: app }, publicOnly)
      yield* servers.setAddresses(users, [outside])
      yield* servers.closeAfterResponse(users, true)
      assert.strictEqual((yield* client.get(users)).status, 200)
      // its time to live is over, and the next answer is another
      yield* servers.setAddresses(users, ["127.0.0.1"])
      yield* TestClock.adjust("30 seconds")
      // the pool keeps the address that it knew
      assert.strictEqual((yield* client.get(users)).status, 200)
      assert.deepStrictEqual((yield* stats()).addresses.map(({ address }) => address), [outside])
      // and a pool that knows none gets nowhere
      const denied = yield* rig({ [users]: app }, publicOnly)
      yield* denied.servers.setAddresses(users, ["127.0.0.1"])
      const cause = yield* causeIn(denied.client.get(users))
      assert.deepInclude(cause, {
        tag: "EgressDenied",
        reason: "InvalidUrl",
        host: users,
        address: "127.0.0.1",
        port: 80,
        rule: "loopback: address 127.0.0.0/8"
      })
      assert.strictEqual(yield* denied.servers.opened(users), 0)
    }))

  it.scoped("and to a private one as well, is reached by the public one alone", () =>
    Effect.gen(function*() {
      const made = yield* rig({ [users]: app }, publicOnly)
      const { servers, stats } = made
      yield* servers.setAddresses(users, ["10.0.0.1", "::ffff:a00:1", outside, "169.254.169.254"])
      yield* open(made, 4)
      assert.deepStrictEqual(yield* addressesOf(servers), [outside, outside, outside, outside])
      assert.deepInclude(yield* stats(), { opened: 4 })
    }))

  it.scoped("and by a refresh to a private one as well, is dialed there no more than before", () =>
    Effect.gen(function*() {
      const made = yield* rig({ [users]: app }, publicOnly)
      const { client, servers, stats } = made
      yield* servers.setAddresses(users, [outside])
      yield* client.get(users)
      yield* servers.setAddresses(users, ["192.168.1.1", other])
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual((yield* stats()).addresses.map(({ address }) => address), [other])
      yield* open(made, 3)
      for (const address of yield* addressesOf(servers)) assert.strictEqual(address, other)
    }))
})

describe("a refusal", () => {
  it.scoped("is nobody's fault: no breaker opens, and the public address serves when it is back", () =>
    Effect.gen(function*() {
      const { client, servers, stats } = yield* rig({ [users]: app }, { ...publicOnly, breaker: { failures: 1 } })
      yield* servers.setAddresses(users, ["10.0.0.1"])
      for (let i = 0; i < 10; i++) assert.strictEqual((yield* causeIn(client.get(users)))["tag"], "EgressDenied")
      yield* servers.setAddresses(users, [outside])
      assert.strictEqual((yield* client.get(users)).status, 200)
      for (const { breaker } of (yield* stats()).addresses) assert.strictEqual(breaker, "closed")
    }))

  it.scoped("at the dial leaves the others to be tried, and no breaker opens", () =>
    Effect.gen(function*() {
      const { client, pool, servers, stats } = yield* rig({ [users]: app }, { breaker: { failures: 1 }, minIdle: 0 })
      yield* servers.setAddresses(users, ["10.0.0.1", outside])
      yield* client.get(users)
      // it knows both addresses, of which one may not be dialed any more
      yield* pool.reconfigure(publicOnly)
      yield* settle
      for (let i = 0; i < 5; i++) assert.strictEqual((yield* fresh(client.get(users))).status, 200)
      for (const address of yield* addressesOf(servers)) assert.strictEqual(address, outside)
      for (const { breaker } of (yield* stats()).addresses) assert.strictEqual(breaker, "closed")
    }))

  it.scoped("is not tried again by retryTransient", () =>
    Effect.gen(function*() {
      const { client, servers } = yield* rig({ [users]: app }, publicOnly)
      yield* servers.setAddresses(users, ["10.0.0.1"])
      let tries = 0
      const counted = client.pipe(
        HttpClient.tapError(() => Effect.sync(() => tries++)),
        HttpClient.retryTransient({ times: 5 })
      )
      assert.strictEqual((yield* causeIn(counted.get(users)))["tag"], "EgressDenied")
      assert.strictEqual(tries, 1)
    }))
})

describe("a policy that changes", () => {
  it.scoped("retires connections that it refuses: idle ones at once, the others after use", () =>
    Effect.gen(function*() {
      const made = yield* rig({ [users]: app })
      const { client, pool, servers, stats } = made
      yield* servers.setAddresses(users, ["10.0.0.1"])
      yield* open(made, 2)
      yield* servers.hang(users, true)
      const active = yield* Effect.fork(client.get(users))
      yield* settle
      assert.deepInclude(yield* stats(), { total: 2, active: 1, idle: 1 })
      yield* pool.reconfigure(publicOnly)
      yield* settle
      assert.deepInclude(yield* stats(), { total: 1, active: 1, idle: 0 })
      assert.isTrue(yield* isUnderWay(active))
      const refused = yield* Effect.flip(client.get(users))
      assert.deepInclude(causeOf(refused), { _tag: "EgressDenied", address: "10.0.0.1" })
      yield* servers.hang(users, false)
      assert.strictEqual((yield* Fiber.join(active)).status, 200)
      yield* settle
      assert.deepInclude(yield* stats(), { total: 0, closedBy: { retired: 2 } })
      yield* pool.reconfigure({ egress: EgressPolicy.all })
      assert.strictEqual((yield* client.get(users)).status, 200)
    }))

  it.scoped("leaves connections alone that it allows", () =>
    Effect.gen(function*() {
      const made = yield* rig({ [users]: app })
      const { client, pool, servers, stats } = made
      yield* servers.setAddresses(users, [outside])
      yield* open(made, 2)
      yield* pool.reconfigure(publicOnly)
      yield* settle
      assert.deepInclude(yield* stats(), { total: 2, idle: 2 })
      yield* client.get(users)
      assert.strictEqual(yield* servers.opened(users), 2)
    }))

  it.scoped("ends a dial that was under way", () =>
    Effect.gen(function*() {
      const { client, pool, servers } = yield* rig({ [users]: app })
      yield* servers.setAddresses(users, ["10.0.0.1"])
      yield* servers.delayConnect(users, "1 second")
      const fiber = yield* Effect.fork(Effect.flip(client.get(users)))
      yield* settle
      yield* pool.reconfigure(publicOnly)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(causeOf(yield* Fiber.join(fiber))._tag, "EgressDenied")
      yield* settle
      assert.strictEqual(yield* servers.openNow(users), 0)
      assert.deepStrictEqual(yield* servers.requests(users), [])
    }))

  it.scoped("with a wrong rule changes nothing", () =>
    Effect.gen(function*() {
      const { client, pool, servers } = yield* rig({ [users]: app }, publicOnly)
      yield* servers.setAddresses(users, ["10.0.0.1"])
      const wrong = EgressPolicy.make([EgressPolicy.allow({ ports: [70_000] })])
      const error = yield* Effect.flip(pool.reconfigure({ egress: wrong }))
      assert.deepInclude(error, { _tag: "ConfigInvalid", field: "egress.rules[0].ports[0]" })
      assert.strictEqual((yield* causeIn(client.get(users)))["tag"], "EgressDenied")
    }))
})

describe("a refusal by name", () => {
  it.scoped("comes before anything is resolved or borrowed, and costs a host no place in the pool", () =>
    Effect.gen(function*() {
      const egress = EgressPolicy.make([EgressPolicy.allow({ hosts: ["ledger.test"] })])
      const { client, pool, servers } = yield* rig({ [users]: app, "http://ledger.test": app }, { egress })
      yield* servers.hangResolve(users, true)
      const error = yield* Effect.flip(client.get(users))
      const cause = causeOf(error)
      assert(cause instanceof HttpError.EgressDenied)
      assert.deepInclude(cause, { host: users, port: 80, address: undefined, rule: "no rule allows it" })
      assert.strictEqual(
        cause.message,
        "http://users.test: port 80 is refused by the egress policy (no rule allows it)"
      )
      assert.deepStrictEqual((yield* pool.stats).hosts, [])
      assert.strictEqual((yield* client.get("http://ledger.test")).status, 200)
    }))

  it.scoped("holds for whoever asks the pool itself", () =>
    Effect.gen(function*() {
      const egress = EgressPolicy.make([EgressPolicy.deny({ hosts: ["users.test"] })], { otherwise: "allow" })
      const { pool, servers } = yield* rig({ [users]: app }, { egress })
      const origin = Origin.make({ host: "users.test" })
      // which tells how the host stands
      assert.deepInclude(yield* Effect.flip(pool.warm(origin, 1)), { _tag: "HostUnavailable" })
      assert.deepInclude(yield* Effect.flip(Effect.scoped(pool.acquire(origin))), { _tag: "EgressDenied" })
      assert.strictEqual(yield* servers.opened(users), 0)
    }))
})
