/** What TLS need not compute twice: the context of a set of options, and the session of an origin, which shortens handshakes. */
import * as Tls from "node:tls"
import type { TlsOptions } from "../HttpAdapterConfig.ts"
import type { Origin } from "../Origin.ts"

/** So many origins are remembered; the one that was stored first goes first. */
const most = 1024

export class TlsSessions {
  private readonly contexts = new WeakMap<TlsOptions, Tls.SecureContext>()
  private readonly sessions = new Map<string, Buffer>()

  /** Reading keys and certificates takes milliseconds, so it is done once for each set of options. */
  contextOf(options: TlsOptions): Tls.SecureContext {
    const known = this.contexts.get(options)
    if (known !== undefined) return known
    const { rejectUnauthorized: _, servername: __, ...rest } = options
    // `undefined` stands for "not given", which Node's own types do not say
    const context = Tls.createSecureContext(rest as Tls.SecureContextOptions)
    this.contexts.set(options, context)
    return context
  }

  get(origin: Origin): Buffer | undefined {
    return this.sessions.get(origin.label)
  }

  set(origin: Origin, session: Buffer): void {
    this.sessions.delete(origin.label)
    this.sessions.set(origin.label, session)
    const [first] = this.sessions.keys()
    if (this.sessions.size > most && first !== undefined) this.sessions.delete(first)
  }
}
