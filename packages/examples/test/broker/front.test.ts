import { request } from "node:http"
import { assert, describe, test } from "vitest"
import { until } from "./support/census.ts"
import { type Env, onBroker, own, say } from "./support/rig.ts"

const shared = (env: Env) => ({ own: own(env) })
const accept = { "content-type": "application/json", accept: "application/json, text/event-stream" }

const post = (url: URL, body: unknown, headers: Readonly<Record<string, string>> = {}) =>
  fetch(url, {
    method: "POST",
    headers: { ...accept, ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body)
  })

const initialize = {
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "raw", version: "1" } }
}

const call = (id: number, name: string, args: object = {}) => ({
  jsonrpc: "2.0",
  id,
  method: "tools/call",
  params: { name, arguments: args }
})

describe("the HTTP front", () => {
  test("begins a session with initialize, and ends it with DELETE", () =>
    onBroker(shared, async ({ endpoint, front }) => {
      const begun = await post(endpoint("own"), initialize)
      const session = begun.headers.get("mcp-session-id") ?? ""
      assert.include(await begun.text(), "\"protocolVersion\":\"2025-06-18\"")
      const answer = await post(endpoint("own"), call(1, "echo", { text: "here" }), { "mcp-session-id": session })
      assert.include(await answer.text(), "\"text\":\"here\"")
      assert.strictEqual(front.sessions(), 1)
      await fetch(endpoint("own"), { method: "DELETE", headers: { "mcp-session-id": session } })
      assert.strictEqual(front.sessions(), 0)
      const late = await post(endpoint("own"), call(2, "pid"), { "mcp-session-id": session })
      assert.strictEqual(late.status, 404)
    }))

  test("serves who has no session, but not with a process of its own", () =>
    onBroker((env) => ({ own: own(env), mine: own(env, { sharing: "session" }) }), async ({ broker, endpoint }) => {
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, index) => post(endpoint("own"), call(1, "echo", { text: `no ${index}` })))
      )
      const texts = await Promise.all(answers.map((answer) => answer.text()))
      texts.forEach((text, index) => assert.include(text, `"text":"no ${index}"`))
      await until(() => "the end of all", () => broker.hub("own")?.sessions.size === 0)
      const refused = await post(endpoint("mine"), call(1, "pid"))
      assert.strictEqual(refused.status, 400)
      assert.include(await refused.text(), "needs a session")
    }))

  test("gives up a call whose client has gone", () =>
    onBroker(shared, async ({ broker, connect, endpoint }) => {
      const begun = await post(endpoint("own"), initialize)
      const session = begun.headers.get("mcp-session-id") ?? ""
      await begun.text()
      const gone = request(endpoint("own"), { method: "POST", headers: { ...accept, "mcp-session-id": session } })
      gone.on("error", () => undefined)
      gone.end(JSON.stringify(call(7, "hang")))
      const calls = () => [...broker.hub("own")?.sessions ?? []].reduce((sum, one) => sum + one.calls.size, 0)
      await until(() => "the call", () => calls() === 1)
      const client = await connect("own")
      assert.strictEqual(await say(client, "cancelled"), "[]")
      gone.destroy()
      await until(() => "its end", () => calls() === 0)
      assert.strictEqual(JSON.parse(await say(client, "cancelled")).length, 1)
    }))

  test("ends a session that nobody uses any more", () =>
    onBroker(shared, async ({ connect, endpoint, front }) => {
      const kept = await connect("own")
      const begun = await post(endpoint("own"), initialize)
      await begun.text()
      assert.strictEqual(front.sessions(), 2)
      await until(() => `one session, not ${front.sessions()}`, () => front.sessions() === 1)
      // its stream is open, so it is not idle
      assert.strictEqual(await say(kept, "echo", { text: "still" }), "still")
    }, { sessionIdleTimeout: "300 millis" }))

  test("refuses what is too large, no JSON, from elsewhere, or for nobody", () =>
    onBroker(shared, async ({ endpoint, front }) => {
      const status = async (answer: Promise<Response>) => (await answer).status
      assert.strictEqual(await status(post(endpoint("own"), `"${"x".repeat(5_000)}"`)), 413)
      assert.strictEqual(await status(post(endpoint("own"), "{")), 400)
      assert.strictEqual(await status(post(endpoint("none"), initialize)), 404)
      assert.strictEqual(await status(post(endpoint("%"), initialize)), 404)
      assert.strictEqual(await status(post(endpoint("own"), initialize, { origin: "https://evil.example" })), 403)
      assert.strictEqual(await status(post(endpoint("own"), initialize, { "mcp-session-id": "made up" })), 404)
      assert.strictEqual(await status(post(endpoint("own"), initialize, { accept: "text/plain" })), 406)
      assert.strictEqual(await status(fetch(endpoint("own"))), 400)
      assert.strictEqual(await status(fetch(endpoint("own"), { method: "PUT" })), 405)
      await until(() => `${front.sessions()} sessions`, () => front.sessions() === 0)
    }, { maxBodySize: 4_096 }))

  test("has as many sessions as it may, and no call twice", () =>
    onBroker((env) => ({ own: own(env, { maxSessions: 1 }) }), async ({ broker, endpoint }) => {
      const begun = await post(endpoint("own"), initialize)
      await begun.text()
      const session = { "mcp-session-id": begun.headers.get("mcp-session-id") ?? "" }
      const refused = await post(endpoint("own"), initialize)
      assert.strictEqual(refused.status, 503)
      assert.include(await refused.text(), "own has 1 sessions")
      const first = post(endpoint("own"), call(5, "late", { text: "once", millis: 100 }), session)
      await until(() => "the call", () => [...broker.hub("own")?.sessions ?? []].some(({ calls }) => calls.has(5)))
      assert.strictEqual((await post(endpoint("own"), call(5, "pid"), session)).status, 400)
      assert.include(await (await first).text(), "once")
    }))

  test("says why a server does not start, and keeps nothing of it", () =>
    onBroker(() => ({ broken: { command: "/no/such/program" } }), async ({ endpoint, front }) => {
      const answer = await post(endpoint("broken"), initialize)
      assert.include(await answer.text(), "broken could not be started (ENOENT)")
      assert.strictEqual(front.sessions(), 0)
    }))

  test("two credentials never share a process", () =>
    onBroker(
      (env) => ({ one: own({ ...env, TOKEN: "1" }), other: own({ ...env, TOKEN: "2" }) }),
      async ({ connect }) => {
        const [one, other] = await Promise.all([connect("one"), connect("other")])
        assert.strictEqual(await say(one, "env", { name: "TOKEN" }), "1")
        assert.strictEqual(await say(other, "env", { name: "TOKEN" }), "2")
        assert.notStrictEqual(await say(one, "pid"), await say(other, "pid"))
      }
    ))
})

describe("other settings", () => {
  test("end the sessions of servers that have changed, and no others", () =>
    onBroker(
      (env) => ({ kept: own(env), changed: own(env), removed: own(env) }),
      async ({ connect, front, reload }, env) => {
        const [kept, changed, removed] = await Promise.all([connect("kept"), connect("changed"), connect("removed")])
        const before = await say(kept, "pid")
        await Promise.all([say(changed, "pid"), say(removed, "pid")])
        const changes = await reload({ kept: own(env), changed: own({ ...env, NEW: "1" }), added: own(env) })
        assert.deepStrictEqual(changes, { added: ["added"], changed: ["changed"], removed: ["removed"] })
        assert.strictEqual(await say(kept, "pid"), before)
        assert.strictEqual(front.sessions(), 1)
        await say(changed, "pid").then(() => assert.fail("it was answered"), () => undefined)
        assert.strictEqual(await say(await connect("changed"), "env", { name: "NEW" }), "1")
        assert.strictEqual(await say(await connect("added"), "echo", { text: "new" }), "new")
      }
    ))
})
