/**
 * What is asked of one process, each under an id of our own. Whoever asks waits for the answer, for the end of the process, or for the
 * end of its time; whoever leaves is forgotten, and the answer with it.
 */
import { Settings, type Timekeeper } from "@watertight/pool"
import * as Effect from "effect/Effect"
import type { Protocol } from "../Protocol.ts"
import * as StdioError from "../StdioError.ts"
import { encode, encodeCall } from "./messages.ts"
import type { Letter, Outbox } from "./outbox.ts"
import type { CallOptions, TimeLimit } from "./service.ts"
import type { Counters } from "./traffic.ts"

type RequestError = StdioError.RequestError

/** What calls need to know of their process. */
export interface Callee {
  readonly label: string
  readonly pid: number
  readonly outbox: Outbox
  readonly keeper: Timekeeper.Timekeeper
  readonly protocol: Protocol
  readonly requestTimeout: number
  /** why nothing can be asked, if nothing can */
  readonly failure: (written: boolean) => RequestError | undefined
  readonly count: (what: keyof Counters) => void
  /** nobody has answered for so long */
  readonly onTimeout: (timeout: number) => void
  readonly warn: (message: string) => void
}

interface Pending {
  readonly method: string
  readonly params: unknown
  readonly letter: Letter
  readonly timeout: number
  readonly options: CallOptions
  readonly settle: (answer: Effect.Effect<unknown, RequestError>) => void
  timer: Timekeeper.Timer | undefined
}

export class Calls {
  private readonly callee: Callee
  private readonly pending = new Map<number, Pending>()
  /** those who wait until something is written to which there is no answer */
  private readonly writing = new Set<() => void>()
  private lastId = 0

  constructor(callee: Callee) {
    this.callee = callee
  }

  get size(): number {
    return this.pending.size
  }

  get idle(): boolean {
    return this.pending.size === 0 && this.writing.size === 0
  }

  /** Asks, with parameters that are JSON already. */
  ask(
    method: string,
    params: unknown,
    text: string | undefined,
    options: CallOptions
  ): Effect.Effect<unknown, RequestError> {
    return Effect.async((resume) => {
      const { count, failure, outbox, protocol } = this.callee
      const lost = failure(false)
      if (lost !== undefined) return resume(Effect.fail(lost))
      const timeout = this.timeoutOf(options)
      const id = ++this.lastId
      const body = options.onProgress !== undefined && protocol.track !== undefined
        ? JSON.stringify(protocol.track(params, id))
        : text
      const letter = outbox.post(encodeCall(id, method, body))
      const pending: Pending = { method, params, letter, timeout, options, settle: resume, timer: undefined }
      this.pending.set(id, pending)
      count("requests")
      this.limit(id, pending)
      return Effect.sync(() => {
        if (this.take(id) === undefined) return
        count("interrupted")
        this.giveUp(id, pending, "interrupted")
      })
    })
  }

  /** Tells; done when the pipe has taken it. */
  tell(method: string, text: string | undefined, options: TimeLimit): Effect.Effect<void, RequestError> {
    return Effect.async((resume) => {
      const { failure, keeper, label, outbox, pid } = this.callee
      const lost = failure(false)
      if (lost !== undefined) return resume(Effect.fail(lost))
      const timeout = this.timeoutOf(options)
      const leave = (): void => {
        keeper.cancel(timer)
        this.writing.delete(fail)
        outbox.withdraw(letter)
      }
      const done = (end: Effect.Effect<void, RequestError>): void => {
        leave()
        resume(end)
      }
      const fail = (): void => {
        const error = failure(letter.sent)
        if (error !== undefined) done(Effect.fail(error))
      }
      const letter = outbox.post(encodeCall(undefined, method, text), () => done(Effect.void))
      const timer = timeout === Infinity ? undefined : keeper.at(keeper.now() + timeout, () =>
        done(
          Effect.fail(new StdioError.RequestTimeout({ server: label, pid, method, timeout, written: letter.sent }))
        ))
      this.writing.add(fail)
      return Effect.sync(leave)
    })
  }

