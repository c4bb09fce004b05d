import { Effect, Exit, Fiber } from "effect"
import { assert, describe, it } from "vitest"
import { parseArguments } from "./simulation/arguments.ts"
import { runCampaign, runOutcome, runSeed } from "./simulation/campaign.ts"
import { formatFailure } from "./simulation/failure.ts"
import { bugs } from "./simulation/planted/bugs.ts"
import { correct, planted } from "./simulation/planted/scenarios.ts"
import { scenarios } from "./simulation/registry.ts"
import type { Scenario } from "./simulation/scenario.ts"
import { direct } from "./simulation/scenarios/direct.ts"
import { simulate } from "./simulation/simulate.ts"
import type { Sim } from "./simulation/simulator.ts"
import { tierNames, tiers } from "./simulation/tiers.ts"

const minute = 60_000
const seeds = { firstSeed: 1, seeds: 2000, exhaustive: false }

const plantedNamed = (name: string): Scenario => {
  const scenario = planted.find((candidate) => candidate.name === `planted/${name}`)
  assert(scenario !== undefined)
  return scenario
}

describe("a run", () => {
  it("is the same run for the same seed", () => {
    for (const tier of tierNames) {
      const first = runSeed(correct, tier, 7)
      for (let round = 0; round < 100; round++) assert.deepStrictEqual(runSeed(correct, tier, 7), first)
    }
  })

  it("differs from seed to seed, even on the same workload", () => {
    const orders = new Set<number>()
    for (let seed = 1; seed <= 300; seed++) {
      orders.add(simulate(seed, correct.program, { ...correct.options, tier: tiers.rare, workSeed: 1 }).eventHash)
    }
    assert.isAbove(orders.size, 250)
  })

  it("gives back what the program gives", () => {
    const result = simulate(
      1,
      () => Effect.as(Effect.sleep("3 hours").pipe(Effect.timeout("1 hour"), Effect.option), 42),
      {
        virtualMillisMax: 4_000_000
      }
    )
    assert.isTrue(result.ok)
    assert.deepStrictEqual(result.exit, Effect.runSyncExit(Effect.succeed(42)))
    assert.strictEqual(result.virtualMillis, 3_600_000)
  })

  it("interrupts an enlisted fiber once at most, and others never", () => {
    let interrupts = 0
    for (let seed = 1; seed <= 50; seed++) {
      const result = simulate(seed, (sim) =>
        Effect.gen(function*() {
          const nap = Effect.repeat(Effect.sleep(1), { times: 50 })
          const enlisted = yield* Effect.fork(nap)
          const spared = yield* Effect.fork(nap)
          sim.strike(enlisted)
          return [yield* Fiber.await(enlisted), yield* Fiber.await(spared)].map(Exit.isInterrupted)
        }), { strikeProbability: 0.1 })
      assert(result.exit?._tag === "Success")
      assert.deepStrictEqual(result.exit.value, [result.interrupts === 1, false])
      interrupts += result.interrupts
    }
    assert.isAbove(interrupts, 25)
  })
})

describe("the planted bugs", () => {
  for (const bug of bugs) {
    it(`${bug.name} is found: ${bug.description}`, () => {
      const outcome = runOutcome(plantedNamed(bug.name), bug.calmest, seeds)
      assert.strictEqual(outcome.hits, 1)
      assert.strictEqual(outcome.strangers, 0)
    }, minute)
  }

  for (const tier of tierNames) {
    it(`without a bug, every seed is clean (${tier})`, () => {
      const outcome = runOutcome(correct, tier, seeds)
      assert.isAtLeast(outcome.seeds, 2000)
      assert.strictEqual(outcome.hits, 0, outcome.firstHit && formatFailure(outcome.firstHit))
    }, minute)
  }
})

describe("the simulated network", () => {
  it("keeps its books and closes every socket, without any pool", () => {
    for (const tier of tierNames) {
      const outcome = runOutcome(direct, tier, { ...seeds, seeds: 200 })
      assert.strictEqual(outcome.hits, 0, outcome.firstHit && formatFailure(outcome.firstHit))
    }
  })
})

