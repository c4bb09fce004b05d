/** Where one fiber waits until something is so, and whoever makes it so rings. */
import * as Effect from "effect/Effect"

export class Bell {
  private listener: (() => void) | undefined

  /** Rings too often do no harm, since nobody listens then. */
  ring(): void {
    const { listener } = this
    this.listener = undefined
    listener?.()
  }

  /** Looks in the very step in which it begins to listen, so that no ring can be missed. */
  until(isSo: () => boolean): Effect.Effect<void> {
    return Effect.async<void>((resume) => {
      if (isSo()) resume(Effect.void)
      else this.listener = () => resume(Effect.void)
    })
  }
}
