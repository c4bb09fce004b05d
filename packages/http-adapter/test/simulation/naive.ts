/** Streams of results as one might write them at first, each with a bug: a harness that misses one proves nothing about the real one. */
import { Chunk, Effect, Fiber, Option, Queue, Stream } from "effect"
import type { Results } from "./aggregator.ts"

export interface Bug {
  readonly name: "not-awaited" | "end-too-early" | "runs-ahead"
  readonly description: string
  readonly symptom: RegExp
}

export const bugs: ReadonlyArray<Bug> = [
  {
    name: "not-awaited",
    description: "producers are interrupted, but nobody waits for their end",
    symptom: /^producers at rest/
  },
  {
    name: "end-too-early",
    description: "the last producer ends the stream, with outcomes in the buffer",
    symptom: /^outcomes lost/
  },
  { name: "runs-ahead", description: "the buffer has no limit", symptom: /unread of/ }
]

export const naive = (bug: Bug["name"]): Results => (sources, { buffer, concurrency }) =>
  Stream.unwrapScoped(Effect.gen(function*() {
    const queue = bug === "runs-ahead"
      ? yield* Queue.unbounded<{ readonly index: number } | undefined>()
      : yield* Queue.bounded<{ readonly index: number } | undefined>(Math.max(1, buffer))
    const produce = Effect.forEach(
      sources,
      ({ effect }, index) => Effect.zipRight(Effect.exit(effect), Queue.offer(queue, { index })),
      { concurrency: concurrency === Infinity ? "unbounded" : concurrency, discard: true }
    )
    const end = bug === "end-too-early" ? Queue.shutdown(queue) : Queue.offer(queue, undefined)
    yield* Effect.acquireRelease(
      Effect.forkDaemon(Effect.interruptible(Effect.zipRight(produce, end))),
      (fiber) => bug === "not-awaited" ? Fiber.interruptFork(fiber) : Fiber.interrupt(fiber)
    )
    return Stream.repeatEffectChunkOption(
      Queue.take(queue).pipe(
        Effect.catchAllCause(() => Effect.succeed(undefined)),
        Effect.flatMap((outcome) =>
          outcome === undefined ? Effect.fail(Option.none()) : Effect.succeed(Chunk.of(outcome))
        )
      )
    )
  }))