describe("a failure", () => {
  it("names seed, tier, step, time and the last events, and replays identically by the command that it prints", () => {
    const { firstHit } = runOutcome(plantedNamed("socket-lost"), "natural", seeds)
    assert(firstHit !== undefined)
    const message = formatFailure(firstHit)
    assert.include(
      message,
      `seed ${firstHit.seed} · tier natural · scenario planted/socket-lost · step ${firstHit.step}`
    )
    assert.include(message, `virtual time ${firstHit.millis} ms`)
    assert.match(message, /\d+ ms {2}#\d+ +open [ab]\/\d+/)

    const command = message.split("npm run simulate -- ")[1]
    const parsed = parseArguments(command?.trim().split(" ") ?? [], scenarios)
    assert(parsed.ok && parsed.value.replay !== undefined)
    const [scenario] = parsed.value.scenarios
    const [tier] = parsed.value.tiers
    assert(scenario !== undefined && tier !== undefined)
    const first = runSeed(scenario, tier, parsed.value.replay)
    assert.deepStrictEqual(first.failure, firstHit)
    assert.deepStrictEqual(runSeed(scenario, tier, parsed.value.replay), first)
  })

  const kindOf = (program: (sim: Sim) => Effect.Effect<unknown, unknown>): string | undefined =>
    simulate(1, program, { stepsMax: 500, virtualMillisMax: 1000 }).failure?.kind

  it("is a deadlock when nothing can go on", () => {
    assert.strictEqual(kindOf(() => Effect.never), "deadlock")
    assert.strictEqual(kindOf(() => Effect.sleep(Infinity)), "deadlock")
  })

  it("is a livelock when nothing comes to an end", () => {
    assert.strictEqual(kindOf(() => Effect.forever(Effect.sleep(10))), "livelock")
    assert.strictEqual(kindOf(() => Effect.forever(Effect.yieldNow())), "livelock")
    assert.strictEqual(kindOf(() => Effect.forever(Effect.void)), "livelock")
  })

  it("is a defect when any fiber dies, even a daemon that nobody watches", () => {
    assert.strictEqual(kindOf(() => Effect.zipRight(Effect.forkDaemon(Effect.die("boom")), Effect.sleep(1))), "defect")
  })

  it("is the program's own when it ends in failure", () => {
    assert.strictEqual(kindOf(() => Effect.fail("no")), "exit")
    assert.strictEqual(kindOf(() => Effect.interrupt), "exit")
  })

  it("is an invariant's when a check says no or throws", () => {
    assert.strictEqual(kindOf((sim) => Effect.sync(() => sim.fail("broken"))), "invariant")
    const checked = (sim: Sim) =>
      Effect.zipRight(Effect.sync(() => sim.onStep(() => assert.isBelow(sim.now, 5))), Effect.sleep(9))
    assert.strictEqual(kindOf(checked), "invariant")
  })

  it("leaves no fiber behind", () => {
    const roots = (): number => [...Effect.runSync(Fiber.roots)].length
    const before = roots()
    for (let seed = 1; seed <= 20; seed++) {
      simulate(seed, () => Effect.zipRight(Effect.forkDaemon(Effect.forever(Effect.sleep(1))), Effect.die("boom")))
    }
    assert.strictEqual(roots(), before)
  })
})

describe("a campaign", () => {
  const plan = { tiers: tierNames, firstSeed: 1, seeds: 20, exhaustive: false }
  const failing: Scenario = { name: "test/failing", program: () => Effect.fail("no") }

  it("fails when a scenario fails, unless the tier is only for review", () => {
    const campaign = runCampaign({ ...plan, scenarios: [failing] })
    assert.isFalse(campaign.ok)
    assert.strictEqual(campaign.failures, 60)
    assert.isTrue(runCampaign({ ...plan, scenarios: [{ ...failing, advisory: tierNames }] }).ok)
  })

  it("fails when a planted bug is not found, or when something else is", () => {
    const blind: Scenario = { name: "test/blind", program: () => Effect.void, planted: /./ }
    assert.isFalse(runCampaign({ ...plan, scenarios: [blind] }).ok)
    assert.isFalse(runCampaign({ ...plan, scenarios: [{ ...failing, planted: /^permits/ }] }).ok)
    assert.isTrue(runCampaign({ ...plan, scenarios: [{ ...failing, planted: /no/ }] }).ok)
  })

  it("refuses a wrong command line with the flag, the value and what is allowed", () => {
    const refusal = (...args: ReadonlyArray<string>): string => {
      const parsed = parseArguments(args, scenarios)
      return parsed.ok ? "" : parsed.message
    }
    assert.match(refusal("--sedes", "5"), /unknown flag "--sedes"; allowed: .*--seeds/)
    assert.match(refusal("--seeds", "0"), /--seeds: "0" given; allowed: one whole number from 1 to/)
    assert.match(refusal("--seeds=ten"), /--seeds: "ten" given/)
    assert.match(refusal("--seeds"), /--seeds: no value given/)
    assert.match(refusal("--tier", "calm"), /--tier: "calm" given; allowed: natural, rare, review/)
    assert.match(refusal("--scenario", "plant"), /--scenario: "plant" given; allowed: .*planted\/correct/)
    assert.match(refusal("--json=yes"), /--json: "yes" given; allowed: no value/)
    assert.match(refusal("7"), /unknown flag "7"/)
    assert.strictEqual(refusal("--scenario", "planted", "--tier", "rare", "--tier=natural", "--seeds", "9"), "")
  })
})
