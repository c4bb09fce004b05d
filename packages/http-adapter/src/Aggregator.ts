/**
 * Many sources at once: what answers in time counts, the rest is interrupted, and nothing is left behind. A source is a name and
 * any effect, so it works with the pool and without it. `docs/aggregator.md` tells how it behaves at the edges.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as internal from "./internal/aggregator/aggregate.ts"
import { arrivals } from "./internal/aggregator/arrivals.ts"
import { decoder } from "./internal/aggregator/limits.ts"
import type { Outcome, SourceTimeout } from "./internal/aggregator/outcome.ts"
import type { Aggregate } from "./internal/aggregator/outcomes.ts"
import type { Progress } from "./internal/aggregator/reporter.ts"
import {
  type About,
  type AnySource,
  batchOfItems,
  batchOfSources,
  feedOfSources,
  type Source,
  type SourceRecord
} from "./internal/aggregator/sources.ts"

export {
  /** The deadline came before its end, or even before its beginning. */
  type Cut,
  /** It died of an unexpected error, or interrupted itself. */
  type Died,
  /** It failed with its own error, or with `SourceTimeout`. */
  type Failed,
  /** What became of one source or item: exactly one of the four. */
  type Outcome,
  /** It was not over within the time limit of a source, and was interrupted. */
  SourceTimeout,
  /** It gave a value. */
  type Succeeded
} from "./internal/aggregator/outcome.ts"
export {
  /** What became of everything: each outcome once in `outcomes`, and once in the group of its kind, in the order in which they were given. */
  type Aggregate
} from "./internal/aggregator/outcomes.ts"
export {
  /** How far a call has come, and by which outcome. */
  type Progress
} from "./internal/aggregator/reporter.ts"
export {
  /** Any source. */
  type AnySource,
  /** Something that is to give a value, and how it is called. */
  type Source,
  /** Sources by name. */
  type SourceRecord
} from "./internal/aggregator/sources.ts"

// ---------------------------------------------------------------------------------------------------------------------
// Sources and options
// ---------------------------------------------------------------------------------------------------------------------

/** Gives an effect a name. Names may be used twice: outcomes say the place as well. */
export const source = <const Name extends string, A, E, R>(
  name: Name,
  effect: Effect.Effect<A, E, R>
): Source<Name, A, E, R> => ({ name, effect })

/** What all three functions know. A wrong option is a mistake in the program, so it is a defect that carries the pool's `ConfigInvalid`. */
export interface Options {
  /** for all of it, from the moment in which it begins to run; what is not over then is cut. Without end by default */
  readonly deadline?: Duration.DurationInput | undefined
  /** for each one, from its own beginning; what is not over then has failed with `SourceTimeout`. Without end by default */
  readonly timeout?: Duration.DurationInput | undefined
  /** how many may be at work at once: all of them by default, or 10 in `processBatch` */
  readonly concurrency?: number | "unbounded" | undefined
  /** whether the first failure ends all of it; by default failures are outcomes like others */
  readonly failFast?: boolean | undefined
}

/** What `fetchAndAggregate` and `processBatch` know besides. */
export interface AggregateOptions<in O> extends Options {
  /** how long to wait, past the deadline, for the end of what was cut: not at all by default. It ends behind the call then, see `settled` */
  readonly grace?: Duration.DurationInput | undefined
  /**
   * Called for every outcome, in the order in which they become known. If it gives an effect, that is run; one after the other. What
   * it throws, or its effect fails with, is logged, and changes nothing.
   */
  readonly onProgress?: ((progress: Progress<O>) => unknown) | undefined
}

/** What `streamResults` knows besides. */
export interface StreamOptions extends Options {
  /** with a limited `concurrency`, how many outcomes may wait for the reader before nothing more is started: 16 by default */
  readonly buffer?: number | undefined
}

// ---------------------------------------------------------------------------------------------------------------------
// Types that follow from what is given
// ---------------------------------------------------------------------------------------------------------------------

/** The sources of a record. */
export type SourcesOf<T extends SourceRecord> = {
  readonly [Name in keyof T & string]: Source<
    Name,
    Effect.Effect.Success<T[Name]>,
    Effect.Effect.Error<T[Name]>,
    Effect.Effect.Context<T[Name]>
  >
}[keyof T & string]

/** What may become of a source. */
export type OutcomeOf<S extends AnySource> = S extends Source<infer Name, infer A, infer E, unknown>
  ? Outcome<{ readonly name: Name }, A, E | SourceTimeout>
  : never

/** What may become of an item. */
export type ItemOutcome<I, A, E> = Outcome<About<I>, A, E | SourceTimeout>

/** What a source needs. */
export type ContextOf<S extends AnySource> = S extends Source<string, unknown, unknown, infer R> ? R : never

/** What a source fails with. */
export type ErrorOf<S extends AnySource> = S extends Source<string, unknown, infer E, unknown> ? E : never

/** What a call fails with: nothing, unless `failFast` is given and may be true. */
export type FailFast<X, E> = "failFast" extends keyof X ? true extends X["failFast"] ? E | SourceTimeout : never : never

/** What the effects of a progress callback need. */
export type ProgressContext<X> = X extends { readonly onProgress: (...progress: ReadonlyArray<never>) => infer Told }
  ? Told extends Effect.Effect<unknown, unknown, infer R> ? R : never
  : never

/** The outcomes of sources, which can be found by name as well. */
export interface SourceAggregate<out S extends AnySource> extends Aggregate<OutcomeOf<S>> {
  /** What became of the source of this name: of the first one, if there are several. */
  byName<Name extends S["name"]>(name: Name): Option.Option<OutcomeOf<Extract<S, { readonly name: Name }>>>
}

