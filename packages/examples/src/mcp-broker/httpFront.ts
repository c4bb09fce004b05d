/** Streamable HTTP: one endpoint for each server, `/servers/NAME/mcp`, with sessions and without. */
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js"
import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js"
import { Effect, type Fiber, FiberId, type Scope } from "effect"
import { once } from "node:events"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { read } from "./body.ts"
import type { Broker } from "./broker.ts"
import { ConfigInvalid, type FrontConfig } from "./config.ts"
import { isFriend, isLoopback, turned } from "./guard.ts"
import { type Hub, TooManySessions } from "./hub.ts"
import { failure, type Id, isInitialize, type Message, requestIds } from "./messages.ts"
import { codes } from "./refusals.ts"
import type { Client, Run, Session } from "./session.ts"

/** What else can be looked at, by its path. */
export type Pages = Readonly<Record<string, (response: ServerResponse) => void>>

interface Entry {
  readonly hub: Hub
  readonly session: Session
  readonly transport: StreamableHTTPServerTransport
  /** its requests that are open */
  open: number
  /** ends it when nothing has been open for a while */
  timer: Fiber.RuntimeFiber<void> | undefined
}

export interface Front {
  readonly url: string
  readonly sessions: () => number
}

class HttpFront {
  private readonly broker: Broker
  private readonly config: () => FrontConfig
  private readonly pages: Pages
  private readonly run: Run
  readonly entries = new Map<string, Entry>()

  constructor(broker: Broker, config: () => FrontConfig, pages: Pages, run: Run) {
    this.broker = broker
    this.config = config
    this.pages = pages
    this.run = run
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const config = this.config()
    const { pathname } = new URL(request.url ?? "/", "http://localhost")
    const away = turned(request.headers, config, pathname === "/health" || request.method === "OPTIONS")
    if (away !== undefined) return refuse(response, away.status, codes.invalid, away.reason)
    const { origin } = request.headers
    if (origin !== undefined && isFriend(origin, config)) share(response, origin)
    if (request.method === "OPTIONS") return void response.writeHead(204).end()
    const page = Object.hasOwn(this.pages, pathname) ? this.pages[pathname] : undefined
    if (page !== undefined) return page(response)
    const name = /^\/servers\/([^/]+)\/mcp\/?$/.exec(pathname)?.[1]
    const hub = name === undefined ? undefined : this.broker.hub(decoded(name))
    if (hub === undefined) return refuse(response, 404, codes.invalid, "there is no such server or page")
    await this.serve(hub, request, response, config)
  }

  private async serve(hub: Hub, request: IncomingMessage, response: ServerResponse, config: FrontConfig) {
    const id = request.headers["mcp-session-id"]
    const entry = typeof id === "string" ? this.entries.get(id) : undefined
    if (id !== undefined && entry?.hub !== hub) return refuse(response, 404, codes.timeout, "Session not found")
    if (request.method !== "POST") {
      if (entry !== undefined) return this.pass(entry, request, response, undefined)
      const allowed = request.method === "GET" || request.method === "DELETE"
      return refuse(response, allowed ? 400 : 405, codes.invalid, "a session is needed; it begins with initialize")
    }
    const body = await read(request, config.maxBodySize)
    if (body === "left") return
    if (body === "notJson") return refuse(response, 400, -32_700, "the body is not JSON")
    if (body === "tooLarge") {
      response.setHeader("connection", "close")
      return refuse(response, 413, codes.invalid, `the body is larger than ${config.maxBodySize} bytes`)
    }
    const { value } = body
    if (entry !== undefined) {
      // the session may have ended while the body came
      if (entry.session.over) return refuse(response, 404, codes.timeout, "Session not found")
      const used = requestIds(value).find((one) => entry.session.calls.has(one))
      if (used !== undefined) return refuse(response, 400, codes.invalid, `the id ${used} is in use`)
      return this.pass(entry, request, response, value)
    }
    const stateful = isInitialize(value)
    if (!stateful && !hub.stateless) {
      return refuse(response, 400, codes.invalid, "this server needs a session; it begins with initialize")
    }
    const opened = this.open(hub, stateful)
    if (opened instanceof TooManySessions) return refuse(response, 503, codes.busy, opened.message)
    response.once("close", () => {
      if (!stateful) opened.session.end("its request is done")
      else if (opened.transport.sessionId === undefined) opened.session.end("it never began")
    })
    await this.pass(opened, request, response, value)
  }

  private open(hub: Hub, stateful: boolean): Entry | TooManySessions {
    const transport: StreamableHTTPServerTransport = new StreamableHTTPServerTransport(
      stateful ? { sessionIdGenerator: () => session.id } : {}
    )
    const opened = hub.open(clientOf(transport, () => this.entries.delete(session.id)))
    if (opened instanceof TooManySessions) return opened
    const session: Session = opened
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- a transport knows no other way
    transport.onmessage = (message) => session.receive(message)
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- a transport knows no other way
    transport.onclose = () => session.end("its client has ended it")
    const entry: Entry = { hub, session, transport, open: 0, timer: undefined }
    if (stateful) this.entries.set(session.id, entry)
    return entry
  }

