import type { Fiber, Scheduler } from "effect"
import { EventLog } from "./eventLog.ts"
import type { Failure, FailureKind } from "./failure.ts"
import { FiberCensus } from "./fiberCensus.ts"
import { Prng } from "./prng.ts"
import { type AnyFiber, type FiberTrack, ReadyQueue } from "./readyQueue.ts"
import { Strikes } from "./strikes.ts"
import { type Tier, tiers } from "./tiers.ts"
import { VirtualClock } from "./virtualClock.ts"

/** What a simulated program has in hand. */
export interface Sim {
  readonly seed: number
  readonly clock: VirtualClock
  /** For the shape of the workload: who does what, how often, how long. */
  readonly workRandom: Prng
  /** For the faults of the world: what refuses, hangs, closes. */
  readonly faultRandom: Prng
  readonly now: number
  readonly step: number
  /** Yields that the tier has forced so far. */
  readonly forcedYields: number
  /** Fibers that the program forked and that have not ended. At rest after a shutdown there are none. */
  readonly fibersAlive: number
  /** Adds to the history: part of the hash, and printed when the run fails. Name things by own numbers, not by FiberId. */
  log(event: string): void
  /** Ends the run after this step. The first failure counts. */
  fail(detail: string): void
  /** Runs a check after every step. It calls `fail`, or throws. */
  onStep(check: () => void): void
  /** Lets this fiber be interrupted at any step, once at most. */
  strike<A, E>(fiber: Fiber.RuntimeFiber<A, E>): void
}

export interface SimulatorOptions {
  readonly tier?: Tier | undefined
  /** Named in the replay command. */
  readonly scenario?: string | undefined
  /** Seeds workload and faults, when they must stay the same while the schedule varies. Default: the seed. */
  readonly workSeed?: number | undefined
  /** The chance, at each step, that an enlisted fiber is interrupted. */
  readonly strikeProbability?: number | undefined
  /** The chance, at each step, that the next timer fires although tasks are ready (a slow processor). */
  readonly earlyTimerProbability?: number | undefined
  readonly stepsMax?: number | undefined
  readonly virtualMillisMax?: number | undefined
  /** How many of the last events a failure shows. */
  readonly eventsKept?: number | undefined
  /** Let fibers die of defects, for programs that mean it. */
  readonly allowDefects?: boolean | undefined
}

const productionYieldAfter = 2048
/** A forced yield ends in about eight operations of its own; one forced inside them again would never end. */
const epilogueOperations = 12
const tearDownSteps = 5000

