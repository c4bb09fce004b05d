/** Behind a proxy only the name is seen: the proxy resolves it, and the address that is dialed is its own. */
import { assert, describe, it } from "@effect/vitest"
import type { Connector } from "@watertight/pool"
import { Effect, Either, Option } from "effect"
import type { ConnectError } from "../../src/HttpError.ts"
import { EgressPolicy, Origin } from "../../src/index.ts"
import type { Wire } from "../../src/internal/connection.ts"
import { Gate } from "../../src/internal/egress.ts"
import { compile } from "../../src/internal/egressRules.ts"

/** An origin is reached by a proxy if it has one. */
const through = (host: string, port = 443): Origin.Origin =>
  Object.assign(Object.create(Origin.make({ scheme: "https", host, port })), { proxy: "http://10.0.0.9:3128" })

const opened: Array<string> = []
const connector: Connector.Connector<Origin.Origin, Wire, ConnectError> = {
  label: (origin) => origin.label,
  resolve: () => Effect.succeed({ addresses: ["10.0.0.9"] }),
  open: (origin) =>
    Effect.sync(() => {
      opened.push(origin.host)
      // nobody uses it
      return {} as Wire
    }),
  check: () => Effect.void
}

const ruleAt = ({ otherwise, rules }: EgressPolicy.EgressPolicy, origin: Origin.Origin) => {
  const gate = new Gate(Either.getOrThrow(compile(rules, otherwise)))
  const guarded = gate.guard(connector)
  return Effect.scoped(Effect.flatMap(
    guarded.resolve(origin),
    ({ addresses: [address = ""] }) => guarded.open(origin, address, () => {})
  )).pipe(
    Effect.flip,
    Effect.option,
    Effect.map(Option.map((error) => error._tag === "EgressDenied" ? error.rule : error._tag)),
    Effect.map(Option.getOrUndefined)
  )
}

describe("behind a proxy", () => {
  it.effect("the proxy's own address is not asked about, the name and the port are", () =>
    Effect.gen(function*() {
      const { publicOnly } = EgressPolicy
      assert.isUndefined(yield* ruleAt(publicOnly, through("example.com")))
      assert.deepStrictEqual(opened, ["example.com"])
      assert.strictEqual(yield* ruleAt(publicOnly, Origin.make({ host: "example.com" })), "private: address 10.0.0.0/8")
      assert.strictEqual(yield* ruleAt(publicOnly, through("localhost")), "private names: host localhost")
      assert.strictEqual(
        yield* ruleAt(publicOnly, through("metadata.google.internal")),
        "metadata: host metadata.google.internal"
      )
      assert.strictEqual(yield* ruleAt(publicOnly, through("127.0.0.1")), "loopback: address 127.0.0.0/8")
      assert.strictEqual(yield* ruleAt(publicOnly, through("::ffff:7f00:1")), "loopback: address 127.0.0.0/8")
      const ports = EgressPolicy.make([EgressPolicy.deny({ ports: [25] })], { otherwise: "allow" })
      assert.strictEqual(yield* ruleAt(ports, through("example.com", 25)), "rule 1: port 25")
    }))

  it.effect("a rule about addresses does not match a name, so it allows none", () =>
    Effect.gen(function*() {
      const policy = EgressPolicy.make([EgressPolicy.allow({ addresses: ["192.0.2.0/24"] })])
      assert.strictEqual(yield* ruleAt(policy, through("example.com")), "no rule allows it")
      assert.isUndefined(yield* ruleAt(policy, through("192.0.2.7")))
    }))
})
