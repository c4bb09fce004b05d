/** A tracer that remembers its spans, and what tests compare of them. */
import { Effect, Exit, Option, Tracer } from "effect"

export interface Recorded {
  readonly spans: ReadonlyArray<Tracer.Span>
  readonly ends: ReadonlyMap<string, Exit.Exit<unknown, unknown>>
  /** runs an effect under the tracer */
  readonly on: <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

export const recorded: Effect.Effect<Recorded> = Effect.map(Effect.tracer, (native) => {
  const spans: Array<Tracer.Span> = []
  const ends = new Map<string, Exit.Exit<unknown, unknown>>()
  const tracer = Tracer.make({
    context: (f, fiber) => native.context(f, fiber),
    span: (...made) => {
      const span = native.span(...made)
      const end = span.end.bind(span)
      span.end = (time, exit) => {
        ends.set(span.spanId, exit)
        end(time, exit)
      }
      spans.push(span)
      return span
    }
  })
  return { spans, ends, on: Effect.withTracer(tracer) }
})

/** A span in plain data: its place among the others by name, since ids never repeat. */
export const plain = ({ ends, spans }: Pick<Recorded, "ends" | "spans">, span: Tracer.Span): unknown => {
  const exit = ends.get(span.spanId)
  return {
    name: span.name,
    kind: span.kind,
    sampled: span.sampled,
    attributes: Object.fromEntries([...span.attributes].toSorted()),
    links: span.links.length,
    parent: Option.getOrUndefined(
      Option.map(
        span.parent,
        (parent) => spans.find((other) => other.spanId === parent.spanId)?.name ?? parent.spanId
      )
    ),
    end: exit === undefined
      ? "none"
      : Exit.isSuccess(exit)
      ? "success"
      : Exit.isInterrupted(exit)
      ? "interrupt"
      : "failure"
  }
}
