/** One server of the settings: its sessions, and the processes that they ask. */
import { PoolError } from "@watertight/pool"
import type { StdioPool, StdioServer } from "@watertight/stdio-adapter"
import { Effect } from "effect"
import { randomUUID } from "node:crypto"
import type { ServerConfig } from "./config.ts"
import { OwnBackend } from "./ownBackend.ts"
import { type Client, type Counting, type Run, Session } from "./session.ts"
import { SharedBackend } from "./sharedBackend.ts"

/** There are as many sessions as may be. */
export class TooManySessions {
  readonly _tag = "TooManySessions"
  readonly message: string

  constructor(name: string, limit: number) {
    this.message = `${name} has ${limit} sessions, which is as many as it may have`
  }
}

export class Hub {
  readonly name: string
  readonly config: ServerConfig
  readonly servers: ReadonlyArray<StdioServer.StdioServer>
  readonly sessions = new Set<Session>()
  readonly pool: StdioPool.Service
  private readonly counting: Counting
  private readonly run: Run
  private readonly shared: SharedBackend | undefined

  constructor(
    name: string,
    config: ServerConfig,
    servers: ReadonlyArray<StdioServer.StdioServer>,
    around: { readonly pool: StdioPool.Service; readonly run: Run; readonly counting: Counting }
  ) {
    this.name = name
    this.config = config
    this.servers = servers
    this.pool = around.pool
    this.run = around.run
    this.counting = around.counting
    this.shared = config.watertight.sharing === "session"
      ? undefined
      : new SharedBackend(around.pool, servers, this.sessions, around.run)
  }

  /** Whether a client without a session may ask: what it leaves behind in a process would be nobody's. */
  get stateless(): boolean {
    return this.shared !== undefined
  }

  open(client: Client): Session | TooManySessions {
    const { maxSessions } = this.config.watertight
    if (this.sessions.size >= maxSessions) return new TooManySessions(this.name, maxSessions)
    const session = new Session(randomUUID(), {
      backend: this.shared ?? new OwnBackend(this.pool, this.first, this.run),
      client,
      run: this.run,
      counting: this.counting,
      onEnd: (one) => this.sessions.delete(one)
    })
    this.sessions.add(session)
    return session
  }

  private get first(): StdioServer.StdioServer {
    const [server] = this.servers
    if (server === undefined) throw new PoolError.ConfigInvalid({ field: this.name, value: 0, allowed: "a server" })
    return server
  }

  told(told: StdioPool.Told): void {
    this.shared?.told(told)
  }

  /** What a process asks that no session has for itself: it is warm, or shared. */
  asked(request: StdioPool.ServerRequest): Effect.Effect<unknown, unknown> {
    if (this.shared !== undefined) return this.shared.asked(request)
    return request.method === "roots/list"
      ? Effect.succeed({ roots: [] })
      : Effect.fail({ code: -32_601, description: "there is no client yet" })
  }

  end(reason: string): void {
    for (const session of this.sessions) session.end(reason)
  }
}
