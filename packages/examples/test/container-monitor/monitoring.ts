/** A monitor on an engine, with a sink that keeps what it gets. */
import { Effect, Layer, type Scope } from "effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import type { Service as Docker } from "../../src/container-monitor/docker/Docker.ts"
import type { Plain } from "../../src/container-monitor/monitor/Entry.ts"
import * as Monitor from "../../src/container-monitor/monitor/Monitor.ts"
import { type Sink, SinkFailed } from "../../src/container-monitor/sinks/Sink.ts"
import * as State from "../../src/container-monitor/state/State.ts"

export interface Kept extends Sink {
  readonly lines: Array<Plain>
  /** what each container has written, in the order in which it came */
  readonly of: (name: string) => ReadonlyArray<string>
  /** fails as long as it is told to */
  fails: boolean
}

export const kept = (name = "kept"): Kept => {
  const lines: Array<Plain> = []
  const sink: Kept = {
    name,
    lines,
    fails: false,
    of: (container) => lines.filter((line) => line.name === container).map(({ line }) => line),
    deliver: (given) =>
      Effect.suspend(() => {
        if (sink.fails) return new SinkFailed({ sink: name, reason: "told to fail" })
        lines.push(...given)
        return Effect.void
      })
  }
  return sink
}

/** A fresh folder, gone with the scope. */
export const folder: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "monitor-"))),
  (made) => Effect.sync(() => Fs.rmSync(made, { recursive: true, force: true }))
)

/** The state in a file, closed with the scope. */
export const stateIn = (path: string) =>
  Effect.flatMap(Layer.build(State.layerFile(path)), (context) => Effect.provide(State.State, context))

export const monitor = (
  docker: Docker,
  path: string,
  options: Partial<Monitor.Options> & Pick<Monitor.Options, "sinks">
) =>
  Effect.gen(function*() {
    const state = yield* stateIn(path)
    const { status } = yield* Monitor.make({
      docker,
      state,
      backoff: { firstMillis: 5, mostMillis: 50 },
      reconcileMillis: 500,
      ...options
    })
    return { state, status }
  })
