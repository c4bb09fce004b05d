/** Servers that ask for a certificate, and resume sessions: nginx, and OpenSSL's own. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import type { HttpTls } from "../../src/index.ts"
import { PooledHttpClient } from "../../src/index.ts"
import { certificates, type Identity } from "../parts/certificates.ts"
import * as Nginx from "../parts/nginx.ts"
import { accepts, folder, freePort, retryPorts, start as startPart } from "../parts/part.ts"
import { lacks } from "../parts/programs.ts"
import { until } from "../parts/waiting.ts"
import { connectionsOf, echoOf, rig, textOf } from "./rig.ts"

const fresh = PooledHttpClient.withOptions({ fresh: true })
const as = (identity: string) => PooledHttpClient.withOptions({ identity })
const own = ({ certificate, key }: Identity): HttpTls.TlsOptions => ({ cert: certificate, key })

/** `openssl s_server`, which answers with a page about the connection. */
const sServer = (protocol: string) =>
  retryPorts(Effect.gen(function*() {
    const dir = yield* folder
    const port = yield* freePort
    const { authority, localhost } = yield* certificates
    for (const [name, text] of Object.entries({ ca: authority, cert: localhost.certificate, key: localhost.key })) {
      Fs.writeFileSync(Path.join(dir, `${name}.pem`), text)
    }
    yield* startPart({
      program: "openssl",
      arguments: [
        ..."s_server -www -verify_return_error -Verify 2 -CAfile ca.pem -cert cert.pem -key key.pem".split(" "),
        "-accept",
        `127.0.0.1:${port}`,
        protocol
      ],
      folder: dir,
      ready: accepts({ host: "127.0.0.1", port })
    })
    return `https://127.0.0.1:${port}/`
  }))

describe.skipIf(lacks("nginx", "openssl"))("nginx that asks for a certificate", () => {
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    it.scopedLive(`sees each identity on connections of its own, and resumes the sessions of each (${version})`, () =>
      Effect.gen(function*() {
        const nginx = yield* Nginx.start({ clientCertificates: true, tlsProtocol: version })
        const { aTest, authority, bTest, localhost } = yield* certificates
        const rigged = yield* rig({ tls: { ca: authority }, identities: { a: own(aTest), b: own(bTest) } })
        const url = `https://localhost:${nginx.tlsPort}/echo`
        const ask = (identity: string) =>
          Effect.map(
            fresh(echoOf(rigged, url)).pipe(as(identity)),
            ({ client, resumed, tls }) => [client, resumed, tls]
          )
        const seen = yield* Effect.forEach(["a", "a", "b", "b", "a"], ask)
        const [one, two] = ["CN=a.test", "CN=b.test"]
        const expected = [[one, "."], [one, "r"], [two, "."], [two, "r"], [one, "r"]]
        assert.deepStrictEqual(seen, expected.map(([client, resumed]) => [client, resumed, version]))
        yield* rigged.pool.rotate({ a: own(localhost) })
        assert.deepStrictEqual(yield* ask("a"), ["CN=localhost", ".", version])
        assert.deepStrictEqual(yield* ask("b"), [two, "r", version])
        yield* until("the old ones are gone", Effect.map(connectionsOf(rigged), (count) => count === 4))
        const nobody = yield* rigged.client.get(url)
        assert.strictEqual(nobody.status, 400)
        assert.include(yield* nobody.text, "No required SSL certificate was sent")
      }))
  }
})

describe.skipIf(lacks("openssl"))("OpenSSL's server that asks for a certificate", () => {
  for (const [version, protocol] of [["TLSv1.2", "-tls1_2"], ["TLSv1.3", "-tls1_3"]] as const) {
    it.scopedLive(`resumes the session of an identity, and of no other one (${version})`, () =>
      Effect.gen(function*() {
        const url = yield* sServer(protocol)
        const { aTest, authority, bTest } = yield* certificates
        const rigged = yield* rig({ tls: { ca: authority }, identities: { a: own(aTest), b: own(bTest) } })
        const ask = (identity: string) =>
          Effect.map(textOf(rigged, url).pipe(as(identity)), (page) => [
            /^(New|Reused), (\S+),/m.exec(page)?.[1],
            /CN ?= ?(\S+\.test)/.exec(page)?.[1]
          ])
        const seen = yield* Effect.forEach(["a", "a", "b", "b"], ask)
        assert.deepStrictEqual(seen.map(([how]) => how), ["New", "Reused", "New", "Reused"])
        yield* rigged.pool.rotate({ a: own(bTest) })
        assert.deepStrictEqual((yield* ask("a"))[0], "New")
      }))
  }
})
