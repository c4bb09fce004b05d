/** The servers of the settings on one pool of processes; which sessions there are is their fronts' affair. */
import { CommandExecutor } from "@effect/platform"
import type { PoolError } from "@watertight/pool"
import { Protocol, StdioPool, type StdioServer } from "@watertight/stdio-adapter"
import { Effect, FiberSet, MutableHashMap, Option, Scope, Stream } from "effect"
import { randomUUID } from "node:crypto"
import { asksOf, type BrokerConfig, ConfigInvalid, sameServer, type ServerConfig } from "./config.ts"
import { Hub } from "./hub.ts"
import * as Processes from "./processes.ts"
import { serversOf, settingsOf } from "./servers.ts"
import type { Counting } from "./session.ts"
import * as Watchdog from "./watchdog.ts"

export interface Broker {
  readonly hub: (name: string) => Hub | undefined
  readonly hubs: () => ReadonlyArray<Hub>
  readonly pool: StdioPool.Service
  readonly processes: Processes.Book
  readonly watchdog: Watchdog.Watchdog
  /** Takes other settings: sessions of servers that are as before go on, the others end. */
  readonly reload: (config: BrokerConfig) => Effect.Effect<Changes, ConfigInvalid | PoolError.ConfigInvalid>
}

/** Servers by what other settings mean to them. */
export interface Changes {
  readonly added: ReadonlyArray<string>
  readonly changed: ReadonlyArray<string>
  readonly removed: ReadonlyArray<string>
}

/** How long calls and sessions may take to end with the broker. */
const grace = "1 second"

const clientInfo = { name: "watertight-mcp-broker", version: "0.1.0" }

export const make = (
  config: BrokerConfig,
  counting: (server: string) => Counting
): Effect.Effect<
  Broker,
  ConfigInvalid | PoolError.ConfigInvalid,
  CommandExecutor.CommandExecutor | Scope.Scope
> =>
  Effect.gen(function*() {
    const mark = randomUUID()
    const watchdog = yield* Watchdog.make(mark)
    const processes = yield* Processes.make(watchdog)
    let hubs: ReadonlyMap<string, Hub> = new Map()
    // by server, for what processes say: those of settings that have gone may still be ending
    const byServer = MutableHashMap.empty<StdioServer.StdioServer, Hub>()
    const hubOf = (server: StdioServer.StdioServer) => Option.getOrUndefined(MutableHashMap.get(byServer, server))
    const configs = MutableHashMap.empty<StdioServer.StdioServer, ServerConfig>()
    const configOf = (server: StdioServer.StdioServer) => Option.getOrUndefined(MutableHashMap.get(configs, server))

    const overrides = (server: StdioServer.StdioServer) => {
      const known = configOf(server)
      return known === undefined ? {} : settingsOf(known)
    }
    const pool = yield* StdioPool.make({
      name: "mcp",
      metricsPrefix: "mcp.broker",
      maxConnections: config.watertight.maxProcesses,
      shutdownGrace: grace,
      overrides,
      protocol: (server) => {
        const known = configOf(server)
        const asks = known === undefined ? [] : asksOf(known)
        return Protocol.mcp({
          clientInfo,
          capabilities: Object.fromEntries(asks.map((ask) => [ask, ask === "roots" ? { listChanged: true } : {}]))
        })
      },
      onRequest: (request) =>
        hubOf(request.process.server)?.asked(request) ??
          Effect.fail({ code: -32_601, description: "the server is no longer in the settings" })
    }).pipe(Effect.provideService(CommandExecutor.CommandExecutor, processes.executor))

    // Sessions end before the pool does, and have what they do meanwhile done here.
    const work = yield* FiberSet.make<void>()
    const run = yield* FiberSet.runtime(work)<never>()
    yield* Effect.forkScoped(
      Stream.runForEach(pool.notifications(), (told) => Effect.sync(() => hubOf(told.server)?.told(told)))
    )
    // until it listens, nothing may be started that could say something
    yield* Effect.yieldNow()

    const plan = (wanted: BrokerConfig) =>
      Effect.forEach(
        Object.entries(wanted.mcpServers).filter(([, server]) => !server.disabled),
        ([name, server]) => {
          const before = hubs.get(name)
          if (before !== undefined && sameServer(before.config, server)) return Effect.succeed(before)
          return Effect.map(
            Effect.mapError(
              serversOf(name, server, mark),
              ({ allowed, field, value }) => new ConfigInvalid({ field: `mcpServers.${name}.${field}`, value, allowed })
            ),
            (servers) =>
              new Hub(name, server, servers, {
                pool,
                run: (effect) => run(effect, { immediate: false }),
                counting: counting(name)
              })
          )
        }
      )

    const enter = (hub: Hub) =>
      Effect.gen(function*() {
        for (const server of hub.servers) {
          MutableHashMap.set(byServer, server, hub)
          MutableHashMap.set(configs, server, hub.config)
        }
        const { sharing, warm } = hub.config.watertight
        const [server] = hub.servers
        if (sharing !== "session" || warm === 0 || server === undefined) return
        yield* Effect.forkScoped(Effect.ignoreLogged(pool.warm(server, warm)))
      })

    const leave = (hub: Hub, kept: ReadonlyArray<Hub>) =>
      Effect.gen(function*() {
        hub.end("the settings of its server have changed")
        for (const server of hub.servers) {
          if (kept.some(({ servers }) => servers.includes(server))) continue
          yield* Effect.ignore(pool.retire(server))
        }
      })

    const scope = yield* Effect.scope
    const reload: Broker["reload"] = (wanted) =>
      Effect.gen(function*() {
        const next = yield* plan(wanted)
        const before = hubs
        const after = new Map(next.map((hub) => [hub.name, hub]))
        const gone = [...before.values()].filter((hub) => after.get(hub.name) !== hub)
        const come = next.filter((hub) => before.get(hub.name) !== hub)
        for (const hub of gone) yield* leave(hub, next)
        for (const hub of come) yield* enter(hub)
        hubs = after
        yield* pool.reconfigure({ overrides, maxConnections: wanted.watertight.maxProcesses })
        return {
          added: come.filter(({ name }) => !before.has(name)).map(({ name }) => name),
          changed: come.filter(({ name }) => before.has(name)).map(({ name }) => name),
          removed: gone.filter(({ name }) => !after.has(name)).map(({ name }) => name)
        }
      }).pipe(Effect.provideService(Scope.Scope, scope))
    yield* reload(config)
    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        for (const hub of hubs.values()) hub.end("the broker is stopping")
        // what they hold is given back before the pool looks who holds something
        return Effect.ignore(Effect.timeout(FiberSet.awaitEmpty(work), grace))
      })
    )
    return { hub: (name) => hubs.get(name), hubs: () => [...hubs.values()], pool, processes, watchdog, reload }
  })
