import { Cause, Effect, type Exit, FiberId, FiberRef, HashSet, Logger, Random, Runtime, RuntimeFlags } from "effect"
import { guard } from "./escapeGuard.ts"
import type { LoggedEvent } from "./eventLog.ts"
import type { Failure } from "./failure.ts"
import { type Sim, Simulator, type SimulatorOptions } from "./simulator.ts"

export interface SimulationResult<A, E> {
  readonly ok: boolean
  readonly failure: Failure | undefined
  /** How the program ended, if it got that far. */
  readonly exit: Exit.Exit<A, E> | undefined
  /** Over the events and every choice of the scheduler: equal hashes, equal runs. */
  readonly hash: number
  /** Over the events alone. */
  readonly eventHash: number
  readonly steps: number
  readonly operations: number
  readonly forcedYields: number
  readonly interrupts: number
  readonly virtualMillis: number
  /** The last events, oldest first. */
  readonly events: ReadonlyArray<LoggedEvent>
}

/** A third of a run goes into the metrics of fibers otherwise, which read the real clock besides. */
const runtime = Runtime.disableRuntimeFlag(Runtime.defaultRuntime, RuntimeFlags.RuntimeMetrics)

/** Runs the program to its end, here and now: no promise, no timer, no microtask. The seed decides everything. */
export const simulate = <A, E>(
  seed: number,
  program: (sim: Sim) => Effect.Effect<A, E>,
  options: SimulatorOptions = {}
): SimulationResult<A, E> => {
  const simulator = new Simulator(seed, options)
  const guarded = {
    millis: () => simulator.now,
    random: () => simulator.strayRandom.float(),
    escaped: (what: string) => simulator.failAs("escape", what)
  }
  return guard(guarded, () => run(simulator, program))
}

const run = <A, E>(simulator: Simulator, program: (sim: Sim) => Effect.Effect<A, E>): SimulationResult<A, E> => {
  const fiber = Runtime.runFork(runtime)(
    Effect.suspend(() => program(simulator)).pipe(
      Effect.supervised(simulator.census),
      Effect.withClock(simulator.clock),
      Effect.withRandom(Random.make(simulator.seed)),
      // The default logger writes to the console; here a log line is an event of the run.
      Effect.locally(FiberRef.currentLoggers, HashSet.make(eventLogger(simulator)))
    ),
    { scheduler: simulator, immediate: false }
  )
  simulator.run(() => fiber.unsafePoll() !== null)
  const exit = fiber.unsafePoll() ?? undefined
  if (exit?._tag === "Failure") simulator.failAs("exit", Cause.pretty(exit.cause))
  const result: SimulationResult<A, E> = {
    ok: simulator.failure === undefined,
    failure: simulator.failure,
    exit,
    hash: simulator.events.hash,
    eventHash: simulator.events.eventHash,
    steps: simulator.step,
    operations: simulator.operations,
    forcedYields: simulator.forcedYields,
    interrupts: simulator.interrupts,
    virtualMillis: simulator.now,
    events: simulator.failure?.events ?? simulator.events.trailing()
  }
  if (exit === undefined) {
    simulator.census.alive.add(fiber)
    fiber.addObserver(() => simulator.census.alive.delete(fiber))
  }
  simulator.tearDown((left) => left.unsafeInterruptAsFork(FiberId.none))
  return result
}

const eventLogger = (simulator: Simulator): Logger.Logger<unknown, void> =>
  Logger.make(({ logLevel, message }) => {
    const parts = Array.isArray(message) ? message : [message]
    simulator.log(`${logLevel.label} ${parts.map(String).join(" ")}`)
  })
