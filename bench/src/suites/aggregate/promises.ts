import { pMapSettled } from "p-map"
import type { Gate } from "./gate.ts"

/** The same in the world of promises: each source can be given up by a signal, and a timer is the deadline of all. */
const deadlineMillis = 60_000

const sourceOf = (gate: Gate) => (signal: AbortSignal): Promise<number> =>
  new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason instanceof Error ? signal.reason : new Error("aborted"))
    signal.addEventListener("abort", abort, { once: true })
    gate.ask(() => {
      signal.removeEventListener("abort", abort)
      resolve(1)
    })
  })

const withDeadline = async (run: (signal: AbortSignal) => Promise<unknown>): Promise<void> => {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(new Error("late")), deadlineMillis)
  try {
    await run(controller.signal)
  } finally {
    clearTimeout(timer)
  }
}

export const allSettled = (gate: Gate, size: number) => {
  const source = sourceOf(gate)
  return (): Promise<void> =>
    withDeadline((signal) => Promise.allSettled(Array.from({ length: size }, () => source(signal))))
}

export const settledByMap = (gate: Gate, size: number, concurrency: number) => {
  const source = sourceOf(gate)
  const items = Array.from({ length: size }, (_, index) => index)
  return (): Promise<void> =>
    withDeadline((signal) => pMapSettled(items, () => source(signal), { concurrency, signal }))
}