// ---------------------------------------------------------------------------------------------------------------------
// The three
// ---------------------------------------------------------------------------------------------------------------------

const both = ["deadline", "timeout", "concurrency", "failFast"] as const
const decodeFetch = decoder([...both, "grace", "onProgress"], {})
const decodeBatch = decoder([...both, "grace", "onProgress"], { concurrency: 10 })
const decodeStream = decoder([...both, "buffer"], {})

/**
 * Asks all sources at once, and tells what became of each. At the deadline it returns what has arrived; the rest is interrupted.
 *
 * @example
 * import { Aggregator } from "@watertight/http-adapter"
 * import { HttpClient } from "@effect/platform"
 * import { Effect } from "effect"
 *
 * const get = (url: string) => Effect.flatMap(HttpClient.get(url), (response) => response.text)
 *
 * export const program = Effect.gen(function*() {
 *   const answers = yield* Aggregator.fetchAndAggregate(
 *     { weather: get("http://weather.test/today"), news: get("http://news.test/"), quote: Effect.succeed(42) },
 *     { deadline: "800 millis", timeout: "500 millis" }
 *   )
 *   for (const { name, value } of answers.successes) yield* Effect.log(name, value)
 *   for (const { error, name } of answers.failures) yield* Effect.logWarning(name, error)
 *   return answers.byName("weather")
 * })
 */
export function fetchAndAggregate<S extends AnySource = never, const X extends AggregateOptions<OutcomeOf<S>> = {}>(
  sources: Iterable<S>,
  options?: X & AggregateOptions<OutcomeOf<S>>
): Effect.Effect<SourceAggregate<S>, FailFast<X, ErrorOf<S>>, ContextOf<S> | ProgressContext<X>>
export function fetchAndAggregate<
  T extends SourceRecord,
  const X extends AggregateOptions<OutcomeOf<SourcesOf<T>>> = {}
>(
  sources: T,
  options?: X & AggregateOptions<OutcomeOf<SourcesOf<T>>>
): Effect.Effect<
  SourceAggregate<SourcesOf<T>>,
  FailFast<X, ErrorOf<SourcesOf<T>>>,
  ContextOf<SourcesOf<T>> | ProgressContext<X>
>
export function fetchAndAggregate(sources: unknown, options?: unknown): Effect.Effect<unknown, unknown, unknown> {
  return Effect.suspend(() => internal.aggregate(batchOfSources(sources), decodeFetch(options)))
}

/**
 * Does the same with every item, so many at a time, and tells what became of each.
 *
 * @example
 * import { Aggregator } from "@watertight/http-adapter"
 * import { HttpClient } from "@effect/platform"
 * import { Console, Effect } from "effect"
 *
 * export const program = Aggregator.processBatch(
 *   Array.from({ length: 1000 }, (_, id) => id),
 *   (id) => Effect.flatMap(HttpClient.get(`http://users.test/${id}`), (response) => response.json),
 *   { concurrency: 20, onProgress: ({ done, total }) => Console.log(`${done} of ${total}`) }
 * ).pipe(Effect.map(({ failures }) => failures.map(({ error, item }) => [item, error.message])))
 */
export function processBatch<I, A, E, R, const X extends AggregateOptions<ItemOutcome<I, A, E>> = {}>(
  items: Iterable<I>,
  f: (item: I, index: number) => Effect.Effect<A, E, R>,
  options?: X & AggregateOptions<ItemOutcome<I, A, E>>
): Effect.Effect<Aggregate<ItemOutcome<I, A, E>>, FailFast<X, E>, R | ProgressContext<X>>
export function processBatch<I>(
  items: Iterable<I>,
  f: (item: I, index: number) => Effect.Effect<unknown, unknown, unknown>,
  options?: unknown
): Effect.Effect<unknown, unknown, unknown> {
  return Effect.suspend(() => internal.aggregate(batchOfItems(items, f), decodeBatch(options)))
}

/**
 * The outcomes of all sources in the order of their arrival. It begins with all of them when the stream begins to run; they end with
 * it, whichever way it ends. With a limited `concurrency` it goes through the iterable no faster than the stream is read.
 *
 * @example
 * import { Aggregator } from "@watertight/http-adapter"
 * import { Console, Effect, Stream } from "effect"
 *
 * const sources = [Aggregator.source("fast", Effect.sleep("10 millis")), Aggregator.source("slow", Effect.sleep("1 second"))]
 *
 * // the first to arrive; the other one is interrupted
 * export const program = Aggregator.streamResults(sources).pipe(
 *   Stream.take(1),
 *   Stream.runForEach(({ elapsed, name }) => Console.log(name, elapsed))
 * )
 */
export function streamResults<S extends AnySource = never, const X extends StreamOptions = {}>(
  sources: Iterable<S>,
  options?: X & StreamOptions
): Stream.Stream<OutcomeOf<S>, FailFast<X, ErrorOf<S>>, Exclude<ContextOf<S>, Scope.Scope>>
export function streamResults<T extends SourceRecord, const X extends StreamOptions = {}>(
  sources: T,
  options?: X & StreamOptions
): Stream.Stream<
  OutcomeOf<SourcesOf<T>>,
  FailFast<X, ErrorOf<SourcesOf<T>>>,
  Exclude<ContextOf<SourcesOf<T>>, Scope.Scope>
>
export function streamResults(sources: unknown, options?: unknown): Stream.Stream<unknown, unknown, unknown> {
  return Stream.fromPull(Effect.suspend(() => arrivals(feedOfSources(sources), decodeStream(options))))
}
