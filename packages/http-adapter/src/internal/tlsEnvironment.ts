/** The identity of TLS from the environment: the paths of its files. */
import { Settings } from "@watertight/pool"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { TlsFiles } from "./tlsFiles.ts"

const text = (name: string): Config.Config<string | undefined> =>
  Config.map(Config.option(Config.string(name)), (found) => {
    const value = Option.getOrElse(found, () => "").trim()
    return value === "" ? undefined : value
  })

const period = (name: string): Config.Config<number | undefined> =>
  text(name).pipe(Config.mapOrFail((value) => {
    const millis = value === undefined ? undefined : Settings.positive.decode(value)
    return value === undefined || millis !== undefined
      ? Either.right(millis)
      : Either.left(
        ConfigError.InvalidData(
          [name],
          `${JSON.stringify(value)} is not allowed; allowed: ${Settings.positive.allowed}`
        )
      )
  }))

/** Nothing, where no file is named. */
export const tlsSetting = (prefix: string): Config.Config<{ readonly tls?: TlsFiles }> =>
  Config.map(
    Config.all({
      ca: text(`${prefix}_TLS_CA_FILE`),
      cert: text(`${prefix}_TLS_CERT_FILE`),
      key: text(`${prefix}_TLS_KEY_FILE`),
      pfx: text(`${prefix}_TLS_PFX_FILE`),
      passphrase: Config.option(Config.redacted(`${prefix}_TLS_PASSPHRASE`)),
      refresh: period(`${prefix}_TLS_REFRESH`)
    }),
    ({ ca, cert, key, passphrase, pfx, refresh }) =>
      [ca, cert, key, pfx].every((path) => path === undefined)
        ? {}
        : { tls: new TlsFiles({ ca, cert, key, pfx, passphrase: Option.getOrUndefined(passphrase), refresh }) }
  )
