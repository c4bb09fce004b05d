/** What users give: sources one by one or by name, and items with what is to be done with each. */
import { PoolError } from "@watertight/pool"
import * as Effect from "effect/Effect"
import { hasProperty, isIterable } from "effect/Predicate"
import type { Batch } from "./aggregate.ts"
import type { Feed } from "./arrivals.ts"
import type { Item } from "./run.ts"

/** Something that is to give a value, and how it is called. */
export interface Source<out Name extends string, out A, out E, out R> {
  readonly name: Name
  readonly effect: Effect.Effect<A, E, R>
}

/** Any source. */
export type AnySource = Source<string, unknown, unknown, unknown>

/** Sources by name. */
export interface SourceRecord {
  readonly [name: string]: Effect.Effect<unknown, unknown, unknown>
}

export interface Named {
  readonly name: string
}

type NamedItem = Item<Named, unknown, unknown, unknown>

/** A mistake in the program that calls: thrown inside of an effect, it is a defect. */
const refuse = (field: string, value: unknown, allowed: string): never => {
  throw new PoolError.ConfigInvalid({ field, value, allowed })
}

const item = (source: unknown, index: number): NamedItem => {
  if (!hasProperty(source, "name") || typeof source.name !== "string") {
    return refuse(`sources[${index}]`, source, "a source, as Aggregator.source makes it")
  }
  const { name } = source
  if (!hasProperty(source, "effect") || !Effect.isEffect(source.effect)) {
    return refuse(`sources[${index}].effect`, hasProperty(source, "effect") ? source.effect : undefined, "an effect")
  }
  return { of: { name }, effect: source.effect as Effect.Effect<unknown, unknown, unknown> } // of whatever types it is
}

const fromRecord = (record: object): ReadonlyArray<unknown> =>
  Object.entries(record).map(([name, effect]: [string, unknown]) => ({ name, effect }))

/** What can be gone through: strings can, but hold no sources. */
const iterableOf = (sources: unknown): Iterable<unknown> =>
  typeof sources !== "object" || sources === null || Effect.isEffect(sources)
    ? refuse("sources", sources, "an iterable of sources, or a record of effects")
    : isIterable(sources)
    ? sources
    : fromRecord(sources)

const label = ({ name }: Named): string => name

export const batchOfSources = (sources: unknown): Batch<Named, unknown, unknown, unknown> => {
  const items = Array.from(iterableOf(sources), item)
  return { size: items.length, item: (index) => items[index] ?? item(undefined, index), label }
}

export const feedOfSources = (sources: unknown): Feed<Named, unknown, unknown, unknown> => {
  const iterable = iterableOf(sources)
  return {
    open: function*() {
      let index = 0
      for (const source of iterable) yield item(source, index++)
    },
    label
  }
}

/** What is said of an item. */
export interface About<out I> {
  readonly item: I
}

export const batchOfItems = <I, A, E, R>(
  items: Iterable<I>,
  f: (item: I, index: number) => Effect.Effect<A, E, R>
): Batch<About<I>, A, E, R> => {
  if (!isIterable(items)) return refuse("items", items, "an iterable")
  if (typeof f !== "function") return refuse("f", f, "a function from an item to an effect")
  const all = Array.from(items)
  return {
    size: all.length,
    item: (index) => {
      // asked for within its bounds alone; an item may be `undefined` itself
      const one = all[index] as I
      return { of: { item: one }, effect: Effect.suspend(() => f(one, index)) }
    },
    label: (_, index) => `item ${index}`
  }
}
