import { assert, describe, it, test } from "@effect/vitest"
import { ConfigProvider, Effect, Layer } from "effect"
import * as FastCheck from "fast-check"
import { BlockList } from "node:net"
import { EgressPolicy, HttpAdapterConfig, HttpPool, PoolLayer } from "../../src/index.ts"

const { allow, deny, make, publicOnly, refusal, withRules } = EgressPolicy

const at = (address: string, port = 443) => ({ host: "a.test", port, address })
const named = (host: string, port = 443) => ({ host, port })

describe("a policy", () => {
  test("goes by the first rule that matches, and by its default", () => {
    const policy = make([
      deny({ name: "no mail", ports: [25, "465-587"] }),
      allow({ hosts: ["api.test", "*.cdn.test"], ports: [443] }),
      allow({ addresses: ["10.1.0.0/16"], ports: ["8000-8999"] })
    ])
    assert.strictEqual(refusal(policy, named("api.test", 25)), "no mail: port 25")
    assert.strictEqual(refusal(policy, named("api.test", 500)), "no mail: port 465-587")
    assert.isUndefined(refusal(policy, named("api.test")))
    assert.isUndefined(refusal(policy, named("a.b.cdn.test")))
    assert.strictEqual(refusal(policy, named("cdn.test", 443)), "no rule allows it")
    assert.strictEqual(refusal(policy, named("evilcdn.test", 443)), "no rule allows it")
    assert.strictEqual(refusal(policy, named("api.test", 80)), "no rule allows it")
    assert.isUndefined(refusal(policy, at("10.1.2.3", 8000)))
    assert.strictEqual(refusal(policy, at("10.2.2.3", 8000)), "no rule allows it")
  })

  test("waits for the address where a rule about addresses might allow it, and only there", () => {
    const policy = make([deny({ addresses: ["10.0.0.0/8"] }), allow({ addresses: ["192.0.2.0/24"], ports: [80] })])
    assert.isUndefined(refusal(policy, named("a.test", 80)))
    assert.strictEqual(refusal(policy, named("a.test", 81)), "no rule allows it")
    assert.strictEqual(refusal(policy, at("10.0.0.1", 80)), "rule 1: address 10.0.0.0/8")
    assert.isUndefined(refusal(policy, at("192.0.2.7", 80)))
    assert.strictEqual(refusal(policy, at("192.0.3.7", 80)), "no rule allows it")
  })

  test("with more rules asks them first", () => {
    const policy = publicOnly.pipe(withRules([allow({ hosts: ["vault.test"], addresses: ["10.0.0.0/8"] })]))
    assert.isUndefined(refusal(policy, { host: "vault.test", port: 443, address: "10.0.0.1" }))
    assert.strictEqual(
      refusal(policy, { host: "vault.test", port: 443, address: "127.0.0.1" }),
      "loopback: address 127.0.0.0/8"
    )
    assert.strictEqual(refusal(policy, at("10.0.0.1")), "private: address 10.0.0.0/8")
  })

  test("tells names as name servers do", () => {
    const policy = make([deny({ hosts: ["Bücher.Example.", "*.Intern.TEST"] })], { otherwise: "allow" })
    for (
      const host of [
        "bücher.example",
        "BÜCHER.example",
        "xn--bcher-kva.example.",
        "xn--bcher-kva.EXAMPLE",
        "a.intern.test.."
      ]
    ) {
      assert.isDefined(refusal(policy, named(host)), host)
    }
    for (const host of ["bucher.example", "intern.test", "aintern.test", "a.intern.test.b"]) {
      assert.isUndefined(refusal(policy, named(host)), host)
    }
  })

  test("has rules of their own for Unix sockets", () => {
    const policy = make([allow({ unix: ["/run/app.sock"] }), allow({ hosts: ["docker"], ports: [80] })])
    assert.isUndefined(refusal(policy, { unix: "/run/app.sock" }))
    assert.isUndefined(refusal(policy, { unix: "/run/x/../app.sock" }))
    assert.strictEqual(refusal(policy, { unix: "/run/app.sock/../docker.sock" }), "no rule allows it")
    assert.strictEqual(refusal(publicOnly, { unix: "/run/app.sock" }), "Unix sockets: any Unix socket")
    assert.isUndefined(refusal(EgressPolicy.all, { unix: "/run/app.sock" }))
  })
})

