/**
 * What TLS need not compute twice: the context of a set of options, and the sessions that shorten later handshakes. A session
 * stands for checks that were made under one set of options, so it is never used under another one.
 */
import { createHash } from "node:crypto"
import * as Tls from "node:tls"
import type { TlsOptions } from "../HttpAdapterConfig.ts"

/** So many sets of options, and so many origins of each, are remembered; whatever was stored first goes first. */
const most = 1024

/** One set of options. */
export interface Identity {
  readonly options: TlsOptions
  readonly context: Tls.SecureContext
  readonly sessions: Remembered<Buffer>
}

class Remembered<A> {
  private readonly known = new Map<string, A>()

  get(name: string): A | undefined {
    return this.known.get(name)
  }

  set(name: string, value: A): void {
    this.known.delete(name)
    this.known.set(name, value)
    const [first] = this.known.keys()
    if (this.known.size > most && first !== undefined) this.known.delete(first)
  }
}

export class TlsIdentities {
  private readonly byOptions = new WeakMap<TlsOptions, Identity>()
  private readonly byContent = new Remembered<Identity>()

  /** The same for equal options: overrides may well make a new object for each connection. */
  of(options: TlsOptions): Identity {
    const known = this.byOptions.get(options)
    if (known !== undefined) return known
    const content = contentOf(options)
    const identity = this.byContent.get(content) ?? identityOf(options)
    this.byOptions.set(options, identity)
    this.byContent.set(content, identity)
    return identity
  }
}

const identityOf = (options: TlsOptions): Identity => {
  const { rejectUnauthorized: _, servername: __, ...rest } = options
  return {
    options,
    // reading keys and certificates takes milliseconds; `undefined` stands for "not given", which Node's types do not say
    context: Tls.createSecureContext(rest as Tls.SecureContextOptions),
    sessions: new Remembered()
  }
}

/** A digest, so that no key is kept a second time. */
const contentOf = (options: TlsOptions): string => {
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
