/** Using the connector of a scripted network as a pool would. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import type { Signal } from "../src/Connector.ts"
import type { TestNetwork } from "../src/testing/index.ts"

/** One dial as a pool makes it: in a scope of its own, with the signals kept. */
export const dial = (network: TestNetwork, key = "a", address = "10.0.0.1") =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    const signals: Array<Signal> = []
    const fiber = yield* network.connector.open(key, address, (signal) => signals.push(signal)).pipe(
      Scope.extend(scope),
      Effect.fork
    )
    yield* settle
    return { fiber, signals, connected: Fiber.join(fiber), close: Scope.close(scope, Exit.void) }
  })

/** Lets everything run that can without the time going on. */
export const settle: Effect.Effect<void> = TestClock.adjust(0)

export const parked = (fiber: Fiber.RuntimeFiber<unknown, unknown>) =>
  Effect.map(fiber.poll, (exit) => exit._tag === "None")
