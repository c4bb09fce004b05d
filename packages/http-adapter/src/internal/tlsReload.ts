/** Looks at the files of an identity again and again, and takes what is new and good. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { read } from "./tlsFiles.ts"
import { contentOf } from "./tlsIdentities.ts"
import type { Followed, TlsKeys } from "./tlsKeys.ts"

/** Whoever writes several files, or long ones, takes a moment. */
const settling = 100

/** Runs until it is interrupted; `changed` is run after each change. */
export const follow = (
  { choice, reading }: Followed,
  keys: TlsKeys,
  changed: Effect.Effect<void>
): Effect.Effect<never> => {
  const { field } = choice
  // Whatever is wrong is told once, and again only when it is something else or was good meanwhile.
  let told: string | undefined
  const files = Effect.tryPromise({ try: () => read(reading, field), catch: (error) => error })
  const look = Effect.gen(function*() {
    const found = yield* files
    const identity = keys.ofOptions(found, field)
    if (Either.isRight(identity) && identity.right.content === choice.current.content) {
      told = undefined
      return
    }
    yield* Effect.sleep(settling)
    if (contentOf(yield* files) !== contentOf(found)) return
    choice.become(yield* identity)
    told = undefined
    yield* Effect.logInfo(`${field}: its files have changed; connections from now on use what they hold`)
    yield* changed
  }).pipe(
    Effect.catchAll((error) => {
      const text = error instanceof Error ? error.message : String(error)
      if (text === told) return Effect.void
      told = text
      return Effect.logWarning(`${field}: its files cannot be used, what they held before stays in use (${text})`)
    }),
    Effect.catchAllDefect((defect) => Effect.logError(`${field}: its files could not be looked at`, defect))
  )
  return Effect.forever(Effect.zipRight(Effect.sleep(reading.refresh), look))
}