describe("publicOnly", () => {
  const refused: Readonly<Record<string, string>> = {
    "0.0.0.0": "unspecified",
    "0.1.2.3": "unspecified",
    "10.0.0.1": "private",
    "100.64.0.1": "carrier-grade NAT",
    "100.100.100.200": "metadata",
    "127.0.0.1": "loopback",
    "127.255.255.255": "loopback",
    "168.63.129.16": "metadata",
    "169.254.169.254": "metadata",
    "169.254.1.1": "link-local",
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.0.0.192": "protocol assignments",
    "192.0.2.1": "documentation",
    "192.88.99.1": "protocol assignments",
    "192.168.1.1": "private",
    "198.18.0.1": "benchmarks",
    "198.19.255.255": "benchmarks",
    "198.51.100.1": "documentation",
    "203.0.113.1": "documentation",
    "224.0.0.1": "multicast",
    "239.255.255.255": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "broadcast",
    "::": "unspecified",
    "::1": "loopback",
    "::7f00:1": "loopback",
    "::ffff:7f00:1": "loopback",
    "::ffff:0:7f00:1": "loopback",
    "64:ff9b::7f00:1": "loopback",
    "64:ff9b::a9fe:a9fe": "metadata",
    "64:ff9b:1::a00:1": "local NAT64",
    "2002:a00:1::1": "private",
    "2002:7f00:1::": "loopback",
    "100::1": "reserved",
    "2001::1": "protocol assignments",
    "2001:2::1": "benchmarks",
    "2001:db8::1": "documentation",
    "3fff::1": "documentation",
    "4000::1": "reserved",
    "5f00::1": "reserved",
    "fc00::1": "unique-local",
    "fd00:ec2::254": "metadata",
    "fd12::1": "unique-local",
    "fe80::1": "link-local",
    "fe80::1%eth0": "link-local",
    "fec0::1": "site-local",
    "ff02::1": "multicast"
  }
  for (const [address, rule] of Object.entries(refused)) {
    test(`refuses ${address}: ${rule}`, () =>
      assert.match(refusal(publicOnly, at(address)) ?? "", new RegExp(`^${rule}: `)))
  }

  const reached = [
    "1.1.1.1, 8.8.8.8, 9.255.255.255, 11.0.0.0, 100.63.255.255, 100.128.0.0, 126.255.255.255, 128.0.0.0, ",
    "172.15.255.255, 172.32.0.0, 192.167.255.255, 192.169.0.0, 198.17.255.255, 198.20.0.0, ",
    "223.255.255.255, 2606:4700::1111, 2a00::1, 2001:4860:4860::8888, 64:ff9b::808:808, 2002:808:808::1, ",
    "::ffff:8.8.8.8"
  ].join("").split(", ")
  for (const address of reached) {
    test(`lets ${address} through`, () => assert.isUndefined(refusal(publicOnly, at(address))))
  }

  const names = [
    "localhost|LOCALHOST|localhost.|localhost..|ⓛocalhost|a.localhost|printer.local|",
    "metadata.google.internal|metadata.google.internal.|x.internal|metadata|nas.home.arpa"
  ].join("").split("|")
  for (const name of names) {
    test(`refuses the name ${name} before it is resolved`, () => assert.isDefined(refusal(publicOnly, named(name))))
  }

  test("lets other names through until they are resolved", () => {
    for (const name of ["example.com", "local", "internal.example.com", "localhost.example.com"]) {
      assert.isUndefined(refusal(publicOnly, named(name)), name)
    }
  })

  test("refuses what a list of node:net refuses, and nothing else, all over IPv4", () => {
    const list = new BlockList()
    const ranges = [
      "0.0.0.0/8|10.0.0.0/8|100.64.0.0/10|127.0.0.0/8|169.254.0.0/16|172.16.0.0/12|192.0.0.0/24|",
      "192.0.2.0/24|192.88.99.0/24|192.168.0.0/16|198.18.0.0/15|198.51.100.0/24|203.0.113.0/24|224.0.0.0/3|",
      "168.63.129.16/32"
    ].join("").split("|")
    for (const range of ranges) {
      const [net = "", length] = range.split("/")
      list.addSubnet(net, Number(length))
    }
    const edge = FastCheck.constantFrom(...ranges).chain((range) => {
      const [net = "", length] = range.split("/")
      const first = net.split(".").reduce((sum, part) => sum * 256 + Number(part), 0)
      const last = first + 2 ** (32 - Number(length)) - 1
      return FastCheck.constantFrom(first - 1, first, last, last + 1).map((n) => (n + 2 ** 32) % 2 ** 32)
    })
    FastCheck.assert(
      FastCheck.property(FastCheck.oneof(edge, FastCheck.integer({ min: 0, max: 2 ** 32 - 1 })), (n) => {
        const address = [24, 16, 8, 0].map((shift) => Math.floor(n / 2 ** shift) % 256).join(".")
        assert.strictEqual(refusal(publicOnly, at(address)) !== undefined, list.check(address), address)
      }),
      { numRuns: 1_000 }
    )
  })
})

