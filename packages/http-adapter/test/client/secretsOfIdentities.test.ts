/** Keys, passphrases and passwords of proxies are planted everywhere, and found nowhere. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, ConfigProvider, Effect, Inspectable, Option, Redacted, Stream } from "effect"
import { inspect } from "node:util"
import { type HttpAdapterConfig, HttpError, HttpProxy, Origin, PooledHttpClient } from "../../src/index.ts"
import { certificates } from "../parts/certificates.ts"
import { lacks } from "../parts/programs.ts"
import * as Faults from "../parts/tcp/faults.ts"
import * as Peer from "../parts/tcp/peer.ts"
import * as Tunnels from "../parts/tcp/tunnels.ts"
import { until } from "../parts/waiting.ts"
import { rig } from "../real/rig.ts"
import { recorded } from "./spans.ts"

const shown = (value: unknown): string =>
  [
    inspect(value, { depth: 20, showHidden: true, maxStringLength: null, maxArrayLength: null }),
    Inspectable.toStringUnknown(value),
    JSON.stringify(Inspectable.toJSON(value), (_, each) => typeof each === "bigint" ? String(each) : each) ?? "",
    String(value)
  ].join("\n")

// as somebody without a compiler may write it
const mistyped = (options: object): Partial<HttpAdapterConfig.Options> => options

const proxiesIn = (variables: Record<string, string>) =>
  Effect.withConfigProvider(HttpProxy.environment, ConfigProvider.fromMap(new Map(Object.entries(variables))))

describe.skipIf(lacks("openssl"))("secrets of identities and proxies", () => {
  for (const redacted of [false, true]) {
    it.scopedLive(`are in no label, statistic, event, span, error or log line (${redacted ? "redacted" : "as they are"})`, () =>
      Effect.gen(function*() {
        const { aTest, authority, encrypted, localhost, otherAuthority } = yield* certificates
        const hide = <A extends string | Buffer>(value: A): A | Redacted.Redacted<A> =>
          redacted ? Redacted.make(value) : value
        const locked = {
          cert: aTest.certificate,
          key: hide(encrypted.key),
          passphrase: redacted ? Redacted.make(encrypted.passphrase) : encrypted.passphrase
        }
        const packed = { pfx: hide(encrypted.pfx), passphrase: encrypted.passphrase }
        const peer = yield* Peer.start(Faults.answers(), { tls: localhost, clientAuthority: authority })
        const proxy = yield* Tunnels.start({}, (tell, open, socket) => {
          if ((proxy.asked.at(-1) ?? "").includes("refused.test")) return socket.end("HTTP/1.1 407 No\r\n\r\n")
          tell("HTTP/1.1 200 OK\r\n\r\n")
          return open()
        })
        const lines: Array<string> = []
        const url = `http://user:planted-password@127.0.0.1:${proxy.port}`
        const options = {
          tls: { ca: authority, ...locked },
          identities: {
            packed: { ...packed },
            wrong: { ...locked, ca: otherAuthority },
            loose: { ...locked, rejectUnauthorized: false }
          },
          proxy: { url: redacted ? Redacted.make(url) : url, headers: { "x-token": hide("planted-token") } }
        }
        const rigged = yield* rig(options, undefined, lines)
        const seen: Array<unknown> = []
        yield* Effect.fork(Stream.runForEach(rigged.pool.events, (event) => Effect.sync(() => seen.push(event))))
        yield* until("events", Effect.map(Effect.exit(rigged.client.get(peer.origin)), () => seen.length > 0))
        const record = yield* recorded
        const ask = (to: string, identity?: string) =>
          Effect.exit(
            rigged.client.get(to).pipe(
              PooledHttpClient.withOptions(identity === undefined ? {} : { identity, fresh: true })
            )
          )
        const exits = yield* record.on(Effect.all([
          ask(peer.origin),
          ask(peer.origin, "packed"),
          ask(peer.origin, "wrong"),
          ask(peer.origin, "loose"),
          ask(peer.origin, "nobody"),
          ask("https://refused.test/")
        ]))
        assert.deepStrictEqual(exits.map(({ _tag }) => _tag), [
          "Success",
          "Success",
          "Failure",
          "Success",
          "Failure",
          "Failure"
        ])
        yield* rigged.pool.rotate({ packed: { ...locked } })
        const wrong = [
          yield* Effect.flip(rigged.pool.rotate({ packed: { ...locked, key: localhost.key } })),
          yield* Effect.flip(rigged.pool.reconfigure({ tls: { ...packed, passphrase: "planted-other" } })),
          yield* Effect.flip(rigged.pool.reconfigure({ proxy: url.replace("http:", "ftp:") })),
          // names and passwords as they are mistyped
          yield* Effect.flip(rigged.pool.reconfigure(mistyped({ TLS: locked }))),
          yield* Effect.flip(rigged.pool.reconfigure(mistyped({ passphrase: "planted-other" }))),
          yield* Effect.flip(rigged.pool.reconfigure(mistyped({ tls: { passphrase: 9_182_736_455 } }))),
          yield* Effect.flip(rigged.pool.reconfigure({ proxy: url.replace("planted-", "12/planted-") })),
          yield* Effect.flip(rigged.pool.reconfigure({ proxy: url.replace("planted-", "a/planted-") })),
          yield* Effect.flip(rigged.pool.reconfigure({ proxy: Redacted.make("planted-url/x") })),
          yield* Effect.flip(proxiesIn({ HTTPS_PROXY: url.replace("planted-", "a#planted-") }))
        ]
        const origin = Origin.fromUrl(peer.origin)
        assert(origin !== undefined)
        const causes = exits.flatMap((exit) =>
          exit._tag === "Failure"
            ? [...Cause.failures(exit.cause)].map((error) => Option.getOrThrow(HttpError.causeOf(error)))
            : []
        )
        const texts = [
          ...[rigged, exits, causes, wrong, seen, record.spans, lines, origin].map(shown),
          shown(yield* rigged.pool.stats),
          shown(yield* rigged.pool.hostStats(origin)),
          shown(yield* rigged.pool.metrics),
          ...causes.map(({ message }) => message),
          ...wrong.map((error) => "message" in error ? error.message : String(error))
        ].join("\n")
        assert.include(texts, "rejectUnauthorized: false")
        assert.include(texts, `through http://127.0.0.1:${proxy.port}`)
        const planted = [
          encrypted.key.split("\n")[3] ?? "",
          localhost.key.split("\n")[1] ?? "",
          encrypted.passphrase,
          "planted-",
          "9182736455",
          btoa("user:planted-password"),
          encrypted.pfx.toString("base64").slice(40, 80)
        ]
        for (const secret of planted) {
          assert.isAbove(secret.length, 5)
          const at = texts.indexOf(secret)
          assert.strictEqual(at, -1, texts.slice(Math.max(0, at - 300), at + 60))
        }
      }))
  }
})
