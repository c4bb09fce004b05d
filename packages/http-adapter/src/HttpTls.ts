/** How TLS identifies the two ends: in options, or in files that are read again when they change. */
import type * as Duration from "effect/Duration"
import type * as Redacted from "effect/Redacted"
import { TlsFiles as Files } from "./internal/tlsFiles.ts"

/** What is agreed on, besides who the two ends are. */
export interface TlsTerms {
  /** the name to ask for, and to find in the certificate, instead of the host's */
  readonly servername?: string | undefined
  /** `false` trusts anybody, and is told of in the log: for tests alone */
  readonly rejectUnauthorized?: boolean | undefined
  readonly minVersion?: "TLSv1.2" | "TLSv1.3" | undefined
  readonly maxVersion?: "TLSv1.2" | "TLSv1.3" | undefined
  readonly ciphers?: string | undefined
}

/** How TLS identifies the two ends. As in Node's `tls` module; what is not given has Node's default. */
export interface TlsOptions extends TlsTerms {
  /** authorities that are trusted instead of the system's */
  readonly ca?: string | Uint8Array | ReadonlyArray<string | Uint8Array> | undefined
  /** who we are, for a server that asks */
  readonly cert?: string | Uint8Array | undefined
  readonly key?: string | Uint8Array | Redacted.Redacted<string | Uint8Array> | undefined
  readonly passphrase?: string | Redacted.Redacted | undefined
  readonly pfx?: string | Uint8Array | Redacted.Redacted<string | Uint8Array> | undefined
}

/** The same with the paths of files. */
export interface TlsFilesOptions extends TlsTerms {
  readonly ca?: string | ReadonlyArray<string> | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
  readonly pfx?: string | undefined
  readonly passphrase?: string | Redacted.Redacted | undefined
  /** how often the files are looked at; by default every 30 seconds, `Infinity` for never again */
  readonly refresh?: Duration.DurationInput | undefined
}

/** Files that hold an identity. */
export type TlsFiles = Files

/** What may be given wherever TLS is set. */
export type Tls = TlsOptions | TlsFiles

/**
 * An identity in files. They are read when the pool is made, or when a host first needs them, and looked at again every `refresh`. What has changed
 * is used for new connections from then on, and old ones are drained. Files that are missing, half-written or do not fit together
 * leave the last good identity in use, and are told of in the log, once.
 *
 * @example
 * import { HttpPool, HttpTls } from "@watertight/http-adapter"
 *
 * export const PoolLive = HttpPool.layer({
 *   tls: HttpTls.files({ ca: "/etc/tls/authority.pem", cert: "/etc/tls/client.pem", key: "/etc/tls/client.key" })
 * })
 */
export const files = (options: TlsFilesOptions): TlsFiles => new Files(options)
