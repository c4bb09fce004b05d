/** Notifications for whoever listens. A slow listener loses the oldest, never slows a process, and is told how many were lost. */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

/** How much a listener may be behind. */
export interface Room {
  readonly count: number
  readonly bytes: number
}

interface Item<A> {
  readonly value: A
  readonly size: number
}

interface Listener<A> {
  items: Array<Item<A>>
  bytes: number
  lost: number
  ended: boolean
  wake: (() => void) | undefined
}

export class Notices<A extends { readonly lost: number }> {
  private readonly listeners = new Set<Listener<A>>()
  private readonly room: () => Room
  private readonly counted: (count: number) => void
  private closed = false

  constructor(room: () => Room, counted: (count: number) => void) {
    this.room = room
    this.counted = counted
  }

  emit(value: A, size: number): void {
    if (this.listeners.size === 0) return
    const { bytes, count } = this.room()
    for (const listener of this.listeners) {
      listener.items.push({ value, size })
      listener.bytes += size
      let drop = 0
      // The newest one is kept, however large it is.
      while (listener.items.length - drop > 1 && (listener.items.length - drop > count || listener.bytes > bytes)) {
        listener.bytes -= listener.items[drop]?.size ?? 0
        drop++
      }
      if (drop > 0) {
        listener.items.splice(0, drop)
        listener.lost += drop
        this.counted(drop)
      }
      rouse(listener)
    }
  }

  /** Every one from the moment it runs, until the end. */
  readonly stream: Stream.Stream<A> = Stream.unwrapScoped(
    Effect.map(
      Effect.acquireRelease(
        Effect.sync(() => {
          const listener: Listener<A> = { items: [], bytes: 0, lost: 0, ended: this.closed, wake: undefined }
          if (!this.closed) this.listeners.add(listener)
          return listener
        }),
        (listener) =>
          Effect.sync(() => {
            this.listeners.delete(listener)
          })
      ),
      (listener) => Stream.paginateChunkEffect(undefined, () => take(listener))
    )
  )

  close(): void {
    this.closed = true
    for (const listener of this.listeners) {
      listener.ended = true
      rouse(listener)
    }
    this.listeners.clear()
  }
}

const rouse = (listener: Listener<unknown>): void => {
  const { wake } = listener
  listener.wake = undefined
  wake?.()
}

const arrival = (listener: Listener<unknown>): Effect.Effect<void> =>
  Effect.async((resume) => {
    if (listener.items.length > 0 || listener.ended) return resume(Effect.void)
    listener.wake = () => resume(Effect.void)
  })

const take = <A extends { readonly lost: number }>(listener: Listener<A>) =>
  Effect.map(arrival(listener), () => {
    const { items, lost } = listener
    listener.items = []
    listener.bytes = 0
    listener.lost = 0
    const [first] = items
    const values = items.map(({ value }) => value)
    // the first one after the gap says how wide it is
    if (lost > 0 && first !== undefined) values[0] = { ...first.value, lost }
    return [Chunk.unsafeFromArray(values), listener.ended ? Option.none() : Option.some(undefined)] as const
  })
