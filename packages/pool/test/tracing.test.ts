import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import * as Tracer from "effect/Tracer"
import { ask, borrow, poolOf, rig, settle } from "./rig.ts"

/** A tracer that keeps its spans. */
const recorder = () => {
  const spans: Array<Tracer.Span & { readonly events: Array<readonly [name: string, millis: number]> }> = []
  const tracer = Tracer.make({
    span(name, parent, context, links, startTime, kind) {
      const events: Array<readonly [string, number]> = []
      const attributes = new Map<string, unknown>()
      const span = {
        _tag: "Span" as const,
        spanId: `span-${spans.length}`,
        traceId: parent._tag === "Some" ? parent.value.traceId : `trace-${spans.length}`,
        sampled: true,
        name,
        parent,
        context,
        links,
        kind,
        attributes,
        status: { _tag: "Started", startTime } as Tracer.SpanStatus,
        events,
        attribute: (key: string, value: unknown) => attributes.set(key, value),
        event: (event: string, at: bigint) => events.push([event, Number(at / 1_000_000n)]),
        addLinks: () => {},
        end(
          endTime: bigint,
          exit: Tracer.SpanStatus extends infer S ? S extends { exit: infer X } ? X : never : never
        ) {
          span.status = { _tag: "Ended", startTime, endTime, exit }
        }
      }
      spans.push(span)
      return span
    },
    context: (f) => f()
  })
  return { spans, tracer }
}

describe("tracing", () => {
  it.scoped("P7: waiting and dialing are events of the caller's span; the dial has a root span, linked to it", () =>
    Effect.gen(function*() {
      const { spans, tracer } = recorder()
      const { network } = yield* rig({}, { delayOpen: "1 second" })
      // the pool is built in a span of its own, in which nothing of what comes later belongs
      const pool = yield* poolOf(network.connector, { name: "traced" }).pipe(
        Effect.withSpan("startup"),
        Effect.withTracer(tracer)
      )
      const caller = yield* ask(pool).pipe(Effect.withSpan("request"), Effect.withTracer(tracer), Effect.fork)
      yield* settle
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(caller)
      const request = spans.find(({ name }) => name === "request")!
      assert.deepStrictEqual(request.events, [
        ["watertight.waiting", 0],
        ["watertight.dialing", 0],
        ["watertight.acquired", 1000]
      ])
      const dials = spans.filter(({ name }) => name === "watertight.dial")
      assert.lengthOf(dials, 1)
      const dial = dials[0]!
      assert.strictEqual(dial.parent._tag, "None")
      assert.strictEqual(dial.kind, "client")
      assert.deepStrictEqual(dial.links.map(({ span }) => span.spanId), [request.spanId])
      assert.deepStrictEqual(Object.fromEntries(dial.attributes), {
        "server.address": "a",
        "network.peer.address": "10.0.0.1"
      })
      assert.strictEqual(dial.status._tag, "Ended")
      assert.deepStrictEqual(spans.map(({ name }) => name), ["startup", "request", "watertight.dial"])
    }))

  it.scoped("P7: a caller served at once has no events, and one without a span costs none", () =>
    Effect.gen(function*() {
      const { spans, tracer } = recorder()
      const { network } = yield* rig()
      const pool = yield* Effect.withTracer(poolOf(network.connector, { name: "quiet" }), tracer)
      yield* ask(pool)
      assert.isEmpty(spans)
      yield* ask(pool).pipe(Effect.withSpan("request"), Effect.withTracer(tracer))
      assert.deepStrictEqual(spans.map(({ events, name }) => [name, events]), [["request", []]])
    }))

  it.scoped("P7: a caller that waits in the queue, and gets what comes back", () =>
    Effect.gen(function*() {
      const { spans, tracer } = recorder()
      const { pool } = yield* rig({ maxConnectionsPerHost: 1 })
      const holder = yield* borrow(pool)
      const waiter = yield* ask(pool).pipe(Effect.withSpan("request"), Effect.withTracer(tracer), Effect.fork)
      yield* settle
      yield* TestClock.adjust("40 millis")
      yield* holder.release
      yield* Fiber.join(waiter)
      assert.deepStrictEqual(spans[0]!.events, [["watertight.waiting", 0], ["watertight.acquired", 40]])
    }))
})
