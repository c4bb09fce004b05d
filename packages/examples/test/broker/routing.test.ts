import {
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  ResourceUpdatedNotificationSchema,
  ToolListChangedNotificationSchema
} from "@modelcontextprotocol/sdk/types.js"
import { assert, describe, test } from "vitest"
import { until } from "./support/census.ts"
import { onBroker, own, say } from "./support/rig.ts"

const shared = (env: Readonly<Record<string, string>>) => ({ own: own(env) })

describe("sessions of one process", () => {
  test("each gets its own answers, though all use the same ids", () =>
    onBroker(shared, async ({ connect }) => {
      const [one, other] = await Promise.all([connect("own"), connect("own")])
      const texts = Array.from({ length: 50 }, (_, index) => `${index}`)
      const answers = await Promise.all(
        texts.flatMap((text) => [
          say(one, "late", { text: `one ${text}`, millis: Number(text) % 7 }),
          say(other, "late", { text: `other ${text}`, millis: Number(text) % 5 })
        ])
      )
      assert.deepStrictEqual(answers, texts.flatMap((text) => [`one ${text}`, `other ${text}`]))
      assert.strictEqual(await say(one, "pid"), await say(other, "pid"))
    }))

  test("each hears of its own progress, under its own token", () =>
    onBroker(shared, async ({ connect }) => {
      const clients = await Promise.all(Array.from({ length: 5 }, () => connect("own")))
      const heard = await Promise.all(clients.map(async (client, index) => {
        const messages: Array<string | undefined> = []
        await say(client, "progress", { text: `${index}` }, { onprogress: ({ message }) => messages.push(message) })
        return messages
      }))
      assert.deepStrictEqual(heard, clients.map((_, index) => [`${index}`, `${index}`, `${index}`]))
    }))

  test("a call that is given up is given up at the server, and only that one", () =>
    onBroker(shared, async ({ broker, connect }) => {
      const [one, other] = await Promise.all([connect("own"), connect("own")])
      const giveUp = new AbortController()
      const hanging = say(one, "hang", {}, { signal: giveUp.signal })
      const going = say(other, "late", { text: "here", millis: 200 })
      const open = () => broker.hub("own")?.sessions ?? []
      await until(() => "the calls", () => [...open()].every(({ calls }) => calls.size === 1))
      giveUp.abort()
      await hanging.then(() => assert.fail("it was answered"), () => undefined)
      assert.strictEqual(await going, "here")
      assert.strictEqual(JSON.parse(await say(other, "cancelled")).length, 1)
      assert.deepStrictEqual([...open()].map(({ calls }) => calls.size), [0, 0])
    }))

  test("a change of a resource is told to those who have subscribed to it", () =>
    onBroker(shared, async ({ connect }) => {
      const clients = await Promise.all(Array.from({ length: 3 }, () => connect("own")))
      const heard = clients.map((): Array<string> => [])
      clients.forEach((client, index) =>
        client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => {
          heard[index]?.push(params.uri)
        })
      )
      const [one, other, third] = clients
      if (one === undefined || other === undefined || third === undefined) throw new Error("no clients")
      await one.subscribeResource({ uri: "a:" })
      await other.subscribeResource({ uri: "a:" })
      await other.subscribeResource({ uri: "b:" })
      assert.strictEqual(await say(third, "subscribed"), "a:,b:")
      await say(third, "touch", { uri: "a:" })
      await say(third, "touch", { uri: "b:" })
      await until(() => JSON.stringify(heard), () => heard[1]?.length === 2 && heard[0]?.length === 1)
      await one.unsubscribeResource({ uri: "a:" })
      assert.strictEqual(await say(third, "subscribed"), "a:,b:")
      await other.close()
      assert.deepStrictEqual(heard, [["a:"], ["a:", "b:"], []])
    }))

  test("what nobody is subscribed to any more is not subscribed to", () =>
    onBroker(shared, async ({ broker, connect }) => {
      const [one, other] = await Promise.all([connect("own"), connect("own")])
      await one.subscribeResource({ uri: "a:" })
      await one.subscribeResource({ uri: "b:" })
      for (const session of [...broker.hub("own")?.sessions ?? []].slice(0, 1)) session.end("over")
      let left = await say(other, "subscribed")
      for (let look = 0; look < 100 && left !== ""; look++) left = await say(other, "subscribed")
      assert.strictEqual(left, "")
    }))

  test("subscriptions outlive the process", () =>
    onBroker(shared, async ({ connect }) => {
      const [one, other] = await Promise.all([connect("own"), connect("own")])
      await one.subscribeResource({ uri: "a:" })
      const before = await say(other, "pid")
      await say(other, "die").then(() => assert.fail("it was answered"), () => undefined)
      let known = ""
      for (let look = 0; look < 400 && known === ""; look++) {
        known = await say(other, "subscribed").catch(() => "")
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      assert.strictEqual(known, "a:")
      assert.notStrictEqual(await say(other, "pid"), before)
    }))

  test("a change of a list is told to everybody", () =>
    onBroker(shared, async ({ connect }) => {
      const clients = await Promise.all(Array.from({ length: 3 }, () => connect("own")))
      let heard = 0
      for (const client of clients) {
        client.setNotificationHandler(ToolListChangedNotificationSchema, () => {
          heard++
        })
      }
      await say(await connect("own"), "grow")
      await until(() => `three, not ${heard}`, () => heard === 3)
    }))

  test("logs go to whoever has a call there, at the level that it wants", () =>
    onBroker(shared, async ({ connect }) => {
      const [one, other] = await Promise.all([connect("own"), connect("own")])
      const heard: Array<string> = []
      one.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => {
        heard.push(`one ${String(params.data)}`)
      })
      other.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => {
        heard.push(`other ${String(params.data)}`)
      })
      await one.setLoggingLevel("warning")
      // whoever has said nothing hears what is usual, so the process goes on to say that
      assert.strictEqual(await say(one, "level"), "info")
      await say(one, "log", { text: "a", at: "info" })
      await say(one, "log", { text: "b", at: "error" })
      await say(other, "log", { text: "c", at: "info" })
      assert.deepStrictEqual(heard, ["one b", "other c"])
    }))

  test("tasks, which belong to nobody that can be told, are not offered", () =>
    onBroker(shared, async ({ connect }) => {
      const client = await connect("own")
      assert.notProperty(client.getServerCapabilities(), "tasks")
      assert.property(client.getServerCapabilities(), "logging")
    }))

  test("what the server asks goes to the one session that has a call there", () =>
    onBroker((env) => ({ own: own(env, { asks: ["roots"] }) }), async ({ broker, connect }) => {
      const rooted = async (uri: string) => {
        const client = await connect("own", { roots: {} })
        client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [{ uri }] }))
        return client
      }
      const [one, other] = await Promise.all([rooted("file:///one"), rooted("file:///other")])
      assert.deepStrictEqual(JSON.parse(await say(one, "ask", { method: "roots/list" })), {
        roots: [{ uri: "file:///one" }]
      })
      assert.deepStrictEqual(JSON.parse(await say(other, "ask", { method: "roots/list" })), {
        roots: [{ uri: "file:///other" }]
      })
      const hanging = say(other, "hang").catch(() => undefined)
      await until(() => "the call", () => [...broker.hub("own")?.sessions ?? []].some(({ calls }) => calls.size === 1))
      assert.deepStrictEqual(JSON.parse(await say(one, "ask", { method: "roots/list" })), { roots: [] })
      assert.include(await say(one, "ask", { method: "sampling/createMessage", params: {} }), "which session")
      await other.close()
      await hanging
    }))
})

