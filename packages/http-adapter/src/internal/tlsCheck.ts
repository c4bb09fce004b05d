/** Whether the options of TLS fit together, asked when they are given and not by the first connection. */
import type { PoolError } from "@watertight/pool"
import * as Either from "effect/Either"
import { hasProperty } from "effect/Predicate"
import { createPrivateKey, X509Certificate } from "node:crypto"
import { Duplex } from "node:stream"
import * as Tls from "node:tls"
import { type PlainTls, refuse } from "./tlsPlain.ts"

type Checked = Either.Either<void, PoolError.ConfigInvalid>

const fine: Checked = Either.void
// OpenSSL's words for what is wrong; they hold nothing of what was given
const why = (error: unknown): string =>
  hasProperty(error, "code") && typeof error.code === "string"
    ? error.code
    : error instanceof Error
    ? error.message
    : "unknown"

export const checkTls = (tls: PlainTls, field: string, now: number): Checked =>
  Either.gen(function*() {
    yield* checkAuthorities(tls, field)
    yield* checkCertificate(tls, field, now)
    yield* checkPfx(tls, field, now)
    yield* checkTerms(tls, field)
  })

// Node takes an authority that it cannot read for none, and then trusts nobody without a word.
const checkAuthorities = ({ ca }: PlainTls, field: string): Checked => {
  if (ca === undefined) return fine
  const all = Array.isArray(ca) ? ca : [ca]
  for (const one of all as ReadonlyArray<string | Uint8Array>) { // `isArray` forgets what is in it
    const text = typeof one === "string" ? one : Buffer.from(one).toString("latin1")
    const begun = text.match(/-----BEGIN [A-Z0-9 ]*CERTIFICATE-----/gu)?.length ?? 0
    const whole = text.match(/-----BEGIN ([A-Z0-9 ]*CERTIFICATE)-----[^-]*-----END \1-----/gu) ?? []
    const broken = whole.length < begun
      ? "one that has no end"
      : whole.map(unreadable).find((each) => each !== undefined)
    if (begun === 0 || broken !== undefined) {
      return refuse(`${field}.ca`, broken ?? "no certificate", "certificates in PEM")
    }
  }
  return fine
}

const unreadable = (certificate: string): string | undefined => {
  try {
    return void new X509Certificate(certificate)
  } catch (error) {
    return why(error)
  }
}

const checkCertificate = ({ cert, key, passphrase }: PlainTls, field: string, now: number): Checked => {
  if (cert === undefined && key === undefined) return fine
  if (cert === undefined) return refuse(`${field}.cert`, undefined, "the certificate of the key, in PEM")
  if (key === undefined) return refuse(`${field}.key`, undefined, "the private key of the certificate, in PEM")
  let certificate: X509Certificate
  try {
    certificate = new X509Certificate(cert)
    Tls.createSecureContext({ cert: asGiven(cert) })
  } catch (error) {
    return refuse(`${field}.cert`, why(error), "a certificate in PEM")
  }
  const ended = expired(certificate.validTo, now)
  if (ended !== undefined) return refuse(`${field}.cert`, ended, "a certificate that has not expired")
  try {
    const own = createPrivateKey({ key: asGiven(key), passphrase })
    if (!certificate.checkPrivateKey(own)) {
      return refuse(`${field}.key`, "the key of another certificate", `the private key of ${field}.cert`)
    }
  } catch (error) {
    const code = why(error)
    return /DECRYPT|INTERRUPTED|PASSPHRASE/u.test(code)
      ? refuse(`${field}.passphrase`, passphrase === undefined ? undefined : "a wrong one", `what opens ${field}.key`)
      : refuse(`${field}.key`, code, "a private key in PEM")
  }
  return fine
}

const checkPfx = ({ passphrase, pfx }: PlainTls, field: string, now: number): Checked => {
  if (pfx === undefined) return fine
  try {
    const ended = expired(ownEndOf(Tls.createSecureContext({ pfx: asGiven(pfx), passphrase })), now)
    return ended === undefined ? fine : refuse(`${field}.pfx`, ended, "a certificate that has not expired")
  } catch (error) {
    const code = why(error)
    return code.includes("mac verify")
      ? refuse(`${field}.passphrase`, passphrase === undefined ? undefined : "a wrong one", `what opens ${field}.pfx`)
      : refuse(`${field}.pfx`, code, "the bytes of a PKCS#12 file")
  }
}

/** Node opens such a file for itself alone, but tells a socket's own certificate. */
const ownEndOf = (secureContext: Tls.SecureContext): string => {
  const nowhere = new Duplex({ read: () => {}, write: (_, __, done) => done() })
  const socket = new Tls.TLSSocket(nowhere, { secureContext })
  socket.on("error", () => {})
  const own = socket.getCertificate()
  socket.destroy()
  return own !== null && "valid_to" in own && typeof own.valid_to === "string" ? own.valid_to : ""
}

const expired = (validTo: string, now: number): string | undefined => {
  const end = Date.parse(validTo)
  return end < now ? `expired at ${new Date(end).toISOString()}` : undefined
}

const checkTerms = ({ ciphers, maxVersion = "TLSv1.3", minVersion = "TLSv1.2" }: PlainTls, field: string): Checked => {
  if (minVersion > maxVersion) {
    return refuse(`${field}.minVersion`, minVersion, `at most ${field}.maxVersion, ${maxVersion}`)
  }
  try {
    if (ciphers !== undefined) Tls.createSecureContext({ ciphers })
  } catch (error) {
    return refuse(`${field}.ciphers`, ciphers, `what OpenSSL knows (${why(error)})`)
  }
  return fine
}

// Node's types know of buffers alone, but it takes any bytes.
const asGiven = (bytes: string | Uint8Array): string | Buffer =>
  typeof bytes === "string" ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
