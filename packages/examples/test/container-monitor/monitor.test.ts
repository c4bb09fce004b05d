/** The monitor, on the built-in engine. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import * as Path from "node:path"
import { folder, kept, monitor, stateIn } from "./monitoring.ts"
import { cutAtRandom, isTrue, rig, until } from "./rig.ts"

const numbered = (name: string, count: number): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, index) => `${name} ${index + 1}`)

const stream = (count: number): "stdout" | "stderr" => count % 3 === 0 ? "stderr" : "stdout"

describe("following", () => {
  it.scopedLive(
    "D3 D6 every line of 8 containers comes once, whatever happens to engine, connections and monitor",
    () =>
      Effect.gen(function*() {
        const { docker, engine } = yield* rig({ cut: cutAtRandom })
        const state = Path.join(yield* folder, "state.db")
        const sink = kept()
        const names = Array.from({ length: 8 }, (_, index) => `c${index}`)
        const containers = names.map((name, index) => engine.run({ name, tty: index === 7 }))
        const written = new Map(names.map((name) => [name, 0]))
        const write = (some: number) => {
          for (const container of containers) {
            for (let count = 0; count < some; count++) {
              const number = (written.get(container.name) ?? 0) + 1
              written.set(container.name, number)
              engine.write(container, stream(number), `${container.name} ${number}`)
            }
          }
        }
        const linesOf = (name: string) =>
          sink.of(name).toSorted((a, b) => Number(a.split(" ")[1]) - Number(b.split(" ")[1]))
        const total = () => [...written.values()].reduce((sum, count) => sum + count, 0)

        let scope = yield* Scope.make()
        const begin = Effect.suspend(() =>
          Scope.extend(monitor(docker, state, { sinks: [sink], buffer: 50, batch: 7 }), scope)
        )
        let running = yield* begin
        for (let round = 0; round < 30; round++) {
          write(1 + Math.floor(Math.random() * 12))
          // somewhere in the middle of it
          yield* Effect.sleep(Math.random() * 30)
          const chance = Math.random()
          const one = containers[Math.floor(Math.random() * containers.length)]
          if (chance < 0.3) yield* engine.sever
          else if (chance < 0.5) {
            yield* engine.down
            write(3)
            yield* Effect.sleep(Math.random() * 30)
            yield* engine.up
          } else if (chance < 0.7 && one !== undefined) {
            engine.stop(one)
            yield* Effect.sleep(Math.random() * 20)
            engine.start(one)
          } else if (chance < 0.9) {
            yield* Scope.close(scope, Exit.void)
            write(2)
            scope = yield* Scope.make()
            running = yield* begin
          }
        }
        // Only of those that a monitor has ever seen it knows that they had something to say.
        yield* until("all are seen", Effect.map(running.status, (status) => status.containers.length === 8))
        for (const container of containers) engine.stop(container)
        // Were it never so, the comparison below says what is missing.
        yield* Effect.ignore(Effect.sandbox(isTrue("all lines have come", () => sink.lines.length >= total(), 40_000)))
        yield* until("nobody is followed", Effect.map(running.status, (status) => status.containers.length === 0))
        yield* Scope.close(scope, Exit.void)
        for (const name of names) assert.deepStrictEqual(linesOf(name), numbered(name, written.get(name) ?? 0))
        assert.strictEqual((yield* docker.streams).open, 0)
      }),
    60_000
  )

  it.scopedLive("D3 containers are followed when they start, and left when they stop; labels choose which", () =>
    Effect.gen(function*() {
      const { docker, engine } = yield* rig()
      const sink = kept()
      const old = engine.run({ name: "old", labels: { watch: "yes" } })
      engine.write(old, "stdout", "long ago")
      engine.stop(old)
      const options = { sinks: [sink], filters: { label: ["watch=yes"] }, reconcileMillis: 60_000 }
      const { status } = yield* monitor(docker, Path.join(yield* folder, "state.db"), options)
      yield* isTrue("it listens", () => engine.requests.some((request) => request.includes("/events")))
      const web = engine.run({ name: "web", labels: { watch: "yes" } })
      const other = engine.run({ name: "other" })
      engine.write(other, "stdout", "not asked for")
      engine.write(web, "stdout", "first")
      yield* isTrue("it came", () => sink.of("web").length === 1)
      engine.write(web, "stderr", "last words")
      engine.stop(web)
      yield* isTrue("they came", () => sink.of("web").length === 2)
      yield* until("it is left", Effect.map(status, ({ containers }) => containers.length === 0))
      // one that lives for an instant
      const brief = engine.run({ name: "brief", labels: { watch: "yes" } })
      engine.write(brief, "stdout", "here and gone")
      engine.stop(brief, 1)
      yield* isTrue("it came as well", () => sink.of("brief").length === 1)
      engine.start(web)
      engine.write(web, "stdout", "again")
      yield* isTrue("a container that starts again", () => sink.of("web").length === 3)
      assert.deepStrictEqual(sink.of("web"), ["first", "last words", "again"])
      assert.deepStrictEqual(sink.of("old"), [])
      assert.deepStrictEqual(sink.of("other"), [])
      assert.deepStrictEqual(sink.lines.map((line) => line.stream), ["stdout", "stderr", "stdout", "stdout"])
    }))

  it.scopedLive("D6 a hundred containers that die at once are read to their ends", () =>
    Effect.gen(function*() {
      const { docker, engine } = yield* rig()
      const sink = kept()
      const { status } = yield* monitor(docker, Path.join(yield* folder, "state.db"), { sinks: [sink] })
      yield* isTrue("it listens", () => engine.requests.some((request) => request.includes("/events")))
      const containers = Array.from({ length: 100 }, (_, index) => engine.run({ name: `c${index}` }))
      for (const container of containers) engine.write(container, "stdout", "one")
      yield* isTrue("some are followed", () => sink.lines.length > 20)
      for (const container of containers) {
        engine.write(container, "stderr", "two")
        engine.stop(container, 137)
      }
      yield* isTrue("all lines have come", () => sink.lines.length >= 200, 40_000)
      yield* until("nobody is followed", Effect.map(status, (now) => now.containers.length === 0))
      assert.strictEqual(sink.lines.length, 200)
      assert.strictEqual(new Set(sink.lines.map(({ line, name }) => `${name} ${line}`)).size, 200)
    }), 60_000)
})

describe("sinks", () => {
  it.scopedLive("D3 a slow sink slows the reading down: the buffer is bounded, and nothing is lost", () =>
    Effect.gen(function*() {
      const { docker, engine } = yield* rig()
      const gate = yield* Effect.makeLatch(false)
      const sink = kept()
      const slow = {
        ...sink,
        deliver: (lines: Parameters<typeof sink.deliver>[0]) => Effect.zipRight(gate.await, sink.deliver(lines))
      }
      const path = Path.join(yield* folder, "state.db")
      const { status } = yield* monitor(docker, path, { sinks: [slow], buffer: 20, batch: 5 })
      const web = engine.run({ name: "web" })
      for (let count = 1; count <= 2000; count++) engine.write(web, "stdout", `web ${count}`)
      yield* until("the buffer is full", Effect.map(status, ({ buffered }) => buffered >= 20))
      yield* Effect.sleep(50)
      const waiting = yield* status
      assert.isAtMost(waiting.containers[0]?.lines ?? 0, 2000 - 20)
      yield* gate.open
      yield* isTrue("all of them came", () => sink.lines.length === 2000)
      assert.deepStrictEqual(sink.of("web"), numbered("web", 2000))
    }))

  it.scopedLive("D3 D6 what a sink does not take becomes dead letters of that sink alone, and positions go on", () =>
    Effect.gen(function*() {
      const { docker, engine } = yield* rig()
      const [good, bad] = [kept("good"), kept("bad")]
      bad.fails = true
      const path = Path.join(yield* folder, "state.db")
      const web = engine.run({ name: "web" })
      for (const text of ["same", "same", "other"]) engine.write(web, "stdout", text, 1_790_000_000_000_000_000n)
      yield* Effect.scoped(Effect.gen(function*() {
        const { state, status } = yield* monitor(docker, path, { sinks: [good, bad], tries: 3 })
        yield* until("they are dead", Effect.map(state.deadLetterCount, (count) => count === 3))
        yield* until("they are counted", Effect.map(status, ({ sinks }) => sinks.get("bad")?.dead === 3))
        // three tries for each batch
        assert.strictEqual(((yield* status).sinks.get("bad")?.failures ?? 0) % 3, 0)
        assert.deepInclude((yield* status).sinks.get("bad"), { dead: 3, delivered: 0, lastFailure: "told to fail" })
        bad.fails = false
        engine.write(web, "stdout", "later")
        yield* isTrue("later came", () => bad.lines.length === 1)
      }))
      assert.deepStrictEqual(good.of("web"), ["same", "same", "other", "later"])
      assert.deepStrictEqual(bad.of("web"), ["later"])
      const state = yield* stateIn(path)
      const letters = yield* state.deadLetters({ sink: "bad" })
      assert.deepStrictEqual(letters.map(({ line }) => line).toSorted(), ["other", "same", "same"])
      assert.deepInclude(letters[0], { name: "web", sink: "bad", reason: "told to fail", container: web.id })
      // the same entries once more are the same letters
      yield* state.bury(letters)
      assert.strictEqual(yield* state.deadLetterCount, 3)
      yield* state.unbury(letters.map(({ id }) => id))
      assert.strictEqual(yield* state.deadLetterCount, 0)
    }))

  it.scopedLive("D3 D6 an engine that is away is asked for by one alone, with pauses", () =>
    Effect.gen(function*() {
      const { docker, engine } = yield* rig()
      const sink = kept()
      const containers = Array.from({ length: 12 }, (_, index) => engine.run({ name: `c${index}` }))
      for (const container of containers) engine.write(container, "stdout", "one")
      const { status } = yield* monitor(docker, Path.join(yield* folder, "state.db"), {
        sinks: [sink],
        backoff: { firstMillis: 20, mostMillis: 100 }
      })
      yield* isTrue("all are followed", () => sink.lines.length === 12)
      yield* engine.down
      yield* until("it is known", Effect.map(status, (now) => !now.engine.up))
      yield* Effect.sleep(300)
      const before = engine.requests.length
      for (const container of containers) engine.write(container, "stdout", "two")
      yield* engine.up
      yield* isTrue("all came", () => sink.lines.length === 24)
      const pings = engine.requests.slice(before).filter((request) => request === "GET /_ping").length
      assert.isAtMost(pings, 3)
      assert.isAtLeast((yield* status).engine.outages, 1)
    }))
})
