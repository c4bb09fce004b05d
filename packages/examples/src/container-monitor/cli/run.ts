/** `npm run monitor`: follows until it is told to end. */
import { Effect, Layer } from "effect"
import * as Monitor from "../monitor/Monitor.ts"
import * as State from "../state/State.ts"
import type { Arguments } from "./arguments.ts"
import { engineOf, say, sinksOf, stateFile } from "./parts.ts"

const plural = (count: number, one: string): string => `${count} ${one}${count === 1 ? "" : "s"}`

/** In one line: what has changed is seen, and what has not is not said. */
const lineOf = ({ buffered, containers, engine, sinks }: Monitor.Status): string => {
  const retrying = containers.filter(({ state }) => state === "retrying").length
  const dead = [...sinks.values()].reduce((sum, sink) => sum + sink.dead, 0)
  return [
    engine.up ? `following ${plural(containers.length, "container")}` : `the engine is away (${engine.lastFailure})`,
    ...(retrying > 0 ? [`${retrying} retrying`] : []),
    ...(buffered > 0 ? ["sinks are behind"] : []),
    ...(dead > 0 ? [plural(dead, "dead letter")] : [])
  ].join(", ")
}

export const run = (args: Arguments) =>
  Effect.gen(function*() {
    const { docker, isEmbedded } = yield* engineOf(args)
    const path = yield* stateFile(args, isEmbedded)
    const state = yield* Effect.flatMap(
      Layer.build(State.layerFile(path)),
      (context) => Effect.provide(State.State, context)
    )
    yield* state.forgetOffsets(90 * 24 * 60 * 60 * 1000)
    const sinks = yield* sinksOf(args)
    yield* say(
      `Engine: ${isEmbedded ? "built in" : docker.endpoint.label}. Sinks: ${sinks.map(({ name }) => name).join(", ")}.`
    )
    let monitor: Monitor.Monitor | undefined
    // What it did is told when all of it is done, also when it is told to end.
    yield* Effect.addFinalizer(() =>
      Effect.gen(function*() {
        const sinksAtEnd = monitor === undefined ? new Map() : (yield* monitor.status).sinks
        for (const [name, { dead, delivered, failures }] of sinksAtEnd) {
          yield* say(
            `-- ${name}: ${delivered} delivered, ${plural(failures, "failure")}, ${plural(dead, "dead letter")}`
          )
        }
        yield* say(`-- ended; ${plural((yield* docker.streams).open, "stream")} open`)
      })
    )
    yield* Effect.scoped(Effect.gen(function*() {
      const made = yield* Monitor.make({
        docker,
        state,
        sinks,
        filters: args.filters,
        tail: args.tail,
        buffer: args.buffer
      })
      monitor = made
      let said = ""
      const report = Effect.flatMap(made.status, (status) => {
        const line = lineOf(status)
        if (line === said) return Effect.void
        said = line
        return say(`-- ${line}`)
      })
      const reporting = Effect.forever(Effect.zipRight(Effect.sleep("1 second"), report))
      yield* args.forMillis === undefined
        ? reporting
        : Effect.timeoutOption(reporting, args.forMillis)
    }))
  })
