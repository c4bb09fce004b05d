/**
 * One process as a connection: what it says is taken apart here. An answer is never dropped as long as somebody waits for it;
 * everything else that a process can send has a limit.
 */
import { Connector } from "@watertight/pool"
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type { Channel, Notification, Protocol } from "../Protocol.ts"
import * as StdioError from "../StdioError.ts"
import type { StdioServer } from "../StdioServer.ts"
import { answerOf } from "./answers.ts"
import type { Around } from "./around.ts"
import { Calls, textOf } from "./calls.ts"
import { type Child, lastWords, type Listener } from "./child.ts"
import { encode, encodeAll, type Message } from "./messages.ts"
import { type Fault, Reader, type Readership } from "./reader.ts"
import { requestWith } from "./schema.ts"
import type { CallOptions, Handler, StdioProcess, TimeLimit, Told } from "./service.ts"
import type { Asked } from "./serving.ts"
import { type Counters, counters } from "./traffic.ts"

export class Wire implements Listener, Readership, StdioProcess {
  readonly child: Child
  readonly server: StdioServer
  readonly protocol: Protocol
  readonly notifications: Stream.Stream<Told>
  readonly traffic: Counters = counters()
  ready: unknown = undefined
  /** answers requests of the process instead of the pool's */
  handler: Handler | undefined = undefined
  /** when it last answered anything, if only with an error: it may say a lot, and answer nobody */
  answeredAt: number
  private readonly around: Around
  private readonly calls: Calls
  private readonly reader: Reader
  private why: string | undefined = undefined
  private fault: Fault | undefined = undefined
  private warned = false

  constructor(child: Child, around: Around) {
    const { keeper, ownNotices, protocol, server, settings, suspect, warn } = around
    this.child = child
    this.around = around
    this.server = server
    this.protocol = protocol
    this.notifications = ownNotices.stream
    this.answeredAt = keeper.now()
    this.reader = new Reader(server.label, child.pid, settings, this)
    this.calls = new Calls({
      label: server.label,
      pid: child.pid,
      outbox: child.outbox,
      keeper,
      protocol,
      requestTimeout: settings.requestTimeout,
      failure: (written) => this.failure(written),
      count: (what) => this.count(what),
      onTimeout: (timeout) => {
        // It may be at work on something long, or never answer anybody again.
        if (keeper.now() - this.answeredAt >= timeout) suspect(this.channel, (reason) => this.lose(reason))
      },
      warn
    })
  }

  get pid(): number {
    return this.child.pid
  }

  get inFlight(): number {
    return this.calls.size
  }

  get stderr(): string {
    return this.child.stderr
  }

  // -------------------------------------------------------------------------------------------------------------------
  // Out
  // -------------------------------------------------------------------------------------------------------------------

  request(
    method: string,
    params?: unknown,
    options: CallOptions = {}
  ): Effect.Effect<unknown, StdioError.RequestError> {
    return Effect.suspend(() => {
      const text = textOf(method, params)
      return typeof text === "object" ? Effect.fail(text) : this.calls.ask(method, params, text, options)
    })
  }

  requestWith<A, I, R>(schema: Schema.Schema<A, I, R>) {
    return (method: string, params?: unknown, options?: CallOptions) =>
      requestWith(schema, this.server.label, method, this.request(method, params, options))
  }

  notify(method: string, params?: unknown, options: TimeLimit = {}): Effect.Effect<void, StdioError.RequestError> {
    return Effect.suspend(() => {
      const text = textOf(method, params)
      return typeof text === "object" ? Effect.fail(text) : this.calls.tell(method, text, options)
    })
  }

  /** For handshakes and checks, which have time limits of their own. */
  readonly channel: Channel = {
    request: (method, params) => this.request(method, params, { timeout: Infinity }),
    notify: (method, params) => this.notify(method, params, { timeout: Infinity })
  }

  /** A request whose parameters are JSON already. */
  call(method: string, params: unknown, text: string | undefined, options: CallOptions) {
    return this.calls.ask(method, params, text, options)
  }

  // -------------------------------------------------------------------------------------------------------------------
  // In
  // -------------------------------------------------------------------------------------------------------------------

  onOutput(chunk: Uint8Array): void {
    this.reader.push(chunk)
  }

