/** The client, on the built-in engine: real sockets, real HTTP. */
import { assert, describe, it } from "@effect/vitest"
import { Chunk, Context, Effect, Either, Fiber, Layer, Stream } from "effect"
import { Docker, layer, type Service } from "../../src/container-monitor/docker/Docker.ts"
import { unix } from "../../src/container-monitor/docker/Endpoint.ts"
import * as EmbeddedEngine from "../../src/container-monitor/embedded/EmbeddedEngine.ts"
import { connect, cutAtRandom, isTrue, rig, until } from "./rig.ts"

const textsOf = <E>(lines: Stream.Stream<{ readonly text: string }, E>) =>
  Effect.map(Stream.runCollect(lines), (all) => Chunk.toReadonlyArray(all).map(({ text }) => text))

describe("questions", () => {
  it.scopedLive("D1 an engine is asked for itself and for its containers, over one connection that is used again", () =>
    Effect.gen(function*() {
      const { docker, engine } = yield* rig()
      const web = engine.run({ name: "web", labels: { app: "web" } })
      const old = engine.run({ name: "old", labels: { app: "old" }, tty: true })
      engine.stop(old, 3)
      assert.deepStrictEqual(yield* docker.ping, { apiVersion: "1.43", server: "Watertight/embedded (linux)" })
      assert.deepInclude(yield* docker.version, { Version: "embedded", ApiVersion: "1.43", MinAPIVersion: "1.24" })
      assert.deepStrictEqual((yield* docker.containers()).map(({ name }) => name), ["web"])
      assert.deepStrictEqual((yield* docker.containers({ all: true })).map(({ State }) => State), ["running", "exited"])
      const found = yield* docker.containers({ all: true, filters: { label: ["app=old"] } })
      assert.deepStrictEqual(found.map(({ Id }) => Id), [old.id])
      const details = yield* docker.inspect(web.id)
      assert.deepInclude(details.State, { Running: true, Status: "running" })
      assert.deepInclude((yield* docker.inspect(old.id)).Config, { Tty: true, Labels: { app: "old" } })
      assert.strictEqual(engine.accepted(), 1)
      assert.deepStrictEqual(engine.requests.slice(2, 4), [
        "GET /_ping",
        "GET /v1.43/containers/json?all=false"
      ])
    }))

  it.scopedLive("D1 one instance serves all who need it, over at most 50 connections, of which 10 stay", () =>
    Effect.gen(function*() {
      const engine = yield* EmbeddedEngine.make()
      const client = layer(unix(engine.socketPath))
      const tags = Array.from({ length: 6 }, (_, index) => Context.GenericTag<Service>(`part${index}`))
      const parts = tags.map((tag) => Layer.provide(Layer.effect(tag, Docker), client))
      const [first, ...rest] = parts
      assert(first !== undefined)
      yield* Effect.scoped(Effect.gen(function*() {
        const context = yield* Layer.build(rest.reduce((all, part) => Layer.merge(all, part), first))
        const built = tags.map((tag) => Context.unsafeGet(context, tag))
        const questions = built.flatMap(({ version }) => Array.from({ length: 50 }, () => version))
        yield* Effect.all(questions, { concurrency: "unbounded", discard: true })
        assert.isAtMost(engine.accepted(), 50)
        yield* isTrue("10 connections stay", () => engine.open() === 10)
      }))
      yield* isTrue("none stays without the client", () => engine.open() === 0)
    }))

  it.scopedLive("D1 refusals are told apart, with the engine's own words", () =>
    Effect.gen(function*() {
      const { docker, engine } = yield* rig()
      const web = engine.run({ name: "web" })
      const missing = yield* Effect.flip(docker.inspect("nobody"))
      assert.strictEqual(missing._tag, "NotFound")
      assert.match(missing.message, /GET \/v1\.43\/containers\/nobody\/json: 404 No such container: nobody$/u)
      assert.strictEqual((yield* Effect.flip(docker.start(web.id)))._tag, "NotModified")
      yield* docker.stop(web.id)
      assert.strictEqual((yield* Effect.flip(docker.stop(web.id)))._tag, "NotModified")
      yield* docker.start(web.id)
      assert.isTrue(web.running)
      const none = yield* Effect.flip(Stream.runDrain(docker.logs(web.id, { stdout: false, stderr: false })))
      assert.strictEqual(none._tag, "Refused")
      assert.strictEqual((yield* Effect.flip(Stream.runDrain(docker.logs("nobody"))))._tag, "NotFound")
      yield* docker.remove(web.id)
      assert.deepStrictEqual(yield* docker.containers({ all: true }), [])
    }))

  it.scopedLive("D1 an engine that is not there is unreachable", () =>
    Effect.gen(function*() {
      const { docker } = yield* connect(unix("/nowhere/docker.sock"))
      const failure = yield* Effect.flip(docker.ping)
      assert.strictEqual(failure._tag, "EngineUnreachable")
      assert.match(failure.message, /^unix:\/\/\/nowhere\/docker\.sock: .*ENOENT/u)
    }))

  for (
    const { expected, max, min } of [
      { min: "1.12", max: "1.41", expected: "1.41" },
      { min: "1.44", max: "1.99", expected: "1.51" },
      { min: "1.60", max: "1.99", expected: undefined },
      { min: "1.1", max: "1.9", expected: undefined }
    ]
  ) {
    it.scopedLive(`D1 with an engine of versions ${min} to ${max} ${expected ?? "none"} is spoken`, () =>
      Effect.gen(function*() {
        const { docker } = yield* rig({ version: { min, max } })
        const outcome = yield* Effect.either(docker.containers())
        if (expected === undefined) {
          assert(Either.isLeft(outcome))
          assert.strictEqual(outcome.left._tag, "VersionUnsupported")
          assert.match(outcome.left.message, /the engine speaks API .* and this client 1\.24 to 1\.51$/u)
        } else assert.strictEqual(yield* docker.apiVersion, expected)
      }))
  }

  it.scopedLive("D1 an engine that comes back older is asked again which version it speaks", () =>
    Effect.gen(function*() {
      const version = { min: "1.24", max: "1.43" }
      const { docker } = yield* rig({ version })
      yield* docker.containers()
      version.max = "1.40"
      assert.deepStrictEqual(yield* docker.containers(), [])
      assert.strictEqual(yield* docker.apiVersion, "1.40")
    }))
})

