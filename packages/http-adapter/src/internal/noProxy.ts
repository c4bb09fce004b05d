/** Hosts that are reached without a proxy, in the words of the variable NO_PROXY. PURE. */
import { type PoolError, Settings } from "@watertight/pool"
import * as Either from "effect/Either"
import { BlockList, isIP } from "node:net"
import { refuse } from "./tlsPlain.ts"

export type Matches = (host: string, port: number) => boolean

const allowed =
  "names (\"example.com\" stands for its subdomains too), addresses and ranges (\"10.0.0.0/8\"), each with or without a port, and \"*\""

export const noProxyOf = (texts: unknown, field: string): Either.Either<Matches, PoolError.ConfigInvalid> => {
  if (texts === undefined) return Either.right(() => false)
  const all: Array<Matches> = []
  const given = Array.isArray(texts) ? texts : [texts]
  const wrong = given.findIndex((text) => typeof text !== "string")
  if (wrong !== -1) return refuse(field, Settings.kindOf(given[wrong]), `a text, or an array of texts: ${allowed}`)
  for (const part of given.flatMap((text) => String(text).split(/[\s,]+/u))) {
    if (part === "") continue
    const one = entryOf(part.toLowerCase())
    if (one === undefined) return refuse(field, part, allowed)
    all.push(one)
  }
  return Either.right((host, port) => {
    const name = host.endsWith(".") ? host.slice(0, -1) : host
    return all.some((matches) => matches(name, port))
  })
}

const entryOf = (text: string): Matches | undefined => {
  if (text === "*") return () => true
  if (text.includes("/")) return rangeOf(text)
  if (isIP(text) !== 0) return addressOf(text)
  const withPort = /^(?:\[([^\]]*)\]|([^:[\]]+))(?::(\d+))?$/u.exec(text)
  if (withPort === null) return undefined
  const [, bracketed, bare = "", digits] = withPort
  const matches = bracketed === undefined ? nameOf(bare) : isIP(bracketed) === 6 ? addressOf(bracketed) : undefined
  if (matches === undefined || digits === undefined) return matches
  const only = Number(digits)
  return only > 65_535 ? undefined : (host, port) => port === only && matches(host, port)
}

/** By its value: one address of IPv6 has many spellings. */
const addressOf = (address: string): Matches => {
  const list = new BlockList()
  list.addAddress(address, familyOf(address))
  return isIn(list)
}

const rangeOf = (text: string): Matches | undefined => {
  const [, address = "", digits = ""] = /^\[?([^\]/]*)\]?\/(\d{1,3})$/u.exec(text) ?? []
  const bits = Number(digits)
  if (isIP(address) === 0 || digits === "" || bits > (isIP(address) === 4 ? 32 : 128)) return undefined
  const list = new BlockList()
  list.addSubnet(address, bits, familyOf(address))
  return isIn(list)
}

const familyOf = (address: string): "ipv4" | "ipv6" => isIP(address) === 4 ? "ipv4" : "ipv6"

const isIn = (list: BlockList): Matches => (host) => isIP(host) !== 0 && list.check(host, familyOf(host))

/** With a dot before it or without, as curl has it. */
const nameOf = (text: string): Matches | undefined => {
  const name = text.replace(/^\*?\./u, "").replace(/\.$/u, "")
  if (isIP(name) !== 0) return addressOf(name)
  if (!/^[\p{L}\p{N}_-][\p{L}\p{N}._-]*$/u.test(name)) return undefined
  return (host) => host === name || host.endsWith(`.${name}`)
}
