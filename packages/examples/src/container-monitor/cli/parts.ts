/** What the commands are made of. */
import { HttpPool, PooledHttpClient } from "@watertight/http-adapter"
import { Effect, Either, Layer, type Scope } from "effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { Docker, layer } from "../docker/Docker.ts"
import * as Endpoint from "../docker/Endpoint.ts"
import { chatter } from "../embedded/chatter.ts"
import * as EmbeddedEngine from "../embedded/EmbeddedEngine.ts"
import * as Files from "../sinks/files.ts"
import * as HttpSink from "../sinks/http.ts"
import type { Sink, SinkFailed } from "../sinks/Sink.ts"
import * as Stdout from "../sinks/stdout.ts"
import type { Arguments } from "./arguments.ts"

/** Said to people, and not where the entries go. */
export const say = (text: string): Effect.Effect<void> => Effect.sync(() => void process.stderr.write(`${text}\n`))

const environment = ({ engine }: Arguments): Endpoint.Environment =>
  engine === undefined ? process.env : { ...process.env, DOCKER_HOST: engine }

const connected = (endpoint: Endpoint.Endpoint) =>
  Effect.flatMap(Layer.build(layer(endpoint)), (context) => Effect.provide(Docker, context))

const onEmbedded = Effect.gen(function*() {
  const engine = yield* EmbeddedEngine.make()
  yield* chatter(engine)
  return { docker: yield* connected(Endpoint.unix(engine.socketPath)), isEmbedded: true }
})

/** The engine that was named, or the usual one, or, where there is none, the built-in one. */
export const engineOf = (args: Arguments) =>
  Effect.gen(function*() {
    if (args.embedded) return yield* onEmbedded
    const given = environment(args)
    const endpoint = yield* Either.match(Endpoint.fromEnvironment(given), {
      onLeft: Effect.fail,
      onRight: Effect.succeed
    })
    const docker = yield* connected(endpoint)
    // One that was named may come later; one that nobody named need not exist.
    if ((given["DOCKER_HOST"] ?? "") !== "") return { docker, isEmbedded: false }
    const answer = yield* Effect.either(docker.ping)
    if (Either.isRight(answer)) return { docker, isEmbedded: false }
    yield* say(`No engine: ${answer.left.message}. This is the built-in one.`)
    return yield* onEmbedded
  })

/** Where the state is kept. The containers of a built-in engine are gone with it, and so is what is known of them. */
export const stateFile = (args: Arguments, isEmbedded: boolean): Effect.Effect<string, never, Scope.Scope> => {
  if (args.state !== undefined) return Effect.succeed(args.state)
  if (!isEmbedded) {
    const folder = process.env["XDG_STATE_HOME"] ?? Path.join(Os.homedir(), ".local", "state")
    return Effect.succeed(Path.join(folder, "watertight-monitor", "state.db"))
  }
  return Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "monitor-"))),
      (made) => Effect.sync(() => Fs.rmSync(made, { recursive: true, force: true }))
    ),
    (folder) => Path.join(folder, "state.db")
  )
}

const httpLive = Layer.provide(PooledHttpClient.layer, HttpPool.layer({ healthCheck: "socketOnly" }))

export const sinksOf = (
  { fileBytes, keep, sinks }: Arguments
): Effect.Effect<ReadonlyArray<Sink>, SinkFailed, Scope.Scope> =>
  Effect.gen(function*() {
    const http = yield* Effect.orDie(Layer.build(httpLive))
    return yield* Effect.forEach(sinks, (choice): Effect.Effect<Sink, SinkFailed, Scope.Scope> => {
      switch (choice.kind) {
        case "stdout":
          return Effect.succeed(Stdout.make(process.stdout))
        case "file":
          return Files.make({ path: choice.path, maxBytes: fileBytes, keep })
        case "http":
          return Effect.provide(HttpSink.make(choice.url), http)
      }
    })
  })
