/**
 * The scope around a request ends what nobody has begun to read: its type does not say so, but a response that is left behind
 * in a scope is of no use to anybody. A body that somebody reads at that time is theirs.
 */
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import type { Exchange } from "./exchange.ts"

/** One finalizer for each scope, however many requests are made in it: a scope may live as long as the program. */
const unread = new WeakMap<Scope.Scope, Set<Exchange>>()

export const endsWithScope = (exchange: Exchange): Effect.Effect<void> =>
  Effect.contextWithEffect((context) => {
    // there may be one, although nobody asked for it
    const scope = context.unsafeMap.get(Scope.Scope.key) as Scope.Scope | undefined
    if (scope === undefined) return Effect.void
    const known = unread.get(scope)
    const exchanges = known ?? new Set()
    exchanges.add(exchange)
    exchange.atEnd(() => exchanges.delete(exchange))
    if (known !== undefined) return Effect.void
    unread.set(scope, exchanges)
    // A scope that has closed runs it at once, but whoever still asks from inside of it means to go on.
    let registered = false
    const finalizer = Effect.sync(() => {
      if (!registered) return
      for (const left of exchanges) if (left.body.unread) left.close("its scope has closed")
    })
    return Effect.map(Scope.addFinalizer(scope, finalizer), () => {
      registered = true
    })
  })
