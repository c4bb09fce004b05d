import { quantile } from "../../../statistics.ts"
import { type Done, type Download, type Quantiles, type Requests, type Task, usage } from "../protocol.ts"
import type { Client } from "./client.ts"

/** How often the memory is looked at during a download. */
const LOOK_MILLIS = 5

const timed = async <A>(work: () => Promise<A>) => {
  const start = usage()
  const value = await work()
  const end = usage()
  return { value, spent: { cpuNanos: end.cpuNanos - start.cpuNanos, wallNanos: end.wallNanos - start.wallNanos } }
}

/** What was recorded is sorted when the clock has stopped. */
const quantilesOf = (recorded: Float64Array): Quantiles => {
  const millis = Array.from(recorded)
  return { p50: quantile(millis, 0.5), p99: quantile(millis, 0.99), p999: quantile(millis, 0.999) }
}

const requests = async (client: Client, work: Requests): Promise<Done> => {
  const millis = new Float64Array(work.latency ? work.requests : 0)
  let recorded = 0
  const recorder = (taken: number): void => {
    millis[recorded] = taken
    recorded += 1
  }
  const { spent, value: finish } = await timed(() => client.requests(work, work.latency ? recorder : undefined))
  const givenUp = await finish()
  if (!work.latency) return { ...spent, givenUp }
  if (recorded !== work.requests) throw new Error(`${recorded} requests were answered instead of ${work.requests}`)
  return { ...spent, givenUp, latency: quantilesOf(millis) }
}

const download = async (client: Client, work: Download): Promise<Done> => {
  if (client.download === undefined) throw new Error("this client does not download")
  const read = client.download
  const before = process.memoryUsage.rss()
  let peak = before
  const look = (): void => {
    peak = Math.max(peak, process.memoryUsage.rss())
  }
  const timer = setInterval(look, LOOK_MILLIS)
  const { spent, value: received } = await timed(() => read(work))
  clearInterval(timer)
  look()
  if (received !== work.bytes) throw new Error(`received ${received} bytes instead of ${work.bytes}`)
  return { ...spent, memory: { before, peak } }
}

export const perform = async (client: Client, task: Task): Promise<Done> => {
  switch (task.do) {
    case "requests":
      return requests(client, task)
    case "download":
      return download(client, task)
    case "usage":
      return usage()
  }
}