  onNoise(): void {
    this.count("noise")
  }

  onFault(fault: Fault): void {
    this.fault = fault
    this.lose(fault.message)
    this.calls.failAll()
  }

  onMessages(messages: ReadonlyArray<Message>, together: boolean, size: number): void {
    const asked: Array<Asked> = []
    for (const message of messages) {
      if (message.kind === "request") asked.push(message)
      else if (message.kind === "notification") this.onNotification(message, size)
      else this.onAnswer(message)
    }
    if (asked.length > 0) this.serve(asked, together)
  }

  private onAnswer(message: Extract<Message, { readonly kind: "result" | "error" | "broken" }>): void {
    this.answeredAt = this.around.keeper.now()
    // A server that could not read a request cannot say which; it is clear when there is but one.
    const what = this.calls.answer(
      message.id ?? this.calls.only,
      (method) => answerOf(this.server.label, method, message)
    )
    this.count(what)
    if (what !== "unasked" || this.warned) return
    this.warned = true
    this.around.warn(`${this.server.label}: process ${this.pid} answered what nobody had asked; it is retired`)
    // Those who wait may yet get their answers.
    this.around.report(Connector.Signal.Draining())
  }

  private onNotification({ method, params }: Notification, size: number): void {
    const { calls, protocol, server } = this
    this.count("notifications")
    const progress = protocol.progressOf?.({ method, params }, (id) => calls.paramsOf(id))
    if (progress !== undefined && calls.progress(progress.id, progress.params)) return
    const cancelled = protocol.cancelled?.({ method, params })
    if (cancelled !== undefined) return this.around.serving.cancel(cancelled)
    const told: Told = { server, pid: this.pid, method, params, lost: 0 }
    this.around.notices.emit(told, size)
    this.around.ownNotices.emit(told, size)
  }

  private serve(asked: ReadonlyArray<Asked>, together: boolean): void {
    const { outbox } = this.child
    for (const _ of asked) this.count("served")
    this.around.serving.serve(asked, (request) => this.handle(request), {
      answer: (answers, onTaken) => {
        const [first] = answers
        if (first !== undefined) outbox.post(together ? encodeAll(answers) : encode(first), onTaken)
      },
      onUnread: () => this.lose("it asks and asks, and reads no answer")
    })
  }

  private handle({ method, params }: Asked): Effect.Effect<unknown, unknown> {
    const own = this.protocol.answer?.(method, params)
    if (own !== undefined) return Effect.succeed(own)
    const handler = this.handler ?? this.around.handler
    if (handler === undefined) return Effect.fail({ code: -32601, description: `there is no ${method} here` })
    return handler({ process: this, method, params })
  }

  // -------------------------------------------------------------------------------------------------------------------
  // The end
  // -------------------------------------------------------------------------------------------------------------------

  onEnd(reason: string): void {
    this.lose(reason)
  }

  onSilence(): void {
    this.calls.failAll()
  }

  /** Nothing is asked of it any more. What was asked may still be answered. */
  lose(reason: string): void {
    if (this.why !== undefined) return
    this.why = reason
    this.around.serving.close()
    this.around.report(Connector.Signal.Closed({ reason }))
  }

  /** Those who wait for a process that is about to end by itself have a moment, the others none. */
  readonly closing: Effect.Effect<void> = Effect.suspend(() => {
    this.lose("closed by the pool")
    const { calls, child } = this
    const wait = child.over && !child.silent && this.fault === undefined && !calls.idle
    return Effect.map(wait ? child.until(() => child.silent, lastWords) : Effect.void, () => {
      calls.failAll()
      this.around.ownNotices.close()
    })
  })

  private failure(written: boolean): StdioError.RequestError | undefined {
    const { child, fault, pid, reader, server, why } = this
    if (why === undefined) return undefined
    if (fault !== undefined && written) return fault
    return new StdioError.ProcessLost({
      server: server.label,
      pid,
      reason: child.exit === undefined ? why : "it has ended",
      written,
      exit: child.exit ?? { code: undefined, signal: undefined },
      partial: reader.pending,
      stderr: child.stderr
    })
  }

  private count(what: keyof Counters): void {
    this.traffic[what]++
    this.around.total[what]++
  }
}
