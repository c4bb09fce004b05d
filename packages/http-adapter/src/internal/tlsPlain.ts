/** Options of TLS as Node takes them, with the secrets laid bare: they stay inside of this package. PURE. */
import { PoolError, Settings } from "@watertight/pool"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import type { TlsOptions, TlsTerms } from "../HttpTls.ts"

export interface PlainTls extends TlsTerms {
  readonly ca?: string | Uint8Array | ReadonlyArray<string | Uint8Array> | undefined
  readonly cert?: string | Uint8Array | undefined
  readonly key?: string | Uint8Array | undefined
  readonly passphrase?: string | undefined
  readonly pfx?: string | Uint8Array | undefined
}

interface Kind {
  readonly allowed: string
  readonly holds: (value: unknown) => boolean
  /** never shown, not even when it is wrong */
  readonly secret: boolean
}

const isBytes = (value: unknown): boolean => (typeof value === "string" && value !== "") || value instanceof Uint8Array
const isText = (value: unknown): boolean => typeof value === "string" && value.trim() !== ""
const isVersion = (value: unknown): boolean => value === "TLSv1.2" || value === "TLSv1.3"

const pem: Kind = { allowed: "a text in PEM, or its bytes", holds: isBytes, secret: true }
const version: Kind = { allowed: "\"TLSv1.2\" or \"TLSv1.3\"", holds: isVersion, secret: false }
const text: Kind = { allowed: "a text that is not blank", holds: isText, secret: false }

const kinds: { readonly [Name in keyof TlsOptions]-?: Kind } = {
  ca: {
    allowed: "a text in PEM, its bytes, or an array of them",
    holds: (value) => Array.isArray(value) ? value.every(isBytes) : isBytes(value),
    secret: true
  },
  cert: pem,
  key: { ...pem, allowed: "a text in PEM, or its bytes; either may be redacted" },
  passphrase: {
    allowed: "a text, which may be redacted",
    holds: (value) => typeof value === "string",
    secret: true
  },
  pfx: { ...pem, allowed: "the bytes of a PKCS#12 file, which may be redacted" },
  servername: text,
  rejectUnauthorized: { allowed: "true or false", holds: (value) => typeof value === "boolean", secret: false },
  minVersion: version,
  maxVersion: version,
  ciphers: text
}

const redactable: ReadonlySet<string> = new Set(["key", "passphrase", "pfx"])

/** The names of all options. */
const tlsNames: ReadonlyArray<string> = Object.keys(kinds)

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

export const refuse = (field: string, value: unknown, allowed: string): Either.Either<never, PoolError.ConfigInvalid> =>
  Either.left(new PoolError.ConfigInvalid({ field, value, allowed }))

/** Each value is of its kind; whether they fit together is another question. */
export const plainOf = (options: unknown, field: string): Either.Either<PlainTls, PoolError.ConfigInvalid> => {
  if (!isRecord(options)) {
    return refuse(field, Settings.kindOf(options), `an object with ${tlsNames.join(", ")}, or files`)
  }
  const plain: Record<string, unknown> = {}
  for (const [name, given] of Object.entries(options)) {
    if (given === undefined) continue
    const kind = Object.hasOwn(kinds, name) ? kinds[name as keyof TlsOptions] : undefined
    if (kind === undefined) {
      return refuse(`${field}.${name}`, Settings.kindOf(given), `the options ${tlsNames.join(", ")}`)
    }
    const value = redactable.has(name) && Redacted.isRedacted(given) ? Redacted.value(given) : given
    if (!kind.holds(value)) {
      return refuse(`${field}.${name}`, kind.secret ? Settings.kindOf(value) : value, kind.allowed)
    }
    plain[name] = value
  }
  // each value is of the kind of its own name
  return Either.right(plain as PlainTls)
}

/** Options on top of others: who we are comes from the upper ones alone. */
export const onTop = (below: PlainTls, above: PlainTls): PlainTls => {
  const { cert: _, key: __, passphrase: ___, pfx: ____, ...rest } = below
  return { ...rest, ...above }
}
