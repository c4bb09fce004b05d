/** A caller in the queue: a fiber parked until it is served, refused, out of time or gone. */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Tracer from "effect/Tracer"
import type { AcquireError } from "../PoolError.ts"
import type { Host } from "./core.ts"
import type { Borrow } from "./lease.ts"
import { Waiter } from "./state/waiters.ts"

export class Caller<in out K, in out Conn, in out E> extends Waiter {
  readonly host: Host<K, Conn, E>
  readonly fiber: Fiber.RuntimeFiber<unknown, unknown>
  private readonly ownSpan: Tracer.AnySpan | undefined
  /** handed over, but perhaps never received: whoever is interrupted gives it back */
  lease: Borrow<K, Conn, E> | undefined = undefined
  private answer: Effect.Effect<Borrow<K, Conn, E>, AcquireError | E> | undefined = undefined
  private resume: ((answer: Effect.Effect<Borrow<K, Conn, E>, AcquireError | E>) => void) | undefined = undefined

  constructor(
    host: Host<K, Conn, E>,
    fiber: Fiber.RuntimeFiber<unknown, unknown>,
    since: number,
    fresh: boolean,
    deadline: number,
    span: Tracer.AnySpan | undefined
  ) {
    super(since, fresh, deadline)
    this.host = host
    this.fiber = fiber
    this.ownSpan = span
  }

  get span(): Tracer.AnySpan | undefined {
    return this.ownSpan ?? this.fiber.currentSpan
  }

  settle(answer: Effect.Effect<Borrow<K, Conn, E>, AcquireError | E>): void {
    if (this.resume === undefined) this.answer = answer
    else this.resume(answer)
  }

  /** Waits for the answer. Interruptible; what to do then is up to whoever called, see `acquire.ts`. */
  await(): Effect.Effect<Borrow<K, Conn, E>, AcquireError | E> {
    return this.answer ?? Effect.async((resume) => {
      if (this.answer === undefined) this.resume = resume
      else resume(this.answer)
    })
  }
}
