/** A name server whose records a test can change. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Resolver } from "node:dns/promises"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import type { Part } from "./part.ts"
import { folder, freePort, PartFailed, retryPorts, start as startPart } from "./part.ts"
import { until } from "./waiting.ts"

/** The addresses of each name; names end in `.test`. */
export type Records = Readonly<Record<string, ReadonlyArray<string>>>

export interface Dnsmasq extends Part {
  readonly port: number
  /** for a resolver's list of servers */
  readonly server: string
  /** Replaces all records; it answers with the new ones when this returns. A name without a record does not exist. */
  readonly change: (records: Records) => Effect.Effect<void, PartFailed>
}

// It is asked for this name to learn whether it has read the file again.
const version = (count: number): Records => ({ "version.test": [`127.9.${count >> 8}.${count & 255}`] })

const hosts = (records: Records) =>
  Object.entries(records).flatMap(([name, all]) => all.map((address) => `${address} ${name}\n`)).join("")

/** Starts dnsmasq with these records, all with a TTL of one second. It ends with the scope. */
export const start = (records: Records): Effect.Effect<Dnsmasq, PartFailed, Scope.Scope> =>
  retryPorts(Effect.gen(function*() {
    const own = yield* folder
    const port = yield* freePort
    const server = `127.0.0.1:${port}`
    const resolver = new Resolver({ timeout: 500, tries: 1 })
    resolver.setServers([server])
    yield* Effect.addFinalizer(() => Effect.sync(() => resolver.cancel()))
    let changes = 0
    // Renamed into place, so that it never reads half of a file.
    const write = (all: Records) => {
      changes++
      Fs.writeFileSync(Path.join(own, "new"), hosts({ ...all, ...version(changes) }), { mode: 0o644 })
      Fs.renameSync(Path.join(own, "new"), Path.join(own, "hosts"))
    }
    const hasRead = Effect.map(
      Effect.tryPromise(() => resolver.resolve4("version.test")),
      (addresses) => addresses.join(",") === version(changes)["version.test"]?.join(",")
    )
    write(records)
    const part = yield* startPart({
      program: "dnsmasq",
      arguments: [
        "--keep-in-foreground",
        "--conf-file=/dev/null",
        "--pid-file=",
        "--log-facility=-",
        `--user=${Os.userInfo().username}`,
        `--port=${port}`,
        "--listen-address=127.0.0.1",
        "--bind-interfaces",
        "--no-resolv",
        "--no-hosts",
        "--no-poll",
        `--addn-hosts=${own}/hosts`,
        "--local=/test/",
        "--local-ttl=1"
      ],
      folder: own,
      ready: hasRead
    })
    return {
      ...part,
      port,
      server,
      change: (all) =>
        Effect.gen(function*() {
          write(all)
          yield* part.signal("SIGHUP")
          yield* until("dnsmasq reads the new records", Effect.orElseSucceed(hasRead, () => false)).pipe(
            Effect.catchAllDefect((defect) =>
              new PartFailed({ part: "dnsmasq", reason: String(defect), output: part.output() })
            )
          )
        })
    }
  }))
