/** A server in memory: what it does with what it is asked, and how it misbehaves. */
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import type { SystemError } from "@effect/platform/Error"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import { hasProperty, isReadonlyRecord } from "effect/Predicate"
import { Lines } from "../internal/lines.ts"
import { encode, type Message, read } from "../internal/messages.ts"
import { type FakeProcess, type Life, make } from "./process.ts"

/** A message as it arrived at a server. */
export interface Arrival {
  readonly method: string
  readonly params: unknown
  readonly pid: number
}

/** The process that a request arrived at. */
export interface TestProcess {
  readonly pid: number
  /** Says something unasked. */
  notify(method: string, params?: unknown): Effect.Effect<void>
  /** Asks the client; the answer is its result or its error, as it came. */
  request(method: string, params?: unknown): Effect.Effect<Message>
}

/** What a server answers. What it fails with is the error, if that has a `code` and a `description`. */
export type TestServer<R = never> = (
  request: Arrival & { readonly process: TestProcess }
) => Effect.Effect<unknown, unknown, R>

export type Fork = (work: Effect.Effect<void>) => Fiber.RuntimeFiber<void>

export class FakeServer {
  readonly label: string
  readonly handler: TestServer
  readonly running = new Set<FakeProcess>()
  readonly requests: Array<Arrival> = []
  readonly notifications: Array<Arrival> = []
  readonly signals: Array<string> = []
  pings = 0
  started = 0
  peak = 0
  startFails: string | undefined = undefined
  dies = 0
  delay = Duration.zero
  ignoresEnd = false
  ignoresTerm = false
  readonly attending = Effect.unsafeMakeLatch(true)
  readonly reading = Effect.unsafeMakeLatch(true)

  constructor(label: string, handler: TestServer) {
    this.label = label
    this.handler = handler
  }

  start(pid: number, fork: Fork): Effect.Effect<FakeProcess, SystemError> {
    return make(pid, (process) => this.lifeOf(process, fork)).pipe(
      Effect.tap((process) => {
        this.started++
        this.running.add(process)
        this.peak = Math.max(this.peak, this.running.size)
      })
    )
  }

  private lifeOf(process: FakeProcess, fork: Fork): Life {
    const lines = new Lines(Infinity)
    const working = new Map<unknown, Fiber.RuntimeFiber<void>>()
    const asked = new Map<unknown, (answer: Message) => void>()
    const say = (message: object): void => {
      if (process.exited) return
      process.say(encode(message))
      process.say("\n")
    }
    const client: TestProcess = {
      pid: process.pid,
      notify: (method, params) => Effect.sync(() => say({ method, params })),
      request: (method, params) =>
        Effect.async((resume) => {
          const id = `ask-${asked.size + 1}`
          asked.set(id, (answer) => resume(Effect.succeed(answer)))
          say({ id, method, params })
        })
    }
    const onMessage = (message: Message): void => {
      if (message.kind === "notification") {
        this.notifications.push({ method: message.method, params: message.params, pid: process.pid })
        const { params } = message
        if (message.method === "notifications/cancelled" && isReadonlyRecord(params)) {
          working.get(params["requestId"])?.unsafeInterruptAsFork(FiberId.none)
        }
      } else if (message.kind === "request") {
        working.set(
          message.id,
          fork(Effect.map(this.work(message, process, client, say), () => working.delete(message.id)))
        )
      } else asked.get(message.id)?.(message)
    }
    return {
      onInput: (chunk) => {
        lines.push(chunk, (line) => {
          const what = read(line)
          for (const message of what.kind === "message" ? [what.message] : what.kind === "batch" ? what.messages : []) {
            onMessage(message)
          }
          return !process.exited
        })
      },
      onInputEnd: () => {
        if (!this.ignoresEnd) process.exit(0)
      },
      onSignal: (signal) => {
        this.signals.push(signal)
        if (signal === "SIGKILL" || (signal === "SIGTERM" && !this.ignoresTerm)) process.exit(signal)
      },
      reading: this.reading.await,
      onExit: () => {
        this.running.delete(process)
        for (const fiber of working.values()) fiber.unsafeInterruptAsFork(FiberId.none)
      }
    }
  }

  private work(
    { id, method, params }: Extract<Message, { readonly kind: "request" }>,
    process: FakeProcess,
    client: TestProcess,
    say: (message: object) => void
  ): Effect.Effect<void> {
    return Effect.gen(this, function*() {
      const arrival: Arrival = { method, params, pid: process.pid }
      const habit = habits[method]?.(this.label, params)
      if (method === "ping") this.pings++
      if (habit === undefined) {
        this.requests.push(arrival)
        if (this.dies > 0) {
          this.dies--
          return process.exit("SIGKILL" satisfies CommandExecutor.Signal)
        }
      }
      yield* this.attending.await
      yield* Effect.sleep(this.delay)
      const answer = habit === undefined ? this.handler({ ...arrival, process: client }) : Effect.succeed(habit)
      yield* Effect.match(answer, {
        onSuccess: (result) => say({ id, result: result ?? null }),
        onFailure: (error) => say({ id, error: errorOf(error) })
      })
    })
  }
}

/** What every MCP server does. */
const habits: Readonly<Record<string, (label: string, params: unknown) => object>> = {
  ping: () => ({}),
  initialize: (name, params) => ({
    protocolVersion: isReadonlyRecord(params) ? params["protocolVersion"] : undefined,
    capabilities: {},
    serverInfo: { name, version: "0.0.0" }
  })
}

const errorOf = (error: unknown) => ({
  code: hasProperty(error, "code") && typeof error.code === "number" ? error.code : -32603,
  message: hasProperty(error, "description") ? String(error.description) : String(error),
  data: hasProperty(error, "data") ? error.data : undefined
})
