/** `npm run monitor -- dlq list` and `dlq replay`. */
import { Effect, Layer } from "effect"
import type { Sink } from "../sinks/Sink.ts"
import * as State from "../state/State.ts"
import type { Arguments } from "./arguments.ts"
import { say, sinksOf, stateFile } from "./parts.ts"

const opened = (args: Arguments) =>
  Effect.flatMap(
    stateFile(args, false),
    (path) => Effect.flatMap(Layer.build(State.layerFile(path)), (context) => Effect.provide(State.State, context))
  )

export const list = (args: Arguments) =>
  Effect.gen(function*() {
    const state = yield* opened(args)
    const letters = yield* state.deadLetters({ sink: args.of, limit: Number.MAX_SAFE_INTEGER })
    for (const { line, name, reason, sink, stream, timestamp, ...others } of letters) {
      const text = args.json
        ? JSON.stringify({ ...others, line, name, reason, sink, stream, timestamp })
        : `${timestamp} ${sink} ${name} ${stream}: ${JSON.stringify(line)} (${reason})`
      yield* Effect.sync(() => void process.stdout.write(`${text}\n`))
    }
    yield* say(`-- ${letters.length} of ${yield* state.deadLetterCount} dead letters`)
  })

const batch = 200

/** Those of a sink that is among the sinks given go to it; all others go nowhere, and stay. */
const replayTo = (state: State.Service, sink: Sink): Effect.Effect<number, State.StateFailed> =>
  Effect.gen(function*() {
    let replayed = 0
    for (;;) {
      const letters = yield* state.deadLetters({ sink: sink.name, limit: batch })
      if (letters.length === 0) return replayed
      const lines = letters.map(({ container, line, name, stream, timestamp }) => ({
        container,
        name,
        stream,
        timestamp,
        line
      }))
      const outcome = yield* Effect.either(sink.deliver(lines))
      if (outcome._tag === "Left") {
        yield* say(`-- ${outcome.left.message}; the rest stays`)
        return replayed
      }
      yield* state.unbury(letters.map(({ id }) => id))
      replayed += letters.length
    }
  })

export const replay = (args: Arguments) =>
  Effect.gen(function*() {
    const state = yield* opened(args)
    const sinks = yield* sinksOf(args)
    for (const sink of sinks.filter(({ name }) => args.of === undefined || args.of === name)) {
      yield* say(`-- ${sink.name}: ${yield* replayTo(state, sink)} replayed`)
    }
    yield* say(`-- ${yield* state.deadLetterCount} dead letters are left`)
  })
