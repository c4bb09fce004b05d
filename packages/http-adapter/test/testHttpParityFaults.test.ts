/** Scripted faults do what servers on sockets do. */
import { HttpBody, type HttpClient, HttpServerResponse } from "@effect/platform"
import { describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import * as Net from "node:net"
import { HttpPool } from "../src/index.ts"
import { TestHttp, type TestServers } from "../src/testing/index.ts"
import { alike, read, run, settings } from "./testHttpParity.ts"
import { users } from "./testHttpRig.ts"

interface Fault {
  /** `fault` tells the servers in memory what those on sockets do by themselves */
  readonly program: (
    client: HttpClient.HttpClient,
    url: string,
    fault: Effect.Effect<void>
  ) => Effect.Effect<unknown, unknown>
  readonly memory: (servers: TestServers) => Effect.Effect<void>
  /** for each request on a connection: what is written, and whether the server closes then */
  readonly real: ReadonlyArray<readonly [answer: string, closes: boolean]>
}

const ok = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 3\r\n\r\nAda"
const head = ok.slice(0, -3)

const get: Fault["program"] = (client, url, fault) => Effect.zipRight(fault, Effect.flatMap(client.get(url), read))
const afterOne = (method: "PUT" | "POST"): Fault["program"] => (client, url, fault) => {
  const options = { body: HttpBody.text("x") }
  const second = method === "PUT" ? client.put(url, options) : client.post(url, options)
  return Effect.flatMap(client.get(url), read).pipe(
    Effect.zipRight(fault),
    Effect.zipRight(Effect.flatMap(second, read))
  )
}

const faults: Record<string, Fault> = {
  "closes before it answers the first request": {
    program: get,
    memory: (servers) => servers.cutBeforeAnswer(users, 1),
    real: [["", true]]
  },
  "closes as a PUT comes on a used connection": {
    program: afterOne("PUT"),
    memory: (servers) => servers.cutBeforeAnswer(users, 1),
    real: [[ok, false], ["", true]]
  },
  "closes as a POST comes on a used connection": {
    program: afterOne("POST"),
    memory: (servers) => servers.cutBeforeAnswer(users, 1),
    real: [[ok, false], ["", true]]
  },
  "closes after the head": {
    program: get,
    memory: (servers) => servers.cutAfterHead(users, true),
    real: [[head, true]]
  },
  "closes within the body": {
    program: (client, url, fault) =>
      Effect.zipRight(fault, client.get(url)).pipe(
        Effect.flatMap((response) => Stream.runFold(response.stream, 0, (sum, { length }) => sum + length))
      ),
    memory: (servers) => servers.truncateBody(users, 2),
    real: [[`${head}Ad`, true]]
  },
  "does not answer": {
    program: get,
    memory: (servers) => servers.hang(users, true),
    real: [["", false]]
  },
  "answers and then nothing": {
    program: get,
    memory: (servers) => servers.delayBody(users, "1 hour"),
    real: [[head, false]]
  },
  "says that it closes, and does": {
    program: (client, url, fault) => Effect.all([get(client, url, fault), get(client, url, fault)]),
    memory: (servers) => servers.closeAfterResponse(users, true),
    real: [[ok.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n"), true]]
  },
  "says how long it keeps its connections, which is no time at all": {
    program: (client, url, fault) => Effect.all([get(client, url, fault), get(client, url, fault)]),
    memory: (servers) => servers.keepAlive(users, 0),
    real: [[ok.replace("\r\n\r\n", "\r\nkeep-alive: timeout=0\r\n\r\n"), false]]
  }
}

const scripted = (script: Fault["real"]) =>
  Effect.acquireRelease(
    Effect.async<Net.Server>((resume) => {
      const server = Net.createServer((socket) => {
        let requests = 0
        socket.on("error", () => {}).on("data", () => {
          const [answer, closes] = script[requests++] ?? ["", true]
          socket.write(answer)
          if (closes) socket.end()
        })
      }).listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => server.close())
  )

describe("a scripted server is like one on sockets that", () => {
  for (const [name, { memory, program, real }] of Object.entries(faults)) {
    it.scopedLive(name, () =>
      Effect.gen(function*() {
        const address = (yield* scripted(real)).address()
        const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`
        const onSockets = yield* run(
          HttpPool.layer(settings),
          (client) => program(client, url, Effect.void),
          url
        )
        const servers = yield* TestHttp.make({ [users]: HttpServerResponse.text("Ada") }, settings)
        const inMemory = yield* run(servers.layer, (client) => program(client, users, memory(servers)), users)
        yield* alike(inMemory, onSockets)
      }))
  }
})
