import { Command } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { PoolError } from "@watertight/pool"
import { ConfigProvider, Effect, Either, Equal, Hash, Redacted } from "effect"
import * as fc from "fast-check"
import { inspect } from "node:util"
import { StdioConfig, StdioPool, StdioServer } from "../src/index.ts"
import { Lines } from "../src/internal/lines.ts"
import { read } from "../src/internal/messages.ts"
import { Tail } from "../src/internal/tail.ts"
import { rig } from "./rig.ts"
import { held } from "./support/memory.ts"

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (all: Uint8Array) => new TextDecoder().decode(all)

describe("lines", () => {
  it("come out as they went in, however they were cut", () =>
    fc.assert(fc.property(
      fc.array(fc.string({ unit: "grapheme" }).map((line) => line.replaceAll(/[\r\n]/g, ""))),
      fc.array(fc.nat(20)),
      (written, cuts) => {
        const lines = new Lines(Infinity)
        const got: Array<string> = []
        let rest = bytes(written.map((line) => `${line}\r\n`).join("") + "unfinished")
        for (const cut of cuts) {
          lines.push(rest.subarray(0, cut), (line) => got.push(text(line)) > 0)
          rest = rest.subarray(cut)
        }
        lines.push(rest, (line) => got.push(text(line)) > 0)
        assert.deepStrictEqual(got, written.filter((line) => line !== ""))
        assert.strictEqual(lines.pending, "unfinished".length)
      }
    )))

  it("have a limit, whole or in pieces", () => {
    const take = () => true
    assert.isTrue(new Lines(5).push(bytes("12345\n12345"), take))
    assert.isFalse(new Lines(5).push(bytes("123456\n"), take))
    const lines = new Lines(5)
    assert.isTrue(lines.push(bytes("123"), take))
    assert.isFalse(lines.push(bytes("456"), take))
    assert.strictEqual(lines.pending, 0)
  })

  it("that come byte by byte take no more than their bytes", () => {
    const lines = new Lines(Infinity)
    const before = held()
    for (let index = 0; index < 1_000_000; index++) lines.push(new Uint8Array([97]), () => true)
    assert.isBelow(held() - before, 4_000_000)
    let line = ""
    lines.push(bytes("b\n"), (whole) => (line = text(whole)) !== "")
    assert.strictEqual(line, `${"a".repeat(1_000_000)}b`)
  })

  it("keep nothing of the chunk that they came with", () => {
    const lines = new Lines(Infinity)
    const tail = new Tail(10)
    const chunk = Buffer.from("a line\nand a piece")
    lines.push(chunk, () => true)
    tail.push(chunk)
    chunk.fill("x")
    let line = ""
    lines.push(bytes("\n"), (whole) => (line = text(whole)) !== "")
    assert.deepStrictEqual([line, tail.text()], ["and a piece", "nd a piece"])
  })
})

it("a tail is the end of all that was pushed", () =>
  fc.assert(fc.property(fc.array(fc.string({ minLength: 1 })), fc.nat(50), (pieces, max) => {
    const tail = new Tail(max)
    for (const piece of pieces) tail.push(bytes(piece))
    const all = bytes(pieces.join(""))
    assert.strictEqual(tail.text(), text(max === 0 ? new Uint8Array(0) : all.slice(-max)))
    assert.strictEqual(tail.seen, all.length)
  })))

it("what is no message is told from one that broke", () => {
  const kind = (line: string) => read(bytes(line)).kind
  assert.strictEqual(kind("{\"level\":30,\"msg\":\"hi\"}"), "noise")
  for (const line of ["5", "[]", "[1]", "null", "{ jsonrpc: 1 }", "[info] x", "{\"jsonrpc\":\"1.0\",\"id\":1}"]) {
    assert.strictEqual(kind(line), "noise", line)
  }
  assert.strictEqual(kind("{\"jsonrpc\":\"2.0\",\"id\":1,\"res"), "torn")
  assert.strictEqual(kind("[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1},5]"), "torn")
  fc.assert(fc.property(fc.uint8Array(), (any) => {
    read(any)
  }))
})