  private async pass(entry: Entry, request: IncomingMessage, response: ServerResponse, body: unknown) {
    entry.open++
    entry.timer?.unsafeInterruptAsFork(FiberId.none)
    entry.timer = undefined
    response.once("close", () => {
      entry.open--
      // No answer can reach who has gone, and nobody can come back for it.
      if (!response.writableFinished) { for (const id of requestIds(body)) entry.session.abandon(id) }
      if (entry.open === 0 && !entry.session.over) this.wait(entry)
    })
    await entry.transport.handleRequest(request, response, body)
  }

  private wait(entry: Entry): void {
    entry.timer = this.run(
      Effect.delay(
        Effect.sync(() => entry.session.end("nothing was heard of its client")),
        this.config().sessionIdleTimeout
      )
    )
  }
}

/** The way to a client by the official transport. */
const clientOf = (transport: StreamableHTTPServerTransport, onEnd: () => void): Client => {
  const send = (message: Message, about: Id | undefined): void => {
    const related = about === undefined || "result" in message || "error" in message ? {} : { relatedRequestId: about }
    // The type wants results to be objects, as those of MCP are. What cannot be delivered has nobody to go to.
    transport.send(message as JSONRPCMessage, related).catch(() => undefined)
  }
  return {
    send,
    forget: (id) => {
      // the stream ends without an answer, and what the transport remembers of the call goes with a last one
      transport.closeSSEStream(id)
      send(failure(id, { code: codes.closed, message: "cancelled" }), id)
    },
    ended: () => {
      onEnd()
      transport.close().catch(() => undefined)
    }
  }
}

const decoded = (name: string): string => {
  try {
    return decodeURIComponent(name)
  } catch {
    return ""
  }
}

const refuse = (response: ServerResponse, status: number, code: number, message: string): void => {
  if (response.headersSent) return void response.end()
  response.writeHead(status, { "content-type": "application/json" })
  response.end(JSON.stringify({ jsonrpc: "2.0", error: { code, message }, id: null }))
}

/** Pages of friends may read the answers. */
const share = (response: ServerResponse, origin: string): void => {
  response.setHeader("access-control-allow-origin", origin)
  response.setHeader("vary", "origin")
  response.setHeader("access-control-allow-methods", "GET, POST, DELETE")
  response.setHeader(
    "access-control-allow-headers",
    "authorization, content-type, last-event-id, mcp-protocol-version, mcp-session-id"
  )
  response.setHeader("access-control-expose-headers", "mcp-session-id")
}

/** How long a connection may be silent before the system asks whether anybody is there. */
const silence = 30_000

/** Listens for as long as the scope is open. */
export const make = (
  broker: Broker,
  config: () => FrontConfig,
  pages: (front: { readonly sessions: () => number }) => Pages,
  run: Run
): Effect.Effect<Front, ConfigInvalid, Scope.Scope> =>
  Effect.gen(function*() {
    const { host, port, token } = config()
    if (!isLoopback(host) && token === undefined) {
      return yield* new ConfigInvalid({
        field: "watertight.host",
        value: host,
        allowed: "an address of the loopback, as long as there is no token"
      })
    }
    const sessions = { sessions: () => front.entries.size }
    const front: HttpFront = new HttpFront(broker, config, pages(sessions), run)
    const server = createServer((request, response) => {
      front.handle(request, response).catch((error: unknown) => {
        run(Effect.logError("a request could not be served", error))
        refuse(response, 500, codes.internal, "internal error")
      })
    })
    server.on("connection", (socket) => socket.setKeepAlive(true, silence))
    yield* Effect.acquireRelease(listen(server, port, host), () =>
      Effect.promise(async () => {
        for (const { session } of front.entries.values()) session.end("the broker is stopping")
        const closed = once(server, "close")
        server.close()
        server.closeAllConnections()
        await closed
      }))
    // it listens, so it has an address, and no path, since it was given none
    const { port: bound } = server.address() as AddressInfo
    return { url: `http://${host.includes(":") ? `[${host}]` : host}:${bound}`, ...sessions }
  })

const listen = (server: Server, port: number, host: string): Effect.Effect<Server, ConfigInvalid> =>
  Effect.async((resume) => {
    const failed = (error: NodeJS.ErrnoException): void =>
      resume(
        new ConfigInvalid({
          field: error.code === "EADDRNOTAVAIL" || error.code === "ENOTFOUND" ? "watertight.host" : "watertight.port",
          value: error.code === "EADDRNOTAVAIL" || error.code === "ENOTFOUND" ? host : port,
          allowed: `what the system lets us listen on (${error.code ?? error.message})`
        })
      )
    server.once("error", failed)
    server.listen(port, host, () => {
      server.off("error", failed)
      resume(Effect.succeed(server))
    })
  })
