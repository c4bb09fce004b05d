/** Containers that have something to say, for those who want to see the monitor at work. */
import { Effect, Random, type Scope } from "effect"
import type { EmbeddedContainer, Given } from "./container.ts"
import type { EmbeddedEngine } from "./EmbeddedEngine.ts"

interface Chatterer extends Given {
  readonly everyMillis: number
  readonly lines: ReadonlyArray<string>
}

const chatterers: ReadonlyArray<Chatterer> = [
  {
    name: "web",
    labels: { app: "shop" },
    everyMillis: 300,
    lines: ["GET / 200", "GET /cart 200", "POST /cart 201", "!GET /old 404"]
  },
  {
    name: "worker",
    labels: { app: "shop" },
    everyMillis: 700,
    lines: ["order packed", "order sent", "!no paper in printer 2"]
  },
  {
    name: "database",
    labels: { app: "shop" },
    everyMillis: 1500,
    lines: ["checkpoint complete", "!slow query: 1204 ms"]
  },
  { name: "shell", tty: true, everyMillis: 2000, lines: ["$ uptime", "up 12 days, load 0.42"] }
]

/** A few containers, one of which dies now and then and comes back. They end with the scope. */
export const chatter = (engine: EmbeddedEngine): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function*() {
    for (const one of chatterers) {
      const container = engine.run(one)
      yield* Effect.forkScoped(talk(engine, container, one))
      if (one.name === "worker") yield* Effect.forkScoped(dieNowAndThen(engine, container))
    }
  })

const talk = (engine: EmbeddedEngine, container: EmbeddedContainer, { everyMillis, lines }: Chatterer) =>
  Effect.gen(function*() {
    const line = lines[yield* Random.nextIntBetween(0, lines.length)] ?? ""
    if (container.running) {
      if (line.startsWith("!")) engine.write(container, "stderr", line.slice(1))
      else engine.write(container, "stdout", line)
    }
    yield* Effect.sleep(everyMillis * (0.5 + (yield* Random.next)))
  }).pipe(Effect.forever)

const dieNowAndThen = (engine: EmbeddedEngine, container: EmbeddedContainer) =>
  Effect.gen(function*() {
    yield* Effect.sleep("8 seconds")
    engine.write(container, "stderr", "out of paper, giving up")
    engine.stop(container, 1)
    yield* Effect.sleep("2 seconds")
    engine.start(container)
  }).pipe(Effect.forever)