describe("a server", () => {
  const secret = "s3cr3t"
  const parts = { command: "/usr/bin/node", args: ["--token", secret], env: { TOKEN: secret, A: "1" } }

  it("is what its command, arguments, environment and directory are", () => {
    const server = StdioServer.make(parts)
    const equal = StdioServer.make({ ...parts, env: { A: "1", TOKEN: Redacted.make(secret), B: undefined } })
    assert.isTrue(Equal.equals(server, equal))
    assert.strictEqual(Hash.hash(server), Hash.hash(equal))
    const others: ReadonlyArray<Partial<StdioServer.Parts>> = [
      { command: "node" },
      { args: ["--token", "other"] },
      { env: { ...parts.env, TOKEN: "other" } },
      { cwd: "/" },
      { extendEnv: false },
      { shell: true },
      { name: "other" }
    ]
    for (const change of others) {
      assert.isFalse(Equal.equals(server, StdioServer.make({ ...parts, ...change })), JSON.stringify(change))
    }
    assert.isFalse(Equal.equals(server, StdioServer.exclusive(server)))
    assert.isTrue(Equal.equals(server, StdioServer.shared(StdioServer.exclusive(server))))
  })

  it.scoped("shows no secret, nor does an error about it", () =>
    Effect.gen(function*() {
      const server = StdioServer.make(parts)
      assert.strictEqual(server.label, "node")
      const { pool } = yield* rig()
      const error = yield* Effect.flip(pool.request(server, "any"))
      for (const shown of [server, error, StdioServer.exclusive(server), yield* pool.stats]) {
        for (const one of [inspect(shown, { depth: 9, showHidden: true }), JSON.stringify(shown), String(shown)]) {
          assert.notInclude(one, secret)
        }
      }
    }))

  it("of wrong parts is refused, with the field and without the secret", () => {
    const wrong = (given: unknown) => {
      const { allowed, field, message } = Either.getOrThrow(Either.flip(StdioServer.decode(given)))
      assert.notInclude(message, secret)
      return `${field}: ${allowed}`
    }
    assert.strictEqual(wrong(5), "server: an object with a command")
    assert.strictEqual(wrong({}), "command: a text without NUL characters, not empty")
    assert.strictEqual(wrong({ command: "a", args: "b" }), "args: an array, each of it a text without NUL characters")
    assert.strictEqual(wrong({ command: "a", args: [`${secret}\0`] }), "args[0]: a text without NUL characters")
    assert.strictEqual(wrong({ command: "a", env: { A: `${secret}\0` } }), "env.A: a text without NUL characters")
    assert.strictEqual(wrong({ command: "a", env: { "A=B": "c" } }), "env: names without \"=\"")
    assert.strictEqual(wrong({ command: "a", cwd: 1 }), "cwd: a text without NUL characters")
    assert.strictEqual(wrong({ command: "a", extendEnv: 1 }), "extendEnv: true or false")
    assert.strictEqual(wrong({ command: "a", name: " " }), "name: a text without NUL characters, not blank")
    assert.throws(() => StdioServer.make({ command: "" }), PoolError.ConfigInvalid)
  })

  it("may be made of a command of the platform's", () => {
    const command = Command.make("/usr/bin/node", "--token", secret).pipe(Command.env({ TOKEN: secret, A: "1" }))
    assert.isTrue(Equal.equals(Either.getOrThrow(StdioServer.fromCommand(command)), StdioServer.make(parts)))
    assert.isTrue(Either.isLeft(StdioServer.fromCommand(Command.pipeTo(command, Command.make("cat")))))
    assert.isTrue(Either.isLeft(StdioServer.fromCommand(Command.feed(command, "x"))))
    assert.isTrue(Either.isLeft(StdioServer.fromCommand(Command.stderr(command, "inherit"))))
  })
})

describe("settings", () => {
  const refused = (options: StdioPool.PoolOptions) =>
    Effect.scoped(StdioPool.make(options)).pipe(
      Effect.provide(NodeContext.layer),
      Effect.flip,
      Effect.map(({ message }) => message)
    )

  it.effect("that are wrong are refused", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* refused({ capacity: 0 }), "capacity: 0 is not allowed; allowed: a whole number from 1")
      assert.include(yield* refused({ capcity: 2 } as StdioPool.PoolOptions), "did you mean capacity?")
      assert.strictEqual(
        yield* refused({ closeTimeout: "1 second" }),
        "closeTimeout: \"1 second\" is not allowed; allowed: at least 5000 ms, which are endGrace, termGrace and killGrace"
      )
      assert.include(yield* refused({ maxIdlePerHost: -1 }), "maxIdlePerHost")
    }))

  it.effect("come from the environment, under a prefix of their own", () =>
    Effect.gen(function*() {
      const variables = {
        WATERTIGHT_STDIO_CAPACITY: "8",
        WATERTIGHT_STDIO_REQUEST_TIMEOUT: "5 minutes",
        WATERTIGHT_STDIO_MAX_CONNECTIONS_PER_HOST: "2",
        WATERTIGHT_CAPACITY: "9"
      }
      const options = yield* Effect.withConfigProvider(
        StdioConfig.config,
        ConfigProvider.fromMap(new Map(Object.entries(variables)))
      )
      assert.deepStrictEqual(options, { capacity: 8, requestTimeout: 300_000, maxConnectionsPerHost: 2 })
    }))

  it.scoped("can be changed at run time, and differ by server", () =>
    Effect.gen(function*() {
      const { pool, servers } = yield* rig(undefined, {
        overrides: (server) => server.label === "files" ? { capacity: 1, endGrace: "9 seconds" } : {}
      })
      const files = StdioServer.make({ name: "files", command: "files-mcp" })
      yield* pool.reconfigure({ maxConnectionsPerHost: 2 })
      yield* Effect.all([1, 2, 3].map(() => pool.request(files, "a")), { concurrency: "unbounded" })
      assert.isAtMost(yield* servers.peak("files"), 2)
      assert.include((yield* Effect.flip(pool.reconfigure({ maxLineSize: 0 }))).message, "maxLineSize")
    }))
})
