/**
 * What TLS need not compute twice: the context of a set of options, and the sessions that shorten later handshakes. A session
 * stands for checks that were made under one set of options, so it is never used under another one.
 */
import type { PoolError } from "@watertight/pool"
import * as Either from "effect/Either"
import { createHash } from "node:crypto"
import * as Tls from "node:tls"
import { Remembered } from "./remembered.ts"
import { checkTls } from "./tlsCheck.ts"
import type { PlainTls } from "./tlsPlain.ts"

/** One set of options, known to be good. */
export interface Identity {
  /** a digest of the options: of two identities with equal ones, either may be the one that is remembered */
  readonly content: string
  readonly options: PlainTls
  readonly context: Tls.SecureContext
  /** by what the connections lead to */
  readonly sessions: Remembered<Buffer>
  /** hosts that the log has been told of, since anybody could be them */
  readonly told: Remembered<true>
}

export class TlsIdentities {
  private readonly byContent = new Remembered<Identity>()
  private readonly now: () => number

  constructor(now: () => number) {
    this.now = now
  }

  /** The same for equal options: overrides may well make a new object for each connection. */
  of(plain: PlainTls, field: string): Either.Either<Identity, PoolError.ConfigInvalid> {
    const content = contentOf(plain)
    const known = this.byContent.get(content)
    if (known !== undefined) return Either.right(known)
    return Either.map(checkTls(plain, field, this.now()), () => {
      const identity = identityOf(plain, content)
      this.byContent.set(content, identity)
      return identity
    })
  }
}

const identityOf = (options: PlainTls, content: string): Identity => {
  const { rejectUnauthorized: _, servername: __, ...rest } = options
  return {
    content,
    options,
    // reading keys and certificates takes milliseconds; `undefined` stands for "not given", which Node's types do not say
    context: Tls.createSecureContext(rest as Tls.SecureContextOptions),
    sessions: new Remembered(),
    told: new Remembered()
  }
}

/** A digest, so that no key is kept a second time. */
export const contentOf = (options: object): string => {
  const hash = createHash("sha256")
  const add = (value: unknown): void => {
    if (Array.isArray(value)) {
      hash.update(`[${value.length}]`)
      for (const one of value) add(one)
    } else {
      const bytes = value instanceof Uint8Array ? value : Buffer.from(String(value))
      hash.update(`${typeof value} ${bytes.byteLength}:`).update(bytes)
    }
  }
  for (const [name, value] of Object.entries(options).toSorted(([a], [b]) => a < b ? -1 : 1)) {
    if (value !== undefined) add([name, value])
  }
  return hash.digest("base64")
}
