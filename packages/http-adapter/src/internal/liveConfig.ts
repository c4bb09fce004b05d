/** The settings of a pool as they are at the moment, and what becomes of connections when they change. */
import type { ConnectionPool, PoolConfig, PoolError } from "@watertight/pool"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { identity } from "effect/Function"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import type { Options } from "../HttpAdapterConfig.ts"
import { IdentityUnknown } from "../HttpError.ts"
import * as Origin from "../Origin.ts"
import type { ClientView } from "./httpPool.ts"
import { type Identities, OpenTls } from "./openTls.ts"
import { type HttpSettings, type Split, split } from "./settings.ts"
import { type Followed, TlsKeys } from "./tlsKeys.ts"
import { follow } from "./tlsReload.ts"

type Reconfigure = ConnectionPool.ConnectionPool<Origin.Origin, unknown, unknown>["reconfigure"]

export interface LiveConfig {
  readonly current: () => Split
  readonly client: () => ClientView
  readonly settingsOf: (origin: Origin.Origin) => HttpSettings
  readonly identitiesOf: (origin: Origin.Origin) => Either.Either<Identities, IdentityUnknown>
  readonly openTls: OpenTls
  /** the same origin with the proxy that the settings have for it */
  readonly route: (origin: Origin.Origin) => Origin.Origin
  /** `wanted` is found by what was given before; `applied` is run in the step in which the change is made */
  readonly change: (
    wanted: (given: Partial<Options>) => Partial<Options>,
    pool: Reconfigure,
    applied?: (next: Split) => void
  ) => Effect.Effect<void, PoolError.ConfigInvalid>
}

/** After a change of these, some hosts may be asked no more. */
const movers = ["proxy", "identities"] as const

/** Files of identities are looked at until the scope closes. */
export const makeConfig = (
  options: Partial<Options>
): Effect.Effect<LiveConfig, PoolError.ConfigInvalid, Scope.Scope> =>
  Effect.gen(function*() {
    const clock = yield* Effect.clock
    const scope = yield* Effect.scope
    const fork = Runtime.runFork(yield* Effect.runtime())
    const openTls = new OpenTls()
    /** None for a host whose settings do not fit together now: nothing more is to be asked as whoever we were before. */
    const identitiesNow = (origin: Origin.Origin): Identities | undefined =>
      Either.getOrUndefined(Either.flatMap(Either.try(() => identitiesOf(origin)), identity))
    const drain = (): void => openTls.drain(identitiesNow)
    const keys = new TlsKeys(
      () => clock.unsafeCurrentTimeMillis(),
      (files: Followed) => void fork(follow(files, keys, Effect.sync(drain)), { scope })
    )
    let given = options
    let current = yield* split(options, keys)
    let client: ClientView = { ...current.client, identities: current.identities }

    const identitiesOf = (origin: Origin.Origin): Either.Either<Identities, IdentityUnknown> => {
      const { identities, of } = current
      const proxy = origin.proxy === undefined ? undefined : orThrow(keys.ofProxy(origin.proxy, "proxy.tls"))
      if (origin.identity !== undefined && !identities.has(origin.identity)) {
        return Either.left(new IdentityUnknown({ identity: origin.identity, known: [...identities.keys()] }))
      }
      if (origin.scheme === "http") return Either.right({ host: undefined, proxy })
      const { tls } = of(origin)
      const named = origin.identity === undefined ? undefined : identities.get(origin.identity)
      return Either.right({ host: named === undefined ? tls.current : orThrow(keys.onTop(tls, named)), proxy })
    }

    const route = (origin: Origin.Origin): Origin.Origin => {
      if (origin.proxy !== undefined || origin.socketPath !== undefined) return origin
      const proxy = current.of(origin).proxy.of(origin)
      return proxy === undefined ? origin : Origin.make({ ...origin, proxy })
    }

    // One after the other, and each as a whole: a fiber may yield between any two steps.
    const turns = Effect.unsafeMakeSemaphore(1)
    const change: LiveConfig["change"] = (wantedOf, pool, applied) =>
      turns.withPermits(1)(Effect.uninterruptible(Effect.gen(function*() {
        const wanted = wantedOf(given)
        const next = yield* split({ ...given, ...wanted }, keys)
        // which hosts are left behind is said by overrides
        const moves = movers.some((name) => Object.hasOwn(wanted, name))
        const changed = Object.fromEntries(
          Object.entries(next.pool).filter(([name]) => Object.hasOwn(wanted, name) || (moves && name === "overrides"))
        )
        yield* pool(changed as Partial<PoolConfig.Options<Origin.Origin>>)
        given = { ...given, ...wanted }
        current = next
        client = { ...next.client, identities: next.identities }
        applied?.(next)
        drain()
      })))

    return {
      current: () => current,
      client: () => client,
      settingsOf: (origin) => current.of(origin),
      identitiesOf,
      openTls,
      route,
      change
    }
  })

/** What was good when it was given alone is a mistake in the program when it is not on top of something else. */
const orThrow = <A>(checked: Either.Either<A, PoolError.ConfigInvalid>): A =>
  Either.getOrThrowWith(checked, (error) => error)
