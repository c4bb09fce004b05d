/** Proxies from the environment: our own variable, and those that everybody reads. */
import type { PoolError } from "@watertight/pool"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { ProxiesByScheme } from "../HttpProxy.ts"
import { noProxyOf } from "./noProxy.ts"
import { proxyOf } from "./proxy.ts"

/** A variable that is set to something. */
interface Variable {
  readonly name: string
  readonly text: string
}

const variable = (name: string): Config.Config<Variable | undefined> =>
  Config.map(Config.option(Config.string(name)), (found) => {
    const text = Option.getOrElse(found, () => "").trim()
    return text === "" ? undefined : { name, text }
  })

const usual = {
  http_proxy: variable("http_proxy"),
  HTTP_PROXY: variable("HTTP_PROXY"),
  https_proxy: variable("https_proxy"),
  HTTPS_PROXY: variable("HTTPS_PROXY"),
  all_proxy: variable("all_proxy"),
  ALL_PROXY: variable("ALL_PROXY"),
  no_proxy: variable("no_proxy"),
  NO_PROXY: variable("NO_PROXY"),
  REQUEST_METHOD: variable("REQUEST_METHOD")
}

type Found = { readonly [Name in keyof typeof usual]: Variable | undefined }
type Wrong = ConfigError.ConfigError

/** An error names the variable, and no password. */
const checked = <A>(
  found: Variable | undefined,
  check: (text: string, name: string) => Either.Either<unknown, PoolError.ConfigInvalid>,
  take: (text: string) => A
): Either.Either<A | undefined, Wrong> =>
  found === undefined ? Either.right(undefined) : Either.mapBoth(check(found.text, found.name), {
    onLeft: (error) => ConfigError.InvalidData([found.name], error.message),
    onRight: () => take(found.text)
  })

const chosen = (
  http: Variable | undefined,
  https: Variable | undefined,
  noProxy: Variable | undefined
): Either.Either<"none" | ProxiesByScheme, Wrong> =>
  Either.gen(function*() {
    if (http === undefined && https === undefined) return "none"
    return {
      http: yield* checked(http, proxyOf, Redacted.make),
      https: yield* checked(https, proxyOf, Redacted.make),
      noProxy: yield* checked(noProxy, noProxyOf, String)
    }
  })

const fromUsual = (found: Found, noProxy: Variable | undefined): Either.Either<"none" | ProxiesByScheme, Wrong> => {
  const all = found.all_proxy ?? found.ALL_PROXY
  // A CGI server makes this variable of a header of the request, so whoever asks could choose the proxy.
  const upper = found.REQUEST_METHOD === undefined ? found.HTTP_PROXY : undefined
  return chosen(found.http_proxy ?? upper ?? all, found.https_proxy ?? found.HTTPS_PROXY ?? all, noProxy)
}

/** What everybody reads; `none` if nothing of it is set. */
export const environmentOf: Config.Config<"none" | ProxiesByScheme> = Config.all(usual).pipe(
  Config.mapOrFail((found) => fromUsual(found, found.no_proxy ?? found.NO_PROXY))
)

/** Our own variable where it is set, and otherwise what everybody reads. Nothing, where nothing is set. */
export const proxySetting = (prefix: string): Config.Config<{ readonly proxy?: "none" | ProxiesByScheme }> =>
  Config.all({ ...usual, own: variable(`${prefix}_PROXY`), ownNo: variable(`${prefix}_NO_PROXY`) }).pipe(
    Config.mapOrFail(({ own, ownNo, ...found }) => {
      const noProxy = ownNo ?? found.no_proxy ?? found.NO_PROXY
      if (own?.text === "none") return Either.right({ proxy: "none" as const })
      const proxies = own === undefined ? fromUsual(found, noProxy) : chosen(own, own, noProxy)
      return Either.map(proxies, (proxy) => own === undefined && proxy === "none" ? {} : { proxy })
    })
  )