describe("streams", () => {
  for (const tty of [false, true]) {
    it.scopedLive(`D1 the log of a container ${tty ? "with" : "without"} a terminal, from first to last`, () =>
      Effect.gen(function*() {
        const { docker, engine } = yield* rig({ cut: cutAtRandom })
        const web = engine.run({ name: "web", tty })
        const long = "long ".repeat(10_000)
        const given = ["one", "", "żółć €", long, "last"]
        given.forEach((text, index) => engine.write(web, index % 2 === 0 ? "stdout" : "stderr", text))
        const lines = yield* Stream.runCollect(docker.logs(web.id))
        const streams = Chunk.toReadonlyArray(lines).map(({ stream }) => stream)
        assert.deepStrictEqual(Chunk.toReadonlyArray(lines).map(({ text }) => text), given)
        assert.strictEqual(streams[1], tty ? "stdout" : "stderr")
        const third = Chunk.unsafeGet(lines, 2)
        assert.deepStrictEqual(yield* textsOf(docker.logs(web.id, { since: third.at })), given.slice(2))
        assert.deepStrictEqual(yield* textsOf(docker.logs(web.id, { since: third.at + 1n })), given.slice(3))
        assert.deepStrictEqual(yield* textsOf(docker.logs(web.id, { tail: 2 })), given.slice(3))
        assert.deepStrictEqual(yield* textsOf(docker.logs(web.id, { timestamps: false })), given)
      }))
  }

  it.scopedLive("D1 D2 a log is followed as it is written, and ends with its container", () =>
    Effect.gen(function*() {
      const { docker, engine, pool } = yield* rig()
      const web = engine.run({ name: "web" })
      const texts: Array<string> = []
      const lines = docker.logs(web.id, { follow: true })
      const following = yield* Effect.fork(Stream.runForEach(lines, ({ text }) => Effect.sync(() => texts.push(text))))
      yield* isTrue("it follows", () => engine.requests.some((request) => request.includes("follow=true")))
      for (let count = 1; count <= 3; count++) {
        engine.write(web, "stdout", `line ${count}`)
        yield* isTrue("it has come", () => texts.length === count)
      }
      assert.deepInclude(yield* docker.streams, { open: 1, waiting: 0 })
      assert.deepInclude(yield* pool.stats, { active: 1 })
      engine.stop(web)
      yield* Fiber.join(following)
      assert.deepInclude(yield* docker.streams, { open: 0 })
      // it was read to its end, so its connection serves others
      assert.deepInclude(yield* pool.stats, { active: 0, idle: 1 })
    }))

  it.scopedLive("D1 D3 events come as they happen", () =>
    Effect.gen(function*() {
      const { docker, engine } = yield* rig({ cut: cutAtRandom })
      const filters = { event: ["start", "die"] }
      const seen = yield* Effect.fork(
        Stream.runCollect(Stream.take(docker.events({ filters, since: 0n }), 3))
      )
      const web = engine.run({ name: "web" })
      engine.stop(web)
      engine.start(web)
      const events = Chunk.toReadonlyArray(yield* Fiber.join(seen))
      assert.deepStrictEqual(events.map(({ Action }) => Action), ["start", "die", "start"])
      assert.deepInclude(events[0]?.Actor, { ID: web.id })
      yield* isTrue("the stream is closed", () => engine.open() <= 1)
    }))
})

