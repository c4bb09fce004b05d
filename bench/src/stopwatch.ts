/** CPU time judges (a busy machine cannot stretch it); wall time is kept beside it in the results. */
export interface Elapsed {
  readonly cpuNanos: number
  readonly wallNanos: number
}

/** Adds up the time between each `start` and the next `stop`. */
export interface Stopwatch {
  start(): void
  stop(): void
  read(): Elapsed
}

const cpuMicros = (): number => {
  const usage = process.cpuUsage()
  return usage.user + usage.system
}

export const makeStopwatch = (): Stopwatch => {
  let cpuStart = 0
  let wallStart = 0n
  let cpu = 0
  let wall = 0n
  return {
    start() {
      cpuStart = cpuMicros()
      wallStart = process.hrtime.bigint()
    },
    stop() {
      wall += process.hrtime.bigint() - wallStart
      cpu += cpuMicros() - cpuStart
    },
    read: () => ({ cpuNanos: cpu * 1_000, wallNanos: Number(wall) })
  }
}

/**
 * A minor collection, where `--expose-gc` allows it: no cell pays for the young garbage of the one before. A major one
 * would measure something else: it throws away optimised code whose objects have died, and each cell would spend its
 * round in being optimised again (seen: up to three times the cost).
 */
export const collectYoung = (): void => {
  if (typeof globalThis.gc === "function") void globalThis.gc({ type: "minor", execution: "sync" })
}

/** Moves what is alive out of the young space (a second survival does), so that nobody pays for it later. */
export const settleHeap = (): void => {
  collectYoung()
  collectYoung()
}

/** A full collection: for the size of the heap, never between two timings. */
export const collectAll = (): void => {
  if (typeof globalThis.gc === "function") globalThis.gc()
}