/** Effect's scheduler, its time and the interrupts of one run, all drawn from one seed. */
export class Simulator implements Scheduler.Scheduler, Sim {
  readonly seed: number
  readonly clock: VirtualClock
  readonly workRandom: Prng
  readonly faultRandom: Prng
  readonly strayRandom: Prng
  readonly census = new FiberCensus((defect) => this.#defect(defect))
  readonly events: EventLog
  readonly #scheduleRandom: Prng
  readonly #queue = new ReadyQueue()
  readonly #strikes: Strikes
  readonly #tier: Tier
  readonly #options: SimulatorOptions
  readonly #earlyTimerProbability: number
  readonly #stepsMax: number
  readonly #virtualMillisMax: number
  readonly #checks: Array<() => void> = []
  #stepsToEarlyTimer: number
  #operationsToYield: number
  #step = 0
  #operations = 0
  #forcedYields = 0
  #failure: Failure | undefined
  #over = false

  constructor(seed: number, options: SimulatorOptions) {
    const workSeed = options.workSeed ?? seed
    this.seed = seed
    this.#options = options
    this.#tier = options.tier ?? tiers.natural
    this.#earlyTimerProbability = options.earlyTimerProbability ?? 0.02
    this.#stepsMax = options.stepsMax ?? 20_000
    this.#virtualMillisMax = options.virtualMillisMax ?? 3_600_000
    this.#scheduleRandom = new Prng(seed, 1)
    this.workRandom = new Prng(workSeed, 2)
    this.faultRandom = new Prng(workSeed, 3)
    this.strayRandom = new Prng(seed, 4)
    this.#strikes = new Strikes(new Prng(seed, 5), options.strikeProbability ?? 0.03)
    this.clock = new VirtualClock(new Prng(seed, 6))
    this.events = new EventLog(options.eventsKept ?? 40)
    this.#operationsToYield = this.#scheduleRandom.trialsUntilSuccess(this.#tier.yieldProbability)
    this.#stepsToEarlyTimer = this.#scheduleRandom.trialsUntilSuccess(this.#earlyTimerProbability)
  }

  get now(): number {
    return this.clock.unsafeCurrentTimeMillis()
  }

  get step(): number {
    return this.#step
  }

  get operations(): number {
    return this.#operations
  }

  get forcedYields(): number {
    return this.#forcedYields
  }

  get interrupts(): number {
    return this.#strikes.struck
  }

  get fibersAlive(): number {
    return this.census.alive.size
  }

  get failure(): Failure | undefined {
    return this.#failure
  }

  scheduleTask(run: () => void, _priority: number, fiber?: AnyFiber): void {
    const track = this.#queue.track(fiber)
    track.forcedYield = track.forcedYield === "pausing" ? "resuming" : "none"
    this.#queue.push(run, track)
  }

  shouldYield(fiber: AnyFiber): number | false {
    this.#operations++
    const count = fiber.currentOpCount
    if (count > productionYieldAfter) return 0
    if (count <= this.#tier.yieldAfterOperations || this.#over) return false
    if (--this.#operationsToYield > 0) return false
    const track: FiberTrack = this.#queue.track(fiber)
    if (track.forcedYield === "resuming" && count <= epilogueOperations) return false
    this.#operationsToYield = this.#scheduleRandom.trialsUntilSuccess(this.#tier.yieldProbability)
    this.#forcedYields++
    track.forcedYield = "pausing"
    return 0
  }

  log(event: string): void {
    if (!this.#over) this.events.add(event, this.#step, this.now)
  }

  fail(detail: string): void {
    this.failAs("invariant", detail)
  }

  failAs(kind: FailureKind, detail: string): void {
    if (this.#failure !== undefined || this.#over) return
    this.#failure = {
      kind,
      detail,
      seed: this.seed,
      tier: this.#tier.name,
      scenario: this.#options.scenario ?? "unnamed",
      step: this.#step,
      millis: this.now,
      events: this.events.trailing(),
      eventsDropped: this.events.dropped
    }
  }

  onStep(check: () => void): void {
    this.#checks.push(check)
  }

  strike<A, E>(fiber: Fiber.RuntimeFiber<A, E>): void {
    this.#strikes.enlist(fiber, this.#queue.track(fiber))
  }

  /** Steps until the program has finished or something failed. */
  run(finished: () => boolean): void {
    while (!finished() && this.#failure === undefined) {
      if (!this.#advance()) return this.failAs("deadlock", "nothing is ready, no timer is set, the program waits")
      this.#runChecks()
      const struck = this.#strikes.step()
      if (struck !== undefined) this.log(`interrupt out of the blue for fiber ${struck}`)
      if (this.#step >= this.#stepsMax) this.failAs("livelock", `not finished after ${this.#stepsMax} steps`)
      if (this.now > this.#virtualMillisMax) {
        this.failAs("livelock", `not finished after ${this.#virtualMillisMax} ms of virtual time`)
      }
    }
  }

  /** Ends what the run left behind: Effect keeps daemons that never end in a global set, which would only grow. */
  tearDown(interrupt: (fiber: AnyFiber) => void): void {
    this.#over = true
    for (const fiber of this.census.alive) interrupt(fiber)
    for (let step = 0; step < tearDownSteps && this.census.alive.size > 0; step++) {
      if (!this.#advance()) return
    }
  }

  #advance(): boolean {
    this.#step++
    try {
      if (this.#timerIsEarly() && this.#fireTimer()) return true
      const task = this.#queue.take(this.#scheduleRandom)
      if (task === undefined) return this.#fireTimer()
      this.events.choice((task.fiber.number << 8) ^ this.#queue.size)
      task.run()
    } catch (thrown) {
      // Fibers catch their own errors, so this came from a bare callback of the clock.
      this.#defect(`a callback threw ${describe(thrown)}`)
    }
    return true
  }

  #timerIsEarly(): boolean {
    if (--this.#stepsToEarlyTimer > 0) return false
    this.#stepsToEarlyTimer = this.#scheduleRandom.trialsUntilSuccess(this.#earlyTimerProbability)
    return true
  }

  #fireTimer(): boolean {
    const timer = this.clock.fireNext()
    if (timer === undefined) return false
    this.events.choice(0x7e57 ^ timer)
    return true
  }

  #runChecks(): void {
    try {
      for (const check of this.#checks) check()
    } catch (thrown) {
      this.fail(describe(thrown))
    }
  }

  #defect(description: string): void {
    if (this.#options.allowDefects !== true) this.failAs("defect", description)
  }
}

const describe = (thrown: unknown): string => thrown instanceof Error ? thrown.message : String(thrown)
