/** A place where fibers can be made to hang. */
import * as Effect from "effect/Effect"

/** Open at first. While it is shut, whatever passes hangs there, and goes on when it opens again. */
export class Gate {
  private shut = false
  private readonly latch = Effect.unsafeMakeLatch(true)

  set(shut: boolean): void {
    this.shut = shut
    if (shut) this.latch.unsafeClose()
    else this.latch.unsafeOpen()
  }

  // an open gate takes no turn of the scheduler, so that a script without hangs adds no interleavings
  readonly pass: Effect.Effect<void> = Effect.suspend(() => this.shut ? this.latch.await : Effect.void)
}
