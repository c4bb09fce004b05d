/** The program itself: its arguments, and what it prints. */
import { assert, describe, test } from "@effect/vitest"
import { Effect, Either } from "effect"
import { spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import * as Arguments from "../../src/container-monitor/cli/arguments.ts"
import { DeadLetter } from "../../src/container-monitor/state/State.ts"
import { stateIn } from "./monitoring.ts"

const main = fileURLToPath(new URL("../../src/container-monitor/main.ts", import.meta.url))

const run = (args: ReadonlyArray<string>, environment: Readonly<Record<string, string>> = {}, endAfter?: RegExp) =>
  new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
    const child = spawn(process.execPath, ["--import", "tsx", main, ...args], {
      env: { ...process.env, ...environment }
    })
    let [stdout, stderr] = ["", ""]
    child.stdout.setEncoding("utf8").on("data", (piece: string) => {
      stdout += piece
      // once: a second signal is that of somebody who is impatient
      if (endAfter?.test(stdout) === true && !child.killed) child.kill("SIGTERM")
    })
    child.stderr.setEncoding("utf8").on("data", (piece: string) => {
      stderr += piece
    })
    child.once("close", (code) => resolve({ code, stdout, stderr }))
  })

const patience = 120_000

describe("arguments", () => {
  test("what is given is checked, and refused with what is allowed", () => {
    const refused = (...args: ReadonlyArray<string>) => Either.getOrThrow(Either.flip(Arguments.parse(args))).message
    assert.strictEqual(
      refused("--tail", "-1"),
      `arguments: "--tail -1" is not allowed; allowed: those of --help (${"Option '--tail' argument is ambiguous.\nDid you forget to specify the option argument for '--tail'?\nTo specify an option argument starting with a dash use '--tail=-XYZ'."})`
    )
    assert.strictEqual(refused("--tail=-1"), `--tail: "-1" is not allowed; allowed: a whole number of at least 0`)
    assert.strictEqual(refused("--buffer", "0"), `--buffer: "0" is not allowed; allowed: a whole number of at least 1`)
    assert.match(
      refused("--sink", "ftp://there"),
      /^--sink: "ftp:\/\/there" is not allowed; allowed: stdout, file:PATH/u
    )
    assert.match(refused("--filter", "web"), /^--filter: "web" .* label=app=web$/u)
    assert.match(refused("--for", "soon"), /^--for: "soon" .* such as 30s$/u)
    assert.match(
      refused("dlq", "empty"),
      /^command: "dlq empty" is not allowed; allowed: none, dlq list or dlq replay$/u
    )
    assert.match(refused("--sinks", "stdout"), /those of --help/u)
  })

  test("each has a meaning, and a default", () => {
    const of = (...args: ReadonlyArray<string>) => Either.getOrThrow(Arguments.parse(args))
    assert.deepInclude(of(), { command: "run", tail: 10, sinks: [{ kind: "stdout" }], embedded: false, buffer: 1000 })
    assert.deepInclude(of("--tail", "all", "--for", "90s"), { tail: undefined, forMillis: 90_000 })
    assert.deepInclude(of("--sink", "file:/a", "--sink", "http://there/"), {
      sinks: [{ kind: "file", path: "/a" }, { kind: "http", url: "http://there/" }]
    })
    assert.deepInclude(of("--filter", "label=a=b", "--filter", "label=c"), { filters: { label: ["a=b", "c"] } })
    assert.deepInclude(of("dlq", "replay", "--of", "stdout"), { command: "replay", of: "stdout" })
    assert.strictEqual(of("--help").command, "help")
  })
})

describe("npm run monitor", () => {
  test("D3 shows the lines of its built-in engine, also into files, and ends in order when it is told to", async () => {
    const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "monitor-"))
    try {
      const file = Path.join(folder, "logs", "all.ndjson")
      const ended = await run(
        ["--embedded", "--sink", "stdout", "--sink", `file:${file}`],
        {},
        /(?:web \|[^]*){3}/u
      )
      assert.match(ended.stderr, /^Engine: built in\. Sinks: stdout, file:/u)
      assert.match(ended.stderr, /-- ended; 0 streams open\n$/u)
      const shown = ended.stdout.trimEnd().split("\n")
      for (const line of shown) assert.match(line, /^\d\d:\d\d:\d\d\.\d{3} (?:web|worker|database|shell) [|!] ./u)
      const written = Fs.readFileSync(file, "utf8").trimEnd().split("\n")
      assert.strictEqual(written.length, shown.length)
      assert.hasAllKeys(JSON.parse(written[0] ?? ""), ["container", "name", "stream", "timestamp", "line"])
    } finally {
      Fs.rmSync(folder, { recursive: true })
    }
  }, patience)

  test("D3 dead letters are listed, and replayed to the sink that did not take them", async () => {
    const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "monitor-"))
    try {
      const [state, file] = [Path.join(folder, "state.db"), Path.join(folder, "all.ndjson")]
      const letter = (line: string, sink: string) =>
        new DeadLetter({
          id: `${sink} ${line}`,
          sink,
          line,
          container: "c1",
          name: "web",
          stream: "stdout",
          reason: "disk full",
          timestamp: `2026-11-21T15:40:0${line.length}.000000000Z`
        })
      const letters = [letter("bb", `file:${file}`), letter("a", `file:${file}`), letter("c", "stdout")]
      await Effect.runPromise(Effect.scoped(Effect.flatMap(stateIn(state), ({ bury }) => bury(letters))))
      const listed = await run(["dlq", "list", "--state", state, "--of", `file:${file}`, "--json"])
      const lines = listed.stdout.trimEnd().split("\n").map((line) => JSON.parse(line))
      assert.deepStrictEqual(lines.map(({ line }) => line), ["a", "bb"])
      assert.strictEqual(listed.stderr, "-- 2 of 3 dead letters\n")
      const replayed = await run(["dlq", "replay", "--state", state, "--sink", `file:${file}`])
      assert.strictEqual(replayed.stderr, `-- file:${file}: 2 replayed\n-- 1 dead letters are left\n`)
      const written = Fs.readFileSync(file, "utf8").trimEnd().split("\n").map((line) => JSON.parse(line))
      assert.deepStrictEqual(written.map(({ line }) => line), ["a", "bb"])
    } finally {
      Fs.rmSync(folder, { recursive: true })
    }
  }, patience)

  test("help is printed, and what is wrong is told with exit code 2, or 1 where it fails", async () => {
    const [help, wrong, failing] = await Promise.all([
      run(["--help"]),
      run(["--tail", "few"]),
      run([], { DOCKER_HOST: "ssh://me@there" })
    ])
    assert.deepInclude(help, { code: 0, stdout: Arguments.help, stderr: "" })
    assert.strictEqual(wrong.code, 2)
    assert.strictEqual(
      wrong.stderr,
      `--tail: "few" is not allowed; allowed: a whole number of at least 0\nTry --help.\n`
    )
    assert.strictEqual(failing.code, 1)
    assert.match(failing.stderr, /^DOCKER_HOST: "ssh:\/\/me@there" is not allowed/u)
  }, patience)
})