describe("the ends of streams", () => {
  const follows = 20

  const following = Effect.gen(function*() {
    const rigged = yield* rig()
    const { docker, engine } = rigged
    const web = engine.run({ name: "web" })
    engine.write(web, "stdout", "hello")
    let heard = 0
    const follow = docker.logs(web.id, { follow: true, tty: false }).pipe(
      Stream.tap(() =>
        Effect.sync(() => {
          heard += 1
        })
      )
    )
    return { ...rigged, web, follow, heard: () => heard }
  })

  it.scopedLive("D2 interrupted follows close their connections, on both sides", () =>
    Effect.gen(function*() {
      const { docker, engine, follow, heard, pool } = yield* following
      const fibers = yield* Effect.forEach(Array.from({ length: follows }), () => Effect.fork(Stream.runDrain(follow)))
      yield* isTrue("all of them follow", () => heard() === follows)
      assert.strictEqual(engine.open(), follows)
      assert.deepInclude(yield* docker.streams, { open: follows })
      yield* Fiber.interruptAll(fibers)
      assert.deepInclude(yield* docker.streams, { open: 0, waiting: 0 })
      assert.deepInclude(yield* pool.stats, { active: 0 })
      yield* isTrue("the engine sees none", () => engine.open() === 0)
    }))

  it.scopedLive("D2 interrupted before the first byte, while there is not even a head, they close as well", () =>
    Effect.gen(function*() {
      const { docker, engine, pool } = yield* rig()
      const quiet = engine.run({ name: "quiet" })
      const follow = Stream.runDrain(docker.logs(quiet.id, { follow: true, tty: false }))
      const fibers = yield* Effect.forEach(Array.from({ length: follows }), () => Effect.fork(follow))
      const asked = () => engine.requests.filter((request) => request.includes("follow=true")).length
      yield* isTrue("all of them are asked for", () => asked() === follows)
      yield* Fiber.interruptAll(fibers)
      assert.deepInclude(yield* docker.streams, { open: 0, waiting: 0 })
      assert.deepInclude(yield* pool.stats, { active: 0 })
      yield* isTrue("the engine sees none", () => engine.open() === 0)
    }))

  it.scopedLive("D2 consumers that take a little, fail, or never begin leave nothing open", () =>
    Effect.gen(function*() {
      const { docker, engine, follow, pool } = yield* following
      yield* Stream.runDrain(Stream.take(follow, 1))
      assert.strictEqual(yield* Effect.flip(Stream.runForEach(follow, () => Effect.fail("enough"))), "enough")
      yield* Effect.exit(Stream.runForEach(follow, () => Effect.die("broken")))
      // pulled once, then dropped with the scope
      yield* Effect.scoped(Effect.flatMap(Stream.toPull(follow), (pull) => pull))
      // opened, and dropped without a pull
      yield* Effect.asVoid(Effect.scoped(Stream.toPull(follow)))
      assert.deepInclude(yield* docker.streams, { open: 0 })
      assert.deepInclude(yield* pool.stats, { active: 0 })
      yield* isTrue("the engine sees none that is followed", () => engine.open() === 0)
    }))

  it.scopedLive("D2 an engine that stops ends them without an error, one that dies with one; nothing stays open", () =>
    Effect.gen(function*() {
      const { docker, engine, follow, heard, pool } = yield* following
      const ended = yield* Effect.fork(Stream.runDrain(follow))
      yield* isTrue("it follows", () => heard() === 1)
      yield* engine.down
      yield* Fiber.join(ended)
      yield* engine.up
      const cut = yield* Effect.fork(Effect.flip(Stream.runDrain(follow)))
      yield* isTrue("it follows again", () => heard() === 2)
      yield* engine.sever
      assert.strictEqual((yield* Fiber.join(cut))._tag, "EngineUnreachable")
      assert.deepInclude(yield* docker.streams, { open: 0 })
      assert.deepInclude(yield* pool.stats, { active: 0, total: 0 })
    }))

  it.scopedLive("D2 streams leave connections to questions, and those that wait are let in one by one", () =>
    Effect.gen(function*() {
      const engine = yield* Effect.map(rig(), (rigged) => rigged.engine)
      const { docker, pool } = yield* connect(unix(engine.socketPath), { maxConnectionsPerHost: 8 })
      const web = engine.run({ name: "web" })
      engine.write(web, "stdout", "hello")
      let heard = 0
      const follow = docker.logs(web.id, { follow: true, tty: false }).pipe(
        Stream.runForEach(() => Effect.sync(() => heard += 1))
      )
      const fibers = yield* Effect.forEach(Array.from({ length: 5 }), () => Effect.fork(follow))
      yield* isTrue("three follow", () => heard === 3)
      assert.deepStrictEqual(yield* docker.streams, { open: 3, waiting: 2, limit: 3 })
      assert.strictEqual((yield* docker.containers()).length, 1)
      const [first, second, , , fifth] = fibers
      assert(first !== undefined && second !== undefined && fifth !== undefined)
      yield* Fiber.interrupt(fifth)
      assert.deepInclude(yield* docker.streams, { open: 3, waiting: 1 })
      yield* Fiber.interrupt(first)
      yield* isTrue("the fourth follows", () => heard === 4)
      assert.deepInclude(yield* docker.streams, { open: 3, waiting: 0 })
      yield* Fiber.interrupt(second)
      assert.deepInclude(yield* docker.streams, { open: 2, waiting: 0 })
      yield* Fiber.interruptAll(fibers)
      yield* until("none is active", Effect.map(pool.stats, ({ active }) => active === 0))
      assert.deepInclude(yield* docker.streams, { open: 0, waiting: 0 })
    }))
})
