/** Takes the settings again whenever the broker gets SIGHUP. What is wrong with them is said, and the old ones stay. */
import { Effect, type Scope } from "effect"
import type { Broker } from "./broker.ts"
import type { BrokerConfig, ConfigInvalid } from "./config.ts"
import type { Run } from "./session.ts"

export const onHangUp = (
  broker: Broker,
  settings: Effect.Effect<BrokerConfig, ConfigInvalid>,
  taken: (settings: BrokerConfig) => void,
  run: Run
): Effect.Effect<void, never, Scope.Scope> => {
  // One after the other, each with what the file says by then.
  const turn = Effect.unsafeMakeSemaphore(1)
  const reload = Effect.flatMap(settings, (next) =>
    Effect.flatMap(broker.reload(next), (changes) => {
      taken(next)
      return Effect.logInfo("other settings", changes)
    })).pipe(
      Effect.catchAll(({ message }) => Effect.logError(`the settings stay as they are: ${message}`)),
      turn.withPermits(1)
    )
  const heard = (): void => void run(reload)
  return Effect.acquireRelease(
    Effect.sync(() => process.on("SIGHUP", heard)),
    () => Effect.sync(() => process.off("SIGHUP", heard))
  )
}
