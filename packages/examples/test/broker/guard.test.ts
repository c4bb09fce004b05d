import { Either } from "effect"
import type { IncomingHttpHeaders } from "node:http"
import { assert, test } from "vitest"
import { decode, type FrontConfig } from "../../src/mcp-broker/config.ts"
import { turned } from "../../src/mcp-broker/guard.ts"
import { versionFor } from "../../src/mcp-broker/handshake.ts"

const config = (watertight: object = {}): FrontConfig =>
  Either.getOrThrow(decode({ mcpServers: {}, watertight })).watertight

const status = (headers: IncomingHttpHeaders, watertight: object = {}) =>
  turned(headers, config(watertight), false)?.status

test("the broker is called by its own names alone", () => {
  for (const host of ["localhost", "localhost:4180", "127.0.0.1:4180", "127.1.2.3", "[::1]:4180", "LOCALHOST:1"]) {
    assert.isUndefined(status({ host }), host)
  }
  for (const host of ["evil.example", "evil.example:4180", "127.0.0.1.evil.example", "localhost.evil.example", ""]) {
    assert.strictEqual(status({ host }), 403, host)
  }
  assert.strictEqual(status({}), 403)
  assert.isUndefined(status({ host: "tools.lan:4180" }, { allowedHosts: ["tools.lan"] }))
  assert.strictEqual(status({ host: "192.0.2.1:4180" }, { host: "192.0.2.1", token: "t" }), 401)
})

test("foreign pages are turned away", () => {
  const host = "localhost:4180"
  for (const origin of ["https://evil.example", "null", "http://localhost.evil.example", "file://", "not a url"]) {
    assert.strictEqual(status({ host, origin }), 403, origin)
  }
  for (const origin of ["http://localhost:6274", "http://127.0.0.1", "http://[::1]:1"]) {
    assert.isUndefined(status({ host, origin }), origin)
  }
  assert.isUndefined(status({ host, origin: "https://desk.example" }, { allowedOrigins: ["https://desk.example"] }))
})

test("a token is asked for where there is one", () => {
  const host = "localhost"
  const token = { token: "secret" }
  assert.strictEqual(status({ host }, token), 401)
  assert.strictEqual(status({ host, authorization: "Bearer secre" }, token), 401)
  assert.strictEqual(status({ host, authorization: "secret" }, token), 401)
  assert.isUndefined(status({ host, authorization: "Bearer secret" }, token))
  assert.isUndefined(turned({ host }, config(token), true))
})

test("a client is answered in its own version, unless the server's is older", () => {
  assert.strictEqual(versionFor("2025-03-26", "2025-11-25"), "2025-03-26")
  assert.strictEqual(versionFor("2025-11-25", "2025-03-26"), "2025-03-26")
  assert.strictEqual(versionFor("1999-01-01", "2025-11-25"), "2025-11-25")
  assert.strictEqual(versionFor(undefined, "2025-11-25"), "2025-11-25")
})
