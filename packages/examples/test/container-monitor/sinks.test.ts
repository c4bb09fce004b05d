/** The sinks, each by itself. */
import { assert, describe, it } from "@effect/vitest"
import { HttpPool, PooledHttpClient } from "@watertight/http-adapter"
import { Effect, Layer } from "effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import type { Plain } from "../../src/container-monitor/monitor/Entry.ts"
import * as Files from "../../src/container-monitor/sinks/files.ts"
import * as HttpSink from "../../src/container-monitor/sinks/http.ts"
import * as Stdout from "../../src/container-monitor/sinks/stdout.ts"
import * as Loopback from "../../src/http/loopback.ts"
import { folder } from "./monitoring.ts"

const line = (text: string, stream = "stdout"): Plain => ({
  container: "c1",
  name: "web",
  stream,
  timestamp: "2026-11-21T15:40:01.123456789Z",
  line: text
})

const linesIn = (path: string) =>
  Fs.readFileSync(path, "utf8").trimEnd().split("\n").map((text): Plain => JSON.parse(text) as Plain)

describe("sinks", () => {
  it.scopedLive("D3 a file that is full is put aside, so many are kept, and one that is there is gone on with", () =>
    Effect.gen(function*() {
      const path = Path.join(yield* folder, "deep", "all.ndjson")
      const size = Buffer.byteLength(`${JSON.stringify(line("0"))}\n`)
      const options = { path, maxBytes: 2 * size, keep: 2 }
      const write = (texts: ReadonlyArray<string>) =>
        Effect.scoped(
          Effect.flatMap(Files.make(options), (sink) => Effect.forEach(texts, (text) => sink.deliver([line(text)])))
        )
      yield* write(["0", "1", "2"])
      yield* write(["3", "4", "5", "6", "7", "8"])
      const kept = [`${path}.2`, `${path}.1`, path].map((file) => linesIn(file).map((one) => one.line))
      assert.deepStrictEqual(kept, [["4", "5"], ["6", "7"], ["8"]])
      assert.isFalse(Fs.existsSync(`${path}.3`))
    }))

  it.scopedLive("a file that cannot be opened is told of with its path", () =>
    Effect.gen(function*() {
      const path = yield* folder
      const failed = yield* Effect.flip(Files.make({ path }))
      assert.match(failed.message, /^file:.*EISDIR/u)
    }))

  it.scopedLive("D3 HTTP: lines are posted as NDJSON; any status but 2xx is a failure, without the secrets of the URL", () =>
    Effect.gen(function*() {
      const got: Array<string> = []
      let status = 204
      const server = yield* Loopback.serve((request, response) => {
        let body = ""
        request.setEncoding("utf8").on("data", (piece: string) => {
          body += piece
        }).on("end", () => {
          got.push(`${request.method} ${request.headers["content-type"]} ${body}`)
          response.writeHead(status).end()
        })
      })
      const sink = yield* Effect.provide(
        HttpSink.make(`http://me:secret@127.0.0.1:${server.port}/logs?key=secret`),
        yield* Layer.build(Layer.provide(PooledHttpClient.layer, HttpPool.layer()))
      )
      yield* sink.deliver([line("a"), line("b")])
      assert.deepStrictEqual(got, [
        `POST application/x-ndjson ${JSON.stringify(line("a"))}\n${JSON.stringify(line("b"))}\n`
      ])
      status = 503
      const failed = yield* Effect.flip(sink.deliver([line("c")]))
      assert.strictEqual(failed.message, `http:http://127.0.0.1:${server.port}/logs: status 503`)
    }))

  it.live("stdout shows time, container and stream, and lets no line move the cursor", () =>
    Effect.gen(function*() {
      const written: Array<string> = []
      const sink = Stdout.make({
        isTTY: false,
        write: (text, done) => {
          written.push(text)
          done()
        }
      })
      yield* sink.deliver([line("a\tb"), line("\u001b[2Jgone", "stderr")])
      assert.deepStrictEqual(written, ["15:40:01.123 web | a\tb\n15:40:01.123 web ! \\x1b[2Jgone\n"])
    }))
})
