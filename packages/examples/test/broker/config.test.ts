import { Duration, Effect, Either, Redacted } from "effect"
import { assert, describe, test } from "vitest"
import { read, settingsOf } from "../../src/mcp-broker/commandLine.ts"
import { asksOf, decode, sameServer } from "../../src/mcp-broker/config.ts"

const right = (input: unknown) => Either.getOrThrowWith(decode(input), (error) => error)
const wrong = (input: unknown): string =>
  Either.match(decode(input), { onLeft: ({ message }) => message, onRight: () => "" })
const one = (server: object) => ({ mcpServers: { files: server } })

describe("the settings of the broker", () => {
  test("are those of clients, with defaults for the rest", () => {
    const { mcpServers: { files }, watertight } = right({
      ...one({ command: "npx", args: ["-y", "x"], env: { TOKEN: "secret" }, alwaysAllow: ["read"], timeout: 5 }),
      theme: "dark"
    })
    assert.strictEqual(files?.command, "npx")
    assert.deepStrictEqual(files?.args, ["-y", "x"])
    assert.strictEqual(files?.watertight.sharing, "shared")
    assert.strictEqual(Duration.toMillis(files?.watertight.requestTimeout ?? 0), 300_000)
    assert.strictEqual(watertight.host, "127.0.0.1")
    assert.strictEqual(watertight.port, 4180)
  })

  test("keep secrets to themselves", () => {
    const settings = right({ ...one({ command: "x", env: { TOKEN: "hunter2" } }), watertight: { token: "hunter3" } })
    assert.notMatch(JSON.stringify(settings) + String(settings.watertight.token), /hunter/)
    const { TOKEN } = settings.mcpServers["files"]?.env ?? {}
    assert.strictEqual(TOKEN === undefined ? "" : Redacted.value(TOKEN), "hunter2")
    assert.notMatch(wrong(one({ command: "x", env: { TOKEN: { hunter: 2 } } })), /hunter/)
    assert.notMatch(wrong({ ...one({ command: "x" }), watertight: { token: ["hunter"] } }), /hunter/)
  })

  test("name the field, the value and what is allowed", () => {
    assert.strictEqual(
      wrong(one({ command: "x", watertight: { sharing: "some" } })),
      "mcpServers.files.watertight.sharing: \"some\" is not allowed; allowed: \"shared\", \"pooled\" or \"session\""
    )
    assert.strictEqual(
      wrong(one({ command: "x", watertight: { processes: 0 } })),
      "mcpServers.files.watertight.processes: 0 is not allowed; allowed: a whole number from 1"
    )
    assert.include(
      wrong(one({ command: "x", watertight: { requestTimeout: "soon" } })),
      "\"soon\" is not allowed; allowed: a time"
    )
    assert.include(wrong(one({ command: "x", watertight: { requestTimeout: 0 } })), "0 is not allowed; allowed: a time")
    assert.include(
      wrong(one({ command: " " })),
      "mcpServers.files.command: \" \" is not allowed; allowed: a text that is not blank"
    )
    assert.include(wrong(one({})), "mcpServers.files.command: nothing is not allowed; allowed: it has to be there")
    assert.include(wrong(one({ command: "x", args: "-y" })), "mcpServers.files.args: \"-y\"")
    assert.include(wrong(one({ command: "x", type: "http" })), "mcpServers.files.type: \"http\"")
    assert.include(wrong({ ...one({ command: "x" }), watertight: { prot: 1 } }), "watertight.prot: 1")
    assert.include(wrong({ ...one({ command: "x" }), watertight: { port: 70_000 } }), "watertight.port: 70000")
    assert.include(wrong([]), "the file: [] is not allowed")
    assert.include(wrong("x"), "the file: \"x\"")
  })

  test("let servers ask their only client for everything, and many for nothing", () => {
    const asks = (watertight: object) => {
      const { mcpServers: { files } } = right(one({ command: "x", watertight }))
      return files === undefined ? undefined : asksOf(files)
    }
    assert.deepStrictEqual(asks({}), [])
    assert.deepStrictEqual(asks({ sharing: "session" }), ["roots", "sampling", "elicitation"])
    assert.deepStrictEqual(asks({ asks: ["roots"] }), ["roots"])
    assert.include(wrong(one({ command: "x", watertight: { asks: ["money"] } })), "\"money\"")
  })

  test("are the same where nothing is different, secrets too", () => {
    const server = (env: object) => {
      const { mcpServers: { files } } = right(one({ command: "x", env }))
      if (files === undefined) throw new Error("no server")
      return files
    }
    assert.isTrue(sameServer(server({ A: "1" }), server({ A: "1" })))
    assert.isFalse(sameServer(server({ A: "1" }), server({ A: "2" })))
  })
})

describe("the command line of the broker", () => {
  const complaint = (...args: ReadonlyArray<string>) =>
    Effect.runPromise(
      read(args).pipe(
        Effect.flatMap(settingsOf),
        Effect.match({ onFailure: ({ message }) => message, onSuccess: () => "" })
      )
    )

  test("is refused in the same words", async () => {
    assert.include(await complaint("--prot", "1"), "the command line: \"--prot 1\" is not allowed; allowed: see --help")
    assert.include(await complaint("--port", "x"), "--port: \"x\" is not allowed; allowed: a port")
    assert.include(await complaint("--config", "/no/such/file"), "--config: \"/no/such/file\" is not allowed")
    assert.include(await complaint("--config", import.meta.filename), "allowed: a file of JSON")
    assert.strictEqual(await complaint("--port", "0"), "")
  })
})
