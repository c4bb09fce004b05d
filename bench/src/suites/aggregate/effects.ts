import { Aggregator } from "@watertight/http-adapter"
import { Effect, Stream } from "effect"
import type { Gate } from "./gate.ts"

/** Ours with a deadline and a limit for each source, and Effect's own means with a deadline. */
const limits = { deadline: "1 minute", timeout: "30 seconds" } as const

const answerOf = (gate: Gate): Effect.Effect<number> =>
  Effect.async<number>((resume) => gate.ask(() => resume(Effect.succeed(1))))

const sourcesOf = (gate: Gate, size: number) => {
  const answer = answerOf(gate)
  return Array.from({ length: size }, (_, index) => Aggregator.source(`source ${index}`, answer))
}

export const fetched = (gate: Gate, size: number) => {
  const sources = sourcesOf(gate, size)
  return () => Aggregator.fetchAndAggregate(sources, limits)
}

export const processed = (gate: Gate, size: number, concurrency: number) => {
  const items = Array.from({ length: size }, (_, index) => index)
  const answer = answerOf(gate)
  return () => Aggregator.processBatch(items, () => answer, { ...limits, concurrency })
}

export const streamed = (gate: Gate, size: number) => {
  const sources = sourcesOf(gate, size)
  return () => Stream.runDrain(Aggregator.streamResults(sources, limits))
}

export const forEach = (gate: Gate, size: number, concurrency: number | "unbounded") => {
  const items = Array.from({ length: size }, (_, index) => index)
  const answer = answerOf(gate)
  return () => Effect.timeoutOption(Effect.forEach(items, () => Effect.exit(answer), { concurrency }), limits.deadline)
}