describe("a wrong policy", () => {
  const cases: Readonly<Record<string, readonly [policy: unknown, field: string, value: unknown]>> = {
    "a range that is none": [
      make([allow({ addresses: ["10.0.0.0/33"] })]),
      "egress.rules[0].addresses[0]",
      "10.0.0.0/33"
    ],
    "bits behind a prefix": [
      make([allow({ addresses: ["::1", "10.0.0.1/8"] })]),
      "egress.rules[0].addresses[1]",
      "10.0.0.1/8"
    ],
    "a port that is none": [
      make([deny({ hosts: ["a"] }), deny({ ports: [70_000] })]),
      "egress.rules[1].ports[0]",
      70_000
    ],
    "half a port": [make([deny({ ports: [1.5] })]), "egress.rules[0].ports[0]", 1.5],
    "ports the wrong way round": [make([deny({ ports: ["20-10"] })]), "egress.rules[0].ports[0]", "20-10"],
    "an empty name": [make([deny({ hosts: [""] })]), "egress.rules[0].hosts[0]", ""],
    "a dot": [make([deny({ hosts: ["."] })]), "egress.rules[0].hosts[0]", "."],
    "a star alone": [make([deny({ hosts: ["*"] })]), "egress.rules[0].hosts[0]", "*"],
    "a star within": [make([deny({ hosts: ["a.*.b"] })]), "egress.rules[0].hosts[0]", "a.*.b"],
    "a URL": [make([deny({ hosts: ["http://a.test/"] })]), "egress.rules[0].hosts[0]", "http://a.test/"],
    "an address as a name": [make([deny({ hosts: ["127.0.0.1"] })]), "egress.rules[0].hosts[0]", "127.0.0.1"],
    "an address as a name, in hexadecimal": [make([deny({ hosts: ["0x7f.1"] })]), "egress.rules[0].hosts[0]", "0x7f.1"],
    "a rule about nothing": [make([deny({})]), "egress.rules[0]", {}],
    "a rule that is about an empty list": [make([allow({ hosts: [] })]), "egress.rules[0].hosts", []],
    "a socket with a port": [make([allow({ unix: true, ports: [1] })]), "egress.rules[0].unix", true],
    "a socket without a path": [make([allow({ unix: [""] })]), "egress.rules[0].unix[0]", ""],
    "a blank name of a rule": [make([allow({ name: " ", ports: [1] })]), "egress.rules[0].name", " "]
  }
  for (const [what, [policy, field, value]] of Object.entries(cases)) {
    it.effect(`fails the layer and names itself: ${what}`, () =>
      Effect.gen(function*() {
        const options = { egress: policy as EgressPolicy.EgressPolicy }
        const error = yield* Effect.flip(Effect.scoped(Layer.build(HttpPool.layer(options))))
        assert.deepInclude(error, { _tag: "ConfigInvalid", field, value })
        assert.isNotEmpty(error.allowed)
      }))
  }

  it.effect("is none at all, or comes from somebody without a compiler", () =>
    Effect.gen(function*() {
      const wrong: ReadonlyArray<readonly [unknown, string]> = [
        ["publicOnly", "egress"],
        [{ ...publicOnly, otherwise: "perhaps" }, "egress.otherwise"],
        [{ ...publicOnly, rules: {} }, "egress.rules"],
        [make([5 as never]), "egress.rules[0]"],
        [make([{ action: "ask", destinations: { ports: [1] } } as never]), "egress.rules[0].action"],
        [make([allow({ host: ["a"] } as never)]), "egress.rules[0].host"]
      ]
      for (const [egress, field] of wrong) {
        const options = { egress: egress as EgressPolicy.EgressPolicy }
        const error = yield* Effect.flip(Effect.scoped(Layer.build(HttpPool.layer(options))))
        assert.deepInclude(error, { _tag: "ConfigInvalid", field })
      }
    }))
})

describe("in the environment", () => {
  const withEgress = (value: string) =>
    Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["WATERTIGHT_EGRESS", value]])))

  it.effect("there are the ready policies", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* withEgress("publicOnly")(HttpAdapterConfig.config), { egress: publicOnly })
      assert.deepStrictEqual(yield* withEgress(" all ")(HttpAdapterConfig.config), { egress: EgressPolicy.all })
    }))

  it.effect("anything else fails with the variable's name", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(withEgress("private")(Effect.scoped(Layer.build(PoolLayer))))
      assert.include(String(error), "EGRESS")
      assert.include(String(error), "all or publicOnly")
    }))
})
