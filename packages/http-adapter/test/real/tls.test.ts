import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { HttpAdapterConfig } from "../../src/index.ts"
import { Resolver } from "../../src/index.ts"
import type { Identity } from "../parts/certificates.ts"
import { certificates } from "../parts/certificates.ts"
import * as Nginx from "../parts/nginx.ts"
import { lacks } from "../parts/programs.ts"
import * as Faults from "../parts/tcp/faults.ts"
import * as Peer from "../parts/tcp/peer.ts"
import { causeOf, connectionsOf, echoOf, hostOf, rig, textOf } from "./rig.ts"

const local = ["127.0.0.1"]
const resolver = Resolver.layerStatic({ "a.test": local, "b.test": local, "c.test": local, localhost: local })

/** A rig that trusts the authority of the tests, or another one. */
const trusting = (ca: string, options: Partial<HttpAdapterConfig.Options> = {}) =>
  rig({ ...options, tls: { ca } }, resolver)

/** The code with which TLS with a server of this identity is refused. */
const refusalOf = (identity: Identity) =>
  Effect.gen(function*() {
    const { authority } = yield* certificates
    const peer = yield* Peer.start(Faults.answers(), { tls: identity })
    const rigged = yield* trusting(authority)
    const cause = yield* causeOf(textOf(rigged, peer.origin))
    assert.strictEqual(yield* connectionsOf(rigged), 0)
    assert.strictEqual(peer.requests().length, 0)
    yield* peer.awaitOpen(0)
    return cause._tag === "TlsFailed" ? cause.code : cause
  })

describe.skipIf(lacks("openssl"))("TLS", () => {
  it.scopedLive("a certificate that holds is accepted, and its connection is reused", () =>
    Effect.gen(function*() {
      const { authority, localhost } = yield* certificates
      const peer = yield* Peer.start(Faults.answers(), { tls: localhost })
      const rigged = yield* trusting(authority)
      assert.strictEqual(yield* textOf(rigged, peer.origin), "ok")
      assert.strictEqual(yield* textOf(rigged, peer.origin), "ok")
      assert.strictEqual(peer.accepted(), 1)
    }))

  it.scopedLive("one that has expired, or that its owner signed, is refused by its reason", () =>
    Effect.gen(function*() {
      const { expired, selfSigned } = yield* certificates
      assert.strictEqual(yield* refusalOf(expired), "CERT_HAS_EXPIRED")
      assert.strictEqual(yield* refusalOf(selfSigned), "DEPTH_ZERO_SELF_SIGNED_CERT")
    }))
})

describe.skipIf(lacks("nginx", "openssl"))("TLS with nginx", () => {
  it.scopedLive("two names on one port are two hosts, each shown its own certificate", () =>
    Effect.gen(function*() {
      const nginx = yield* Nginx.start()
      const { authority } = yield* certificates
      const rigged = yield* trusting(authority)
      // That the certificate holds for the name is checked by the client: another server's would be refused.
      for (const name of ["a", "b", "localhost", "a", "b"]) {
        const host = name === "localhost" ? name : `${name}.test`
        const { server, sni } = yield* echoOf(rigged, `https://${host}:${nginx.tlsPort}/echo`)
        assert.deepStrictEqual([server, sni], [name, host])
      }
      const { hosts, total } = yield* rigged.pool.stats
      assert.deepStrictEqual([hosts.length, total], [3, 3])
      assert.strictEqual((yield* hostOf(rigged, `https://a.test:${nginx.tlsPort}`)).reused, 1)
    }))

  it.scopedLive("a name that the certificate does not hold for is refused, unless another is to be asked for", () =>
    Effect.gen(function*() {
      const nginx = yield* Nginx.start()
      const { authority: ca } = yield* certificates
      const url = `https://c.test:${nginx.tlsPort}/echo`
      const cause = yield* causeOf(textOf(yield* trusting(ca), url))
      assert.deepInclude(cause, { _tag: "TlsFailed", code: "ERR_TLS_CERT_ALTNAME_INVALID" })
      const asking = yield* rig({
        tls: { ca },
        overrides: (origin) => origin.host === "c.test" ? { tls: { ca, servername: "b.test" } } : {}
      }, resolver)
      const { host, sni } = yield* echoOf(asking, url)
      assert.deepStrictEqual([host, sni], ["c.test", "b.test"])
    }))

  it.scopedLive("an authority that is not trusted is refused with a typed error; nothing of the request is sent", () =>
    Effect.gen(function*() {
      const nginx = yield* Nginx.start()
      const { otherAuthority } = yield* certificates
      const rigged = yield* trusting(otherAuthority)
      const url = `https://a.test:${nginx.tlsPort}/echo`
      const cause = yield* causeOf(textOf(rigged, url))
      assert(cause._tag === "TlsFailed")
      assert.strictEqual(cause.address, "127.0.0.1")
      assert.match(cause.code, /^UNABLE_TO_(?:VERIFY_LEAF_SIGNATURE|GET_ISSUER_CERT(?:_LOCALLY)?)$/u)
      assert.match(cause.message, /^https:\/\/a\.test:\d+: no TLS with 127\.0\.0\.1 \(UNABLE_TO_/u)
      assert.strictEqual(yield* connectionsOf(rigged), 0)
      assert.strictEqual((yield* hostOf(rigged, url)).failed, 1)
      assert.deepStrictEqual(yield* nginx.seen, [])
    }))
})
