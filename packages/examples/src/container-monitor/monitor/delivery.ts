/**
 * From the buffer to the sinks. A batch goes to all sinks at once; what one of them does not take after some tries is kept as dead letters for
 * it; then the positions are saved. The buffer is bounded: while a sink is slow, logs are read no faster than it takes them.
 */
import { Chunk, Effect, Queue } from "effect"
import type { Sink } from "../sinks/Sink.ts"
import { DeadLetter, type Service as State } from "../state/State.ts"
import { type Backoff, pause } from "./backoff.ts"
import { type Cursor, digestOf } from "./cursor.ts"
import { type Entry, plain } from "./Entry.ts"

/** After the last entry. */
export const end = Symbol("end")
export type End = typeof end

export interface SinkCounts {
  delivered: number
  /** tries that failed */
  failures: number
  /** entries that were given up */
  dead: number
  lastFailure: string | undefined
}

export interface Options {
  readonly sinks: ReadonlyArray<Sink>
  readonly state: State
  /** entries at once */
  readonly batch: number
  /** how often a batch is tried, the first time included */
  readonly tries: number
  readonly backoff: Backoff
}

export interface Delivery {
  /**
   * Delivers until `end` comes. Interrupted before that, it may have delivered entries whose positions are not saved, so they are read once
   * more; none is lost.
   */
  readonly run: Effect.Effect<void>
  readonly counts: ReadonlyMap<string, Readonly<SinkCounts>>
}

export const make = (queue: Queue.Dequeue<Entry | End>, { backoff, batch, sinks, state, tries }: Options): Delivery => {
  const counts = new Map<string, SinkCounts>(
    sinks.map(({ name }) => [name, { delivered: 0, failures: 0, dead: 0, lastFailure: undefined }])
  )

  const toSink = (sink: Sink, entries: ReadonlyArray<Entry>): Effect.Effect<void> => {
    const lines = entries.map(plain)
    const count = counts.get(sink.name)
    const attempt = (failures: number): Effect.Effect<void> =>
      Effect.catchAll(
        Effect.tap(sink.deliver(lines), () =>
          Effect.sync(() => {
            if (count !== undefined) count.delivered += lines.length
          })),
        (failure) => {
          if (count !== undefined) {
            count.failures += 1
            count.lastFailure = failure.reason
          }
          if (failures + 1 < tries) return Effect.zipRight(pause(backoff, failures), attempt(failures + 1))
          if (count !== undefined) count.dead += lines.length
          return keep("dead letters", state.bury(entries.map((entry) => letterOf(sink.name, entry, failure.reason))))
        }
      )
    return attempt(0)
  }

  /** The state may be busy or full for a while. Until it takes what it has to know, nothing goes on. */
  const keep = <E extends Error>(what: string, saving: Effect.Effect<void, E>, failures = 0): Effect.Effect<void> =>
    Effect.catchAll(saving, (failure) =>
      Effect.logWarning(`${what}: ${failure.message}`).pipe(
        Effect.zipRight(pause(backoff, failures)),
        Effect.zipRight(keep(what, saving, failures + 1))
      ))

  const deliver = (entries: ReadonlyArray<Entry>): Effect.Effect<void> => {
    const cursors = new Map<string, Cursor>()
    for (const { container, cursor } of entries) cursors.set(container.id, cursor)
    return Effect.forEach(sinks, (sink) => toSink(sink, entries), { concurrency: "unbounded", discard: true }).pipe(
      Effect.zipRight(keep("positions", state.saveCursors(cursors)))
    )
  }

  const run: Effect.Effect<void> = Effect.flatMap(Queue.takeBetween(queue, 1, batch), (taken) => {
    const all = Chunk.toReadonlyArray(taken)
    const entries = all.filter((one) => one !== end)
    const delivered = entries.length === 0 ? Effect.void : deliver(entries)
    return entries.length < all.length ? delivered : Effect.zipRight(delivered, run)
  })

  return { run, counts }
}

const letterOf = (sink: string, entry: Entry, reason: string): DeadLetter => {
  const { container, line, name, stream, timestamp } = plain(entry)
  // several lines may have the same time, and the same text
  const nth = entry.cursor[entry.line.stream]?.seen.length ?? 0
  const id = digestOf(JSON.stringify([sink, container, stream, timestamp, nth, line]))
  return new DeadLetter({ id, sink, container, name, stream, timestamp, line, reason })
}
