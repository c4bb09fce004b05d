import { Effect } from "effect"
import type { Cell, Sample, Series } from "../../measure.ts"
import { ratioOf } from "../../statistics.ts"
import type { Remote } from "./processes.ts"
import type { Quantiles, Task } from "./protocol.ts"

/** A sample of a client in its own process, with what the server spent meanwhile. */
export interface HttpSample extends Sample {
  readonly serverCpuNanos: number
  readonly latency?: Quantiles
  readonly memory?: { readonly before: number; readonly peak: number }
  readonly givenUp?: number
}

export type HttpSeries = Series<HttpSample>

export interface Order {
  readonly task: Task
  readonly operations: number
}

export const httpCell = (
  name: string,
  server: Remote,
  client: Remote,
  orderOf: (operations: number) => Order
): Cell<HttpSample> => ({
  name,
  sample: (wanted) =>
    Effect.gen(function*() {
      const { operations, task } = orderOf(wanted)
      const before = yield* server.perform({ do: "usage" })
      const done = yield* client.perform(task)
      const after = yield* server.perform({ do: "usage" })
      return { ...done, operations, serverCpuNanos: after.cpuNanos - before.cpuNanos }
    })
})

/** Operations per second of wall time, one for each round. */
export const perSecond = (series: HttpSeries): ReadonlyArray<number> =>
  series.samples.map((sample) => sample.operations / (sample.wallNanos / 1e9))

/** Microseconds of CPU per operation, one for each round. */
export const cpuMicros = (series: HttpSeries): ReadonlyArray<number> => series.nanos.map((nanos) => nanos / 1_000)

/** How many cores the client, and how many the server kept busy. */
export const clientCores = (series: HttpSeries): ReadonlyArray<number> =>
  series.samples.map((sample) => sample.cpuNanos / sample.wallNanos)
export const serverCores = (series: HttpSeries): ReadonlyArray<number> =>
  series.samples.map((sample) => sample.serverCpuNanos / sample.wallNanos)

/** Paired round by round, as far as the shorter series goes. */
export const pairedRatio = (values: ReadonlyArray<number>, peers: ReadonlyArray<number>) => {
  const rounds = Math.min(values.length, peers.length)
  return ratioOf(values.slice(0, rounds), peers.slice(0, rounds))
}
