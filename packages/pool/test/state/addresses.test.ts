import { assert, describe, test } from "@effect/vitest"
import * as fc from "fast-check"
import { Addresses, type Endpoint, noteFailure, noteSuccess } from "../../src/internal/state/addresses.ts"
import * as Breaker from "../../src/internal/state/breaker.ts"

const settings = { failures: 2, openFor: 1_000, probes: 1 }
const names = ["a", "b", "c", "d"] as const

const command = fc.tuple(
  fc.constantFrom(
    "learn",
    "learn",
    "dial",
    "dial",
    "end",
    "lend",
    "giveBack",
    "failure",
    "success",
    "break",
    "advance"
  ),
  fc.nat(15),
  fc.nat(15)
)

/** What the model remembers of an address, by its name. */
interface Place {
  readonly name: string
  current: boolean
  connections: number
  leases: number
  avoidUntil: number
  failures: number
  breaker: Breaker.Breaker
}

const named = (bits: number): Array<string> => names.filter((_, index) => (bits & (1 << index)) !== 0)

describe("Addresses", () => {
  test("P5, D6: learned, chosen, avoided, forgotten: model against implementation", () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60, size: "max" }), (commands) => {
        const addresses = new Addresses()
        let places: Array<Place> = []
        let now = 0
        const admits = (place: Place) => place.current && Breaker.admits(place.breaker, settings, now)
        const known = (place: Place): Endpoint => {
          const endpoint = addresses.endpoints.get(place.name)
          assert(endpoint !== undefined, `${place.name} was forgotten`)
          return endpoint
        }
        for (const [kind, pick, bits] of commands) {
          const place = places[pick % Math.max(1, places.length)]
          if (kind === "learn") {
            const wanted = named(bits)
            const { added, removed } = addresses.learn([...wanted, ...wanted], now)
            const before = places.filter(({ current }) => current).map(({ name }) => name)
            const of = (endpoints: ReadonlyArray<Endpoint>) => endpoints.map(({ address }) => address)
            assert.sameMembers(of(added), wanted.filter((name) => !before.includes(name)))
            assert.sameMembers(of(removed), before.filter((name) => !wanted.includes(name)))
            for (const old of places) old.current = wanted.includes(old.name)
            for (const name of wanted) {
              if (places.some((old) => old.name === name)) continue
              const fresh = { connections: 0, leases: 0, avoidUntil: 0, failures: 0, breaker: Breaker.closed }
              places.push({ name, current: true, ...fresh })
            }
            assert.strictEqual(addresses.learnedAt, now)
          } else if (kind === "advance") now += pick * 50
          else if (place !== undefined) {
            const endpoint = known(place)
            if (kind === "dial") endpoint.connections = ++place.connections
            else if (kind === "lend") endpoint.leases = ++place.leases
            else if (kind === "giveBack") endpoint.leases = place.leases = Math.max(0, place.leases - 1)
            else if (kind === "failure") {
              noteFailure(endpoint, now)
              place.avoidUntil = now + Math.min(5_000, 100 * 2 ** place.failures++)
            } else if (kind === "success") {
              noteSuccess(endpoint)
              place.avoidUntil = place.failures = 0
            } else if (kind === "break") {
              endpoint.breaker = place.breaker = Breaker.fail(place.breaker, settings, true, now)
            } else if (kind === "end" && place.connections > 0) {
              endpoint.connections = --place.connections
              addresses.forgetIfUnused(endpoint)
            }
          }
          places = places.filter(({ connections, current }) => current || connections > 0)

          assert.sameMembers([...addresses.endpoints.keys()], places.map(({ name }) => name))
          for (const { current, name } of places) {
            assert.strictEqual(addresses.endpoints.get(name)?.current, current)
          }
          const candidates = places.filter(admits)
          assert.strictEqual(addresses.available(settings, now), candidates.length > 0)
          const currents = places.filter(({ current }) => current)
          const least = (times: ReadonlyArray<number>) => times.length === 0 ? 0 : Math.min(...times)
          assert.strictEqual(
            addresses.retryAfter(now),
            least(currents.map(({ breaker }) => Breaker.retryAfter(breaker, now)))
          )
          assert.strictEqual(addresses.avoidedUntil(), least(currents.map(({ avoidUntil }) => avoidUntil)))

          // The choice beats or equals every other candidate, and nothing is chosen only when there is none.
          const tried = new Set(named(bits).flatMap((name) => addresses.endpoints.get(name) ?? []))
          const left = candidates.filter(({ name }) => !named(bits).includes(name))
          const choice = addresses.choose(tried, settings, now)
          const rank = ({ avoidUntil, connections, leases }: Place) =>
            [avoidUntil > now ? 1 : 0, leases, connections] as const
          const best = left.toSorted((a, b) => {
            const [x, y] = [rank(a), rank(b)]
            return x[0] - y[0] || x[1] - y[1] || x[2] - y[2]
          })[0]
          if (best === undefined || choice === undefined) assert.strictEqual(choice?.address, best?.name)
          else {
            const chosen = left.find(({ name }) => name === choice.address)
            assert(chosen !== undefined, `${choice.address} is departed, tried or broken`)
            assert.deepStrictEqual(rank(chosen), rank(best))
          }
        }
      }),
      { numRuns: 300 }
    )
  })

  test("P5: a departed address keeps its breaker as long as a connection leads there, and starts anew after that", () => {
    const addresses = new Addresses()
    addresses.learn(["a"], 0)
    const before = addresses.endpoints.get("a")
    assert(before !== undefined)
    before.breaker = Breaker.fail(Breaker.closed, { ...settings, failures: 1 }, false, 0)
    before.connections = 1
    addresses.learn(["b"], 1)
    addresses.learn(["a", "b"], 2)
    assert.strictEqual(addresses.endpoints.get("a"), before)
    addresses.learn(["b"], 3)
    before.connections = 0
    addresses.forgetIfUnused(before)
    assert.isFalse(addresses.endpoints.has("a"))
    addresses.learn(["a"], 4)
    assert.strictEqual(addresses.endpoints.get("a")?.breaker, Breaker.closed)
  })

  test("among equals the resolver's order decides, and a broken address is never chosen", () => {
    const addresses = new Addresses()
    assert.isFalse(addresses.known)
    addresses.learn(["x", "y", "z"], 0)
    assert.isTrue(addresses.known)
    assert.strictEqual(addresses.choose(new Set(), settings, 0)?.address, "x")
    for (const endpoint of addresses.endpoints.values()) {
      endpoint.breaker = Breaker.fail(Breaker.closed, { ...settings, failures: 1 }, false, 0)
    }
    assert.strictEqual(addresses.choose(new Set(), settings, 999), undefined)
    assert.strictEqual(addresses.choose(new Set(), settings, 1_000)?.address, "x")
  })
})
