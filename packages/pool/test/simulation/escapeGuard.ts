import { Scheduler } from "effect"
import * as AsyncHooks from "node:async_hooks"

/** The run whose program must not reach the real world. */
export interface Guarded {
  readonly millis: () => number
  /** Feeds `Math.random`, which Effect itself uses for identity hashes and span ids. */
  readonly random: () => number
  readonly escaped: (what: string) => void
}

let guarded: Guarded | undefined

/**
 * Runs the body with every door to the real world watched: timers, microtasks, promises, sockets, files, and fibers
 * started outside the run's scheduler. Time and randomness of the process are replaced rather than forbidden, since
 * Effect reads them for fiber ids and metrics. All is as before when it returns.
 */
export const guard = <A>(run: Guarded, body: () => A): A => {
  if (guarded !== undefined) throw new Error("A simulation cannot run inside another one")
  const restores = replaceGlobals()
  guarded = run
  asyncResources.enable()
  try {
    return body()
  } finally {
    asyncResources.disable()
    guarded = undefined
    for (const restore of restores) restore()
  }
}

/** Any asynchronous resource born during a run is an escape: the run itself is synchronous and needs none. */
const asyncResources = AsyncHooks.createHook({
  init(_id, type) {
    escape(`an asynchronous resource (${type})`)
  }
})

const escape = (what: string): void => {
  if (guarded === undefined) return
  const stack = (new Error().stack ?? "").split("\n").slice(1).map((line) => line.trim())
  const outside = stack.filter((line) => !line.includes("escapeGuard") && !line.includes("node:internal"))
  guarded.escaped([`${what} escaped the simulation`, ...outside.slice(0, 6)].join("\n    "))
}

/** Console output is for people and changes nothing, but it makes asynchronous resources. */
const unwatched =
  <Arguments extends ReadonlyArray<unknown>>(write: (...parts: Arguments) => void) => (...parts: Arguments): void => {
    const run = guarded
    guarded = undefined
    try {
      write(...parts)
    } finally {
      guarded = run
    }
  }

/** Effect keeps the process alive under `Effect.never` by an interval of this length; it never fires. */
const keepAliveMillis = 2 ** 31 - 2

const spentTimeout = setTimeout(() => {}, 0)
clearTimeout(spentTimeout)
const spentImmediate = setImmediate(() => {})
clearImmediate(spentImmediate)

type Restore = () => void

const replace = <Target extends object, Key extends keyof Target>(
  target: Target,
  key: Key,
  value: Target[Key]
): Restore => {
  const original = Object.getOwnPropertyDescriptor(target, key)
  Object.defineProperty(target, key, { configurable: true, enumerable: true, writable: true, value })
  return () => {
    // What was inherited is inherited again.
    if (original === undefined) Reflect.deleteProperty(target, key)
    else Object.defineProperty(target, key, original)
  }
}

// Only the shape of a call matters here: the promisified forms of the timers are escapes as well, caught as promises.
const asTimer = <Timer>(timer: (run: () => void, millis?: number) => unknown): Timer => timer as unknown as Timer

const realDate = Date
const now = (): number => Math.floor(guarded?.millis() ?? 0)
const nanos = (): bigint => BigInt(Math.round((guarded?.millis() ?? 0) * 1e6))

const virtualDate = new Proxy(realDate, {
  construct: (target, parts: ReadonlyArray<unknown>, newTarget) =>
    Reflect.construct(target, parts.length === 0 ? [now()] : [...parts], newTarget),
  get: (target, key, receiver) => key === "now" ? now : Reflect.get(target, key, receiver)
})

// An escape ends its run after the step, so the call is swallowed: nothing of a dead run may fire later.
const replaceGlobals = (): ReadonlyArray<Restore> => [
  replace(
    globalThis,
    "setTimeout",
    asTimer(() => {
      escape("setTimeout")
      return spentTimeout
    })
  ),
  replace(
    globalThis,
    "setInterval",
    asTimer((_run, millis) => {
      if (millis === undefined || millis < keepAliveMillis) escape("setInterval")
      return spentTimeout
    })
  ),
  replace(
    globalThis,
    "setImmediate",
    asTimer(() => {
      escape("setImmediate")
      return spentImmediate
    })
  ),
  replace(globalThis, "queueMicrotask", () => escape("queueMicrotask")),
  replace(process, "nextTick", () => escape("process.nextTick")),
  replace(Scheduler.defaultScheduler, "scheduleTask", () => escape("a fiber of the default scheduler (Effect.run*)")),
  replace(globalThis, "Date", virtualDate),
  replace(realDate, "now", now),
  replace(performance, "now", () => guarded?.millis() ?? 0),
  replace(process.hrtime, "bigint", nanos),
  replace(Math, "random", () => guarded?.random() ?? 0),
  replace(console, "log", unwatched(console.log)),
  replace(console, "info", unwatched(console.info)),
  replace(console, "warn", unwatched(console.warn)),
  replace(console, "error", unwatched(console.error)),
  replace(console, "debug", unwatched(console.debug))
]
