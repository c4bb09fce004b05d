/** Which proxy a host is reached through, if any: the setting `proxy`, decoded. */
import { type PoolError, Settings } from "@watertight/pool"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import type { Origin } from "../Origin.ts"
import { type Matches, noProxyOf } from "./noProxy.ts"
import { type ProxyImpl, proxyOf } from "./proxy.ts"
import { isRecord, refuse } from "./tlsPlain.ts"

interface Rule {
  readonly proxy: ProxyImpl
  readonly direct: Matches
}

export class ProxyChoice {
  private readonly http: Rule | undefined
  private readonly https: Rule | undefined

  constructor(http: Rule | undefined, https: Rule | undefined) {
    this.http = http
    this.https = https
  }

  of({ host, port, scheme, socketPath }: Origin): ProxyImpl | undefined {
    const rule = this[scheme]
    return rule === undefined || socketPath !== undefined || rule.direct(host, port) ? undefined : rule.proxy
  }
}

export const noProxies = new ProxyChoice(undefined, undefined)

const byScheme: ReadonlySet<string> = new Set(["http", "https", "noProxy"])

/** `usable` looks at what goes with the proxy's own TLS. */
export const choiceOf = (
  given: unknown,
  field: string,
  usable: (proxy: ProxyImpl) => Either.Either<unknown, PoolError.ConfigInvalid>
): Either.Either<ProxyChoice, PoolError.ConfigInvalid> => {
  if (given instanceof ProxyChoice) return Either.right(given)
  if (given === "none") return Either.right(noProxies)
  const rule = (one: unknown, place: string, more: unknown) =>
    Either.gen(function*() {
      const proxy = yield* proxyOf(one, place)
      yield* usable(proxy)
      const own = isRecord(one) && !Redacted.isRedacted(one) ? one["noProxy"] : undefined
      const [first, second] = [yield* noProxyOf(own, `${place}.noProxy`), yield* noProxyOf(more, `${field}.noProxy`)]
      return { proxy, direct: (host: string, port: number) => first(host, port) || second(host, port) }
    })
  if (typeof given === "string" || Redacted.isRedacted(given) || (isRecord(given) && "url" in given)) {
    return Either.map(rule(given, field, undefined), (both) => new ProxyChoice(both, both))
  }
  if (!isRecord(given) || !Object.keys(given).every((name) => byScheme.has(name))) {
    const names = isRecord(given) ? `an object with ${Object.keys(given).join(", ")}` : Settings.kindOf(given)
    return refuse(field, names, "\"none\", a URL, an object with url, or one with http, https and noProxy")
  }
  const { http, https, noProxy } = given
  return Either.gen(function*() {
    return new ProxyChoice(
      http === undefined ? undefined : yield* rule(http, `${field}.http`, noProxy),
      https === undefined ? undefined : yield* rule(https, `${field}.https`, noProxy)
    )
  })
}
