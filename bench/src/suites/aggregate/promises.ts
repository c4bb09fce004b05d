import { setMaxListeners } from "node:events"
import { pMapSettled } from "p-map"
import type { Gate } from "./gate.ts"

/** The same in the world of promises: a timer aborts a controller, which is the deadline of all. */
const deadlineMillis = 60_000

type Source = (signal: AbortSignal) => Promise<number>

/** Pays no heed to the signal: it would go on behind the call. */
const heedless = (gate: Gate): Source => () => new Promise((resolve) => gate.ask(() => resolve(1)))

/** Can be given up, as `fetch` can: it listens to the signal for as long as it is at work. */
const heedful = (gate: Gate): Source => (signal) =>
  new Promise((resolve, reject) => {
    const abort = (): void => reject(new Error("late"))
    signal.addEventListener("abort", abort, { once: true })
    gate.ask(() => {
      signal.removeEventListener("abort", abort)
      resolve(1)
    })
  })

const withDeadline = async (run: (signal: AbortSignal) => Promise<unknown>): Promise<void> => {
  const controller = new AbortController()
  // Every source may listen, and is meant to.
  setMaxListeners(0, controller.signal)
  const timer = setTimeout(() => controller.abort(), deadlineMillis)
  try {
    await run(controller.signal)
  } finally {
    clearTimeout(timer)
  }
}

const allSettledOf = (source: Source, size: number) => (): Promise<void> =>
  withDeadline((signal) => Promise.allSettled(Array.from({ length: size }, () => source(signal))))

export const allSettled = (gate: Gate, size: number) => allSettledOf(heedless(gate), size)

export const allSettledHeard = (gate: Gate, size: number) => allSettledOf(heedful(gate), size)

export const settledByMap = (gate: Gate, size: number, concurrency: number) => {
  const source = heedless(gate)
  const items = Array.from({ length: size }, (_, index) => index)
  return (): Promise<void> =>
    withDeadline((signal) => pMapSettled(items, () => source(signal), { concurrency, signal }))
}
