/** Events for whoever listens. A slow listener loses events, never slows the pool, and is told how many it lost. */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Mailbox from "effect/Mailbox"
import * as Stream from "effect/Stream"
import { PoolEvent } from "../PoolEvent.ts"

interface Listener {
  readonly mailbox: Mailbox.Mailbox<PoolEvent>
  lost: number
}

export class EventHub {
  private readonly listeners = new Set<Listener>()
  private readonly clock: Clock.Clock
  private closed = false
  buffer: number

  constructor(clock: Clock.Clock, buffer: number) {
    this.clock = clock
    this.buffer = buffer
  }

  /** Whether it is worth making an event. */
  get active(): boolean {
    return this.listeners.size > 0
  }

  emit(event: PoolEvent): void {
    for (const listener of this.listeners) {
      if (listener.lost > 0) {
        const dropped = PoolEvent.Dropped({ at: this.clock.unsafeCurrentTimeMillis(), count: listener.lost })
        if (!listener.mailbox.unsafeOffer(dropped)) {
          listener.lost++
          continue
        }
        listener.lost = 0
      }
      if (!listener.mailbox.unsafeOffer(event)) listener.lost++
    }
  }

  /** Every event from the moment it runs, until the pool has closed. */
  readonly stream: Stream.Stream<PoolEvent> = Stream.unwrapScoped(
    Effect.map(
      Effect.acquireRelease(
        Effect.flatMap(
          // one more, so that there is room to say that some were lost
          Effect.suspend(() => Mailbox.make<PoolEvent>({ capacity: this.buffer + 1, strategy: "dropping" })),
          (mailbox) =>
            Effect.sync(() => {
              const listener: Listener = { mailbox, lost: 0 }
              if (this.closed) end(listener)
              else this.listeners.add(listener)
              return listener
            })
        ),
        (listener) =>
          Effect.sync(() => {
            this.listeners.delete(listener)
          })
      ),
      (listener) => Mailbox.toStream(listener.mailbox)
    )
  )

  close(): void {
    this.closed = true
    for (const listener of this.listeners) end(listener)
    this.listeners.clear()
  }
}

const end = (listener: Listener): void => {
  listener.mailbox.unsafeDone(Exit.void)
}
