/** What a request, or a region of a program, wants differently from the pool's settings. */
import { type ConnectionPool, Settings } from "@watertight/pool"
import type * as Duration from "effect/Duration"
import * as FiberRef from "effect/FiberRef"
import { globalValue } from "effect/GlobalValue"
import type { Limits } from "./exchange.ts"
import type { Early, HttpSettings } from "./settings.ts"

/** As it may be given. */
export interface Given {
  /** take only a connection that is opened for this request */
  readonly fresh?: boolean | undefined
  /** whether a request that died with an old connection may be sent again, where that is safe */
  readonly replay?: boolean | undefined
  /** how long to wait for a connection */
  readonly acquireTimeout?: Duration.DurationInput | undefined
  /** until the head of the response is there */
  readonly responseTimeout?: Duration.DurationInput | undefined
  /** between two pieces of the body */
  readonly bodyTimeout?: Duration.DurationInput | undefined
  /** from the beginning of the request, waiting in line included, to the end of the body */
  readonly totalTimeout?: Duration.DurationInput | undefined
  /** bytes of the body of the response */
  readonly maxResponseSize?: number | undefined
  /** whether the body is asked for compressed, and decompressed */
  readonly decompress?: boolean | undefined
  /** bytes of the body when it is decompressed */
  readonly maxDecompressedSize?: number | undefined
  /** the Unix socket to dial, whatever host the URL names */
  readonly socketPath?: string | undefined
  /** the TLS identity to use, by its name in the setting `identities` */
  readonly identity?: string | undefined
}

const rules = {
  fresh: Settings.flag,
  replay: Settings.flag,
  acquireTimeout: Settings.period,
  responseTimeout: Settings.positive,
  bodyTimeout: Settings.positive,
  totalTimeout: Settings.positive,
  maxResponseSize: Settings.count(0),
  decompress: Settings.flag,
  maxDecompressedSize: Settings.count(0),
  socketPath: Settings.text,
  identity: Settings.text
} satisfies { readonly [K in keyof Given]-?: Settings.Rule<unknown> }

type Decoded = {
  -readonly [K in keyof typeof rules]?: (typeof rules)[K] extends Settings.Rule<infer Out> ? Out : never
}

/** Decoded, and in the forms in which they are needed. */
export class RequestOptions {
  private readonly decoded: Decoded
  readonly acquire: ConnectionPool.AcquireOptions | undefined

  constructor(decoded: Decoded) {
    this.decoded = decoded
    const { acquireTimeout, fresh } = decoded
    this.acquire = fresh === undefined && acquireTimeout === undefined ? undefined : { fresh, timeout: acquireTimeout }
  }

  get socketPath(): string | undefined {
    return this.decoded.socketPath
  }

  get identity(): string | undefined {
    return this.decoded.identity
  }

  replay(byDefault: boolean): boolean {
    return this.decoded.replay ?? byDefault
  }

  totalTimeout(early: Early): number {
    return this.decoded.totalTimeout ?? early.totalTimeout
  }

  acquireTimeout(early: Early): number {
    return this.decoded.acquireTimeout ?? early.acquireTimeout
  }

  decompress(early: Early): boolean {
    return this.decoded.decompress ?? early.decompress
  }

  limits(settings: HttpSettings): Limits {
    const { bodyTimeout, maxDecompressedSize, maxResponseSize, responseTimeout } = this.decoded
    const none = bodyTimeout === undefined && maxResponseSize === undefined && responseTimeout === undefined &&
      maxDecompressedSize === undefined
    if (none) return settings
    return {
      maxDecompressedSize: maxDecompressedSize ?? settings.maxDecompressedSize,
      bodyTimeout: bodyTimeout ?? settings.bodyTimeout,
      maxResponseSize: maxResponseSize ?? settings.maxResponseSize,
      responseTimeout: responseTimeout ?? settings.responseTimeout
    }
  }

  /** These, with others on top. A wrong one throws `ConfigInvalid`. */
  with(given: Given): RequestOptions {
    const decoded: Record<string, unknown> = { ...this.decoded }
    for (const [name, value] of Object.entries(given)) {
      if (value === undefined) continue
      const rule = Object.hasOwn(rules, name) ? rules[name as keyof typeof rules] : undefined
      // what nobody knows may be a secret
      decoded[name] = rule === undefined
        ? Settings.argument(name, unknownOption, Settings.kindOf(value))
        : Settings.argument<unknown>(name, rule, value)
    }
    // each value came from the rule of its own name
    return new RequestOptions(decoded as Decoded)
  }
}

const unknownOption: Settings.Rule<undefined> = {
  allowed: `the options ${Object.keys(rules).join(", ")}`,
  parse: () => undefined,
  decode: () => undefined
}

export const current: FiberRef.FiberRef<RequestOptions> = globalValue(
  Symbol.for("@watertight/http-adapter/requestOptions"),
  () => FiberRef.unsafeMake(new RequestOptions({}))
)
