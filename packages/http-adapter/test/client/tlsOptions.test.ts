/** What is wrong with options of TLS is said when they are given, by field, and without a secret. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Inspectable, Layer, Redacted } from "effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { inspect } from "node:util"
import { HttpPool, HttpTls } from "../../src/index.ts"
import { type Certificates, certificates } from "../parts/certificates.ts"
import { folder } from "../parts/part.ts"
import { lacks } from "../parts/programs.ts"

const build = (options: object) => Layer.build(HttpPool.layer(options))

const shown = (value: unknown): string =>
  [String(value), inspect(value, { depth: 20, showHidden: true }), Inspectable.toStringUnknown(value)].join("\n")

type Wrong = (all: Certificates) => readonly [tls: object, field: string, allowed: RegExp]

const wrong: Record<string, Wrong> = {
  "the key of another certificate": ({ aTest, bTest }) => [
    { cert: aTest.certificate, key: bTest.key },
    "key",
    /the private key of tls\.cert/
  ],
  "a certificate that has expired": ({ expired }) => [
    { cert: expired.certificate, key: Redacted.make(expired.key) },
    "cert",
    /not expired/
  ],
  "a certificate without its key": ({ aTest }) => [{ cert: aTest.certificate }, "key", /the private key/],
  "a key without its certificate": ({ aTest }) => [{ key: aTest.key }, "cert", /the certificate of the key/],
  "a key with no passphrase": ({ aTest, encrypted }) => [
    { cert: aTest.certificate, key: encrypted.key },
    "passphrase",
    /what opens tls\.key/
  ],
  "a key with a wrong passphrase": ({ aTest, encrypted }) => [
    { cert: aTest.certificate, key: encrypted.key, passphrase: Redacted.make("wrong") },
    "passphrase",
    /what opens tls\.key/
  ],
  "a PKCS#12 file with a wrong passphrase": ({ encrypted }) => [
    { pfx: encrypted.pfx, passphrase: "wrong" },
    "passphrase",
    /what opens tls\.pfx/
  ],
  "a PKCS#12 file whose certificate has expired": ({ encrypted }) => [
    { pfx: Redacted.make(encrypted.expiredPfx), passphrase: encrypted.passphrase },
    "pfx",
    /not expired/
  ],
  "something that is no PKCS#12 file": () => [{ pfx: "s3cr3t" }, "pfx", /PKCS#12/],
  "a key that is none": ({ aTest }) => [{ cert: aTest.certificate, key: "s3cr3t" }, "key", /a private key in PEM/],
  "a certificate that is none": ({ aTest }) => [{ cert: "s3cr3t", key: aTest.key }, "cert", /a certificate in PEM/],
  "an authority that is none": () => [{ ca: "s3cr3t" }, "ca", /certificates in PEM/],
  "an authority that was cut off": ({ authority, otherAuthority }) => [
    { ca: [authority, otherAuthority.slice(0, 200)] },
    "ca",
    /certificates in PEM/
  ],
  "a range of versions that is none": () => [
    { minVersion: "TLSv1.3", maxVersion: "TLSv1.2" },
    "minVersion",
    /at most tls\.maxVersion/
  ],
  "a version that there is not": () => [{ minVersion: "TLSv1.1" }, "minVersion", /"TLSv1\.2" or "TLSv1\.3"/],
  "ciphers that there are not": () => [{ ciphers: "NONE-SUCH" }, "ciphers", /what OpenSSL knows/],
  "an option that there is not": () => [{ keys: "s3cr3t" }, "keys", /ca, cert, key/],
  "a value of another kind": () => [{ key: { secret: "s3cr3t" } }, "key", /a text in PEM/]
}

describe.skipIf(lacks("openssl"))("options of TLS", () => {
  for (const [name, of] of Object.entries(wrong)) {
    it.scopedLive(`${name} fails the pool, and names its field`, () =>
      Effect.gen(function*() {
        const all = yield* certificates
        const [tls, field, allowed] = of(all)
        const error = yield* Effect.flip(build({ tls }))
        assert.deepInclude(error, { _tag: "ConfigInvalid", field: `tls.${field}` })
        assert.match(error.message, allowed)
        const named = yield* Effect.flip(build({ identities: { tenant: tls } }))
        assert.deepInclude(named, { _tag: "ConfigInvalid", field: `identities.tenant.${field}` })
        for (const secret of ["s3cr3t", "PRIVATE KEY", all.encrypted.passphrase]) {
          assert.notInclude(shown([error, named]), secret)
        }
      }))
  }

  it.scopedLive("that fit are taken, in every form that they may have", () =>
    Effect.gen(function*() {
      const { aTest, authority, encrypted, otherAuthority } = yield* certificates
      const key = Buffer.from(aTest.key)
      const good: ReadonlyArray<HttpTls.TlsOptions> = [
        { ca: authority + otherAuthority, minVersion: "TLSv1.3" },
        { ca: [Buffer.from(authority), otherAuthority], cert: Buffer.from(aTest.certificate), key },
        { cert: aTest.certificate, key: Redacted.make(new Uint8Array(key)) },
        { cert: aTest.certificate + aTest.key, key: aTest.certificate + aTest.key },
        { cert: aTest.certificate, key: encrypted.key, passphrase: Redacted.make(encrypted.passphrase) },
        { pfx: Redacted.make(encrypted.pfx), passphrase: encrypted.passphrase }
      ]
      yield* Effect.forEach(good, (tls) => build({ tls, identities: { tenant: tls } }))
    }))

  it.scopedLive("in files are looked at when the pool is made, and name the file", () =>
    Effect.gen(function*() {
      const { aTest, bTest } = yield* certificates
      const own = yield* folder
      const file = (name: string, text: string): string => {
        Fs.writeFileSync(Path.join(own, name), text)
        return Path.join(own, name)
      }
      const [cert, key] = [file("cert.pem", aTest.certificate), file("key.pem", bTest.key)]
      const wrongFiles: ReadonlyArray<readonly [HttpTls.TlsFilesOptions, string]> = [
        [{ cert, key }, "tls.key"],
        [{ ca: Path.join(own, "none.pem") }, "tls.ca"],
        [{ cert, key, refresh: 0 }, "tls.refresh"],
        [{ passphrase: "s3cr3t" }, "tls"]
      ]
      for (const [options, field] of wrongFiles) {
        const tls = HttpTls.files(options)
        const error = yield* Effect.flip(build({ tls }))
        assert.deepInclude(error, { _tag: "ConfigInvalid", field })
        assert.notMatch(shown([error, tls]), /PRIVATE KEY|s3cr3t/)
      }
    }))

  it.scopedLive("names of identities are texts that can be shown", () =>
    Effect.gen(function*() {
      for (const name of ["", " ", "a\nb"]) {
        const error = yield* Effect.flip(build({ identities: { [name]: {} } }))
        assert.deepInclude(error, { _tag: "ConfigInvalid", field: "identities", value: name })
      }
      assert.deepInclude(yield* Effect.flip(build({ identities: ["s3cr3t"] })), {
        field: "identities",
        value: "an array"
      })
    }))
})