  /** Gives an answer to whoever waits for it. What there is to it besides: `late` if it was asked, `unasked` if it never was. */
  answer(
    id: unknown,
    answer: (method: string) => Effect.Effect<unknown, RequestError>
  ): "answered" | "late" | "unasked" {
    if (typeof id !== "number") return "unasked"
    const pending = this.take(id)
    if (pending === undefined) return Number.isInteger(id) && id > 0 && id <= this.lastId ? "late" : "unasked"
    pending.settle(answer(pending.method))
    return "answered"
  }

  /** The one request that there is, for an answer that does not say to what. */
  get only(): number | undefined {
    return this.pending.size === 1 ? this.pending.keys().next().value : undefined
  }

  paramsOf(id: number): unknown {
    return this.pending.get(id)?.params
  }

  /** Whether there was somebody to tell. */
  progress(id: number, params: unknown): boolean {
    const pending = this.pending.get(id)
    if (pending?.options.onProgress === undefined) return false
    if (pending.options.resetTimeoutOnProgress === true) {
      this.callee.keeper.cancel(pending.timer)
      this.limit(id, pending)
    }
    try {
      pending.options.onProgress(params)
    } catch (error) {
      this.callee.warn(`onProgress of ${pending.method} threw: ${String(error)}`)
    }
    return true
  }

  /** No answer comes any more. */
  failAll(): void {
    for (const [id, pending] of this.pending) {
      const error = this.callee.failure(pending.letter.sent)
      if (error === undefined) continue
      this.take(id)
      pending.settle(Effect.fail(error))
    }
    for (const fail of this.writing) fail()
  }

  private timeoutOf({ timeout }: TimeLimit): number {
    return timeout === undefined
      ? this.callee.requestTimeout
      : Settings.argument("timeout", Settings.positive, timeout)
  }

  private limit(id: number, pending: Pending): void {
    const { keeper } = this.callee
    if (pending.timeout === Infinity) return
    pending.timer = keeper.at(keeper.now() + pending.timeout, () => this.late(id, pending))
  }

  private late(id: number, pending: Pending): void {
    const { label, onTimeout, pid } = this.callee
    const { letter, method, timeout } = pending
    this.take(id)
    const written = letter.sent
    this.callee.count("timedOut")
    this.giveUp(id, pending, "timed out")
    pending.settle(Effect.fail(new StdioError.RequestTimeout({ server: label, pid, method, timeout, written })))
    onTimeout(timeout)
  }

  /** What has not been written is taken back; of what has been, the process is told. */
  private giveUp(id: number, { letter, method }: Pending, reason: string): void {
    const { outbox, protocol } = this.callee
    if (outbox.withdraw(letter)) return
    const told = protocol.cancel?.(id, method, reason)
    if (told !== undefined) outbox.post(encode(told))
  }

  private take(id: number): Pending | undefined {
    const pending = this.pending.get(id)
    if (pending === undefined) return undefined
    this.pending.delete(id)
    this.callee.keeper.cancel(pending.timer)
    return pending
  }
}

/** Parameters as JSON, or what is wrong with them. */
export const textOf = (method: unknown, params: unknown): string | undefined | StdioError.RequestInvalid => {
  if (typeof method !== "string" || method === "") {
    return new StdioError.RequestInvalid({ field: "method", value: method, allowed: "a text that is not empty" })
  }
  if (params === undefined) return undefined
  const allowed = "an object or an array that JSON can hold, or nothing"
  try {
    const text: unknown = JSON.stringify(params)
    if (typeof text === "string" && /^[{[]/.test(text)) return text
  } catch {
    // a bigint, a circle, or a toJSON that throws
  }
  return new StdioError.RequestInvalid({ field: "params", value: typeof params, allowed })
}
