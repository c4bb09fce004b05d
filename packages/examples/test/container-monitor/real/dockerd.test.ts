/** The client and the monitor on a real Docker engine. */
import { assert, describe, it } from "@effect/vitest"
import { Chunk, Effect, Exit, Fiber, Scope, Stream } from "effect"
import * as Path from "node:path"
import { unix } from "../../../src/container-monitor/docker/Endpoint.ts"
import { folder, kept, monitor } from "../monitoring.ts"
import { connect, isTrue, until } from "../rig.ts"
import * as Dockerd from "./dockerd.ts"

const patience = 120_000

/** Something that begins and ends more than once, and at the latest with the scope. */
const lives = <A, E>(living: Effect.Effect<A, E, Scope.Scope>) =>
  Effect.gen(function*() {
    let scope: Scope.CloseableScope | undefined
    const end = Effect.suspend(() => {
      const open = scope
      scope = undefined
      return open === undefined ? Effect.void : Scope.close(open, Exit.void)
    })
    yield* Effect.addFinalizer(() => end)
    const begin = Effect.flatMap(Scope.make(), (made) => {
      scope = made
      return Scope.extend(living, made)
    })
    return { begin, end }
  })

describe.skipIf(Dockerd.cannotRun())("with dockerd", () => {
  it.scopedLive(
    "D1 D2 its containers are found and followed; 20 follows that are aborted leave it no descriptor",
    () =>
      Effect.gen(function*() {
        const engine = yield* Dockerd.make
        const { pid } = yield* engine.up
        yield* engine.importImage
        yield* Effect.forEach(["one", "two"], (name) => engine.run(name))
        yield* engine.run("quiet", "/bin/busybox sleep 1000")
        const { docker, pool } = yield* connect(unix(engine.socketPath))
        assert.strictEqual(yield* docker.apiVersion, "1.41")
        assert.deepStrictEqual((yield* docker.containers()).map(({ name }) => name).toSorted(), ["one", "quiet", "two"])
        assert.strictEqual((yield* Effect.flip(docker.inspect("nobody")))._tag, "NotFound")
        assert.strictEqual((yield* Effect.flip(docker.start("one")))._tag, "NotModified")
        assert.isTrue((yield* docker.inspect("one")).State.Running)

        const first = Chunk.toReadonlyArray(
          yield* Stream.runCollect(Stream.take(docker.logs("one", { follow: true }), 6))
        )
        assert.deepStrictEqual(
          first.map(({ text }) => text).toSorted(),
          [1, 2, 3].flatMap((i) => [`1 err ${i}`, `1 out ${i}`]).toSorted()
        )
        assert.isTrue(first.every(({ stream, text }) => text.includes(stream.slice(3))))

        yield* until("nothing is lent", Effect.map(pool.stats, ({ active }) => active === 0))
        yield* isTrue("its descriptors are at rest", () => Dockerd.descriptors(pid) < 80)
        const before = Dockerd.descriptors(pid)
        let heard = 0
        const follow = (name: string) =>
          Stream.runForEach(docker.logs(name, { follow: true, tty: false }), () => Effect.sync(() => heard += 1))
        const names = Array.from({ length: 20 }, (_, index) => ["one", "two", "quiet"][index % 3] ?? "")
        const fibers = yield* Effect.forEach(names, (name) => Effect.fork(follow(name)))
        yield* isTrue("lines come", () => heard > 40)
        yield* until("all are open", Effect.map(docker.streams, ({ open }) => open === 20))
        assert.isAbove(Dockerd.descriptors(pid), before + 10)
        yield* Fiber.interruptAll(fibers)
        assert.deepInclude(yield* docker.streams, { open: 0 })
        assert.deepInclude(yield* pool.stats, { active: 0 })
        yield* isTrue("its descriptors are back where they were", () => Dockerd.descriptors(pid) <= before)
      }),
    patience
  )

  it.scopedLive(
    "D3 D6 of 12 containers on both streams every line comes once, across restarts of engine and monitor",
    () =>
      Effect.gen(function*() {
        const engine = yield* Dockerd.make
        const life = yield* lives(engine.up)
        yield* life.begin
        yield* engine.importImage
        const names = Array.from({ length: 12 }, (_, index) => `l${index}`)
        yield* Effect.forEach(names, (name) => engine.run(name))

        const { docker } = yield* connect(unix(engine.socketPath))
        const sink = kept()
        const state = Path.join(yield* folder, "state.db")
        const watching = yield* lives(monitor(docker, state, { sinks: [sink] }))
        yield* watching.begin
        const more = Effect.suspend(() => {
          const before = new Map(names.map((name) => [name, sink.of(name).length]))
          return isTrue(
            "each has written",
            () => names.every((name) => sink.of(name).length >= (before.get(name) ?? 0) + 6),
            60_000
          )
        })
        yield* more
        yield* watching.end
        const { status } = yield* watching.begin
        yield* more
        // The engine ends its containers, and starts them again.
        yield* life.end
        yield* life.begin
        yield* more
        yield* watching.end
        yield* life.end
        yield* life.begin
        const last = yield* watching.begin
        yield* more
        assert.isAtLeast((yield* status).engine.outages, 1)

        yield* Effect.forEach(names, (name) => docker.stop(name, 0), { concurrency: 4 })
        yield* until("all are read to the end", Effect.map(last.status, ({ containers }) => containers.length === 0))
        yield* watching.end
        for (const name of names) {
          const written = Chunk.toReadonlyArray(yield* Stream.runCollect(docker.logs(name)))
          assert.isAbove(written.filter(({ text }) => text.startsWith("3 ")).length, 2)
          assert.deepStrictEqual(sink.of(name).toSorted(), written.map(({ text }) => text).toSorted())
          assert.strictEqual(new Set(sink.of(name)).size, written.length)
        }
        assert.deepInclude(yield* docker.streams, { open: 0 })
      }),
    patience
  )
})