describe("a process for each session", () => {
  const own1 = (env: Readonly<Record<string, string>>) => ({ own: own(env, { sharing: "session", warm: 1 }) })

  test("which ends with the session", () =>
    onBroker(own1, async ({ broker, connect }) => {
      const [one, other] = await Promise.all([connect("own"), connect("own")])
      const pids = await Promise.all([say(one, "pid"), say(other, "pid")])
      assert.notStrictEqual(pids[0], pids[1])
      for (const session of broker.hub("own")?.sessions ?? []) session.end("over")
      const running = () => broker.processes.running().map(({ pid }) => `${pid}`)
      await until(() => `the end of ${pids.join()}`, () => !running().some((pid) => pids.includes(pid)))
    }))

  test("and the session with it", () =>
    onBroker(own1, async ({ connect, front }) => {
      const client = await connect("own")
      await say(client, "die").then(() => assert.fail("it was answered"), () => undefined)
      await until(() => `${front.sessions()} sessions`, () => front.sessions() === 0)
      const error = await say(client, "pid").then(() => undefined, (failure: unknown) => failure)
      assert.include(String(error), "Session not found")
    }))

  test("hears everything that its session has to say", () =>
    onBroker(own1, async ({ connect }) => {
      const client = await connect("own", { roots: {} })
      client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [{ uri: "file:///mine" }] }))
      assert.include(await say(client, "ask", { method: "roots/list" }), "file:///mine")
      assert.include(await say(client, "ask", { method: "sampling/createMessage", params: {} }), "-32601")
      await client.setLoggingLevel("error")
      assert.strictEqual(await say(client, "level"), "error")
      await client.subscribeResource({ uri: "a:" })
      assert.strictEqual(await say(client, "subscribed"), "a:")
      assert.property(client.getServerCapabilities(), "tasks")
    }))
})
