/**
 * Two network namespaces with a cable between them, where packets can be lost without a word: no socket of this machine would ever tell
 * a program that its peer is gone. It takes root, `ip` and `nft`.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type ChildProcess, execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { promisify } from "node:util"
import { isRoot, PartFailed } from "./part.ts"
import { find, lacks } from "./programs.ts"

/** For `describe.skipIf`: true, and told, where no namespace can be made. In CI nothing is skipped. */
export const lacksNamespaces = (): boolean => {
  if (lacks("ip", "nft", "ss")) return true
  if (isRoot || process.env["CI"] === "true") return false
  process.stderr.write("\nWARNING: not root: tests in network namespaces are SKIPPED\n")
  return true
}

export interface Namespaces {
  readonly client: string
  readonly server: string
  /** two addresses of the server */
  readonly addresses: readonly [one: string, other: string]
  /** Loses all packets from and to that address, both ways. */
  readonly lose: (address: string) => Effect.Effect<void, PartFailed>
  /** Loses nothing any more. */
  readonly mend: Effect.Effect<void, PartFailed>
  /** Ends all connections of the server with that address as if its machine had died. */
  readonly forget: (address: string) => Effect.Effect<void, PartFailed>
}

const run = (program: string, ...args: ReadonlyArray<string>): Effect.Effect<string, PartFailed> =>
  Effect.tryPromise({
    try: async () => (await promisify(execFile)(find(program) ?? program, args)).stdout,
    catch: (error) => new PartFailed({ part: program, reason: args.join(" "), output: String(error) })
  })

let made = 0

const namespace = (name: string): Effect.Effect<string, PartFailed, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.as(run("ip", "netns", "add", name), name),
    () => Effect.ignore(run("ip", "netns", "del", name))
  )

/** They are gone with the scope. */
export const namespaces: Effect.Effect<Namespaces, PartFailed, Scope.Scope> = Effect.gen(function*() {
  const own = `wt${process.pid.toString(36)}${made++}`
  const client = yield* namespace(`${own}a`)
  const server = yield* namespace(`${own}b`)
  const [one, other] = ["10.77.0.2", "10.77.0.3"] as const
  // both ends are born inside, so that no name of theirs is ever seen outside
  yield* run("ip", "-n", client, "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", server)
  yield* run("ip", "-n", client, "addr", "add", "10.77.0.1/24", "dev", "cable")
  for (const address of [one, other]) {
    yield* run("ip", "-n", server, "addr", "add", `${address}/24`, "dev", "cable")
  }
  for (const name of [client, server]) {
    for (const device of ["lo", "cable"]) yield* run("ip", "-n", name, "link", "set", device, "up")
  }
  const inServer = (...args: ReadonlyArray<string>) => run("ip", "netns", "exec", server, ...args)
  const nft = (...args: ReadonlyArray<string>) => inServer(find("nft") ?? "nft", ...args)
  yield* nft("add", "table", "inet", "cut")
  yield* nft("add", "chain", "inet", "cut", "in", "{ type filter hook input priority 0; }")
  yield* nft("add", "chain", "inet", "cut", "out", "{ type filter hook output priority 0; }")
  return {
    client,
    server,
    addresses: [one, other],
    lose: (address) =>
      Effect.zipRight(
        nft("add", "rule", "inet", "cut", "in", "ip", "daddr", address, "drop"),
        nft("add", "rule", "inet", "cut", "out", "ip", "saddr", address, "drop")
      ),
    mend: Effect.asVoid(nft("flush", "table", "inet", "cut")),
    forget: (address) => Effect.asVoid(inServer(find("ss") ?? "ss", "-K", "src", address))
  }
})

/** Starts a program of ours in a namespace; it speaks with the test by messages, and ends with the scope. */
export const program = (name: string, file: string): Effect.Effect<ChildProcess, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() =>
      spawn(find("ip") ?? "ip", ["netns", "exec", name, process.execPath, "--import", "tsx", file], {
        stdio: ["ignore", 2, 2, "ipc"]
      })
    ),
    (child) =>
      Effect.promise(async () => {
        const closed = child.connected ? once(child, "disconnect") : undefined
        if (child.exitCode === null && child.signalCode === null) {
          child.kill("SIGKILL")
          await once(child, "exit")
        }
        await closed
      })
  )
