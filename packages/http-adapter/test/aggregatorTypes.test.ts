/** What follows from the types of the sources; the compiler proves it, and nothing is run. */
import { Aggregator } from "@watertight/http-adapter"
import { Context, Effect, type Option, type Scope, type Stream } from "effect"
import { describe, expectTypeOf, it } from "vitest"

class Tag extends Context.Tag("Tag")<Tag, number>() {}
declare const numbered: Effect.Effect<number, "e1", Tag>
declare const named: Effect.Effect<string, "e2">
declare const sometimes: boolean
type Late = Aggregator.SourceTimeout

const program = () => {
  const listed = Aggregator.fetchAndAggregate([Aggregator.source("a", numbered), Aggregator.source("b", named)])
  return {
    listed,
    byName: Effect.map(listed, (answers) => answers.byName("a")),
    values: Effect.map(
      listed,
      ({ successes }) => successes.map((one) => one.name === "a" ? one.value : one.value.length)
    ),
    errors: Effect.map(listed, ({ failures }) => failures.map(({ error }) => error)),
    fast: Aggregator.fetchAndAggregate({ a: numbered, b: named }, { failFast: true }),
    perhaps: Aggregator.processBatch([1], () => numbered, { failFast: sometimes }),
    told: Aggregator.fetchAndAggregate({ a: named, b: named }, {
      onProgress: ({ done, outcome }) => {
        expectTypeOf(outcome.name).toEqualTypeOf<"a" | "b">()
        return Effect.zipRight(Effect.log(done), Effect.scope)
      }
    }),
    nothing: Aggregator.fetchAndAggregate([]),
    stream: Aggregator.streamResults({ a: numbered }, { failFast: true, buffer: 3 }),
    // @ts-expect-error there is no source of this name
    unknown: Effect.map(listed, (answers) => answers.byName("c")),
    // @ts-expect-error there is no option of this name
    misspelt: Aggregator.processBatch([1], () => named, { failFst: true })
  }
}

type Programs = ReturnType<typeof program>
type Outcome<A, E> = Aggregator.Outcome<{ readonly name: "a" }, A, E | Late>

describe("types of the aggregator", () => {
  it("say what a call fails with and needs, and what a name stands for", () => {
    type Of<Name extends keyof Programs> = Programs[Name] extends Effect.Effect<infer A, infer E, infer R> ? [A, E, R]
      : never
    expectTypeOf<Of<"listed">[1]>().toEqualTypeOf<never>()
    expectTypeOf<Of<"listed">[2]>().toEqualTypeOf<Tag>()
    expectTypeOf<Of<"byName">[0]>().toEqualTypeOf<Option.Option<Outcome<number, "e1">>>()
    expectTypeOf<Of<"values">[0]>().toEqualTypeOf<Array<number>>()
    expectTypeOf<Of<"errors">[0]>().toEqualTypeOf<Array<"e1" | "e2" | Late>>()
    expectTypeOf<Of<"fast">[1]>().toEqualTypeOf<"e1" | "e2" | Late>()
    expectTypeOf<Of<"perhaps">[1]>().toEqualTypeOf<"e1" | Late>()
    expectTypeOf<Of<"told">[2]>().toEqualTypeOf<Scope.Scope>()
    expectTypeOf<Of<"nothing">[2]>().toEqualTypeOf<never>()
    expectTypeOf<Programs["stream"]>().toEqualTypeOf<Stream.Stream<Outcome<number, "e1">, "e1" | Late, Tag>>()
  })
})
