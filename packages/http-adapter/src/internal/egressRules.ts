/** A policy of egress, checked, and in the form in which it is asked. PURE. */
import { PoolError } from "@watertight/pool"
import * as Either from "effect/Either"
import { isIP } from "node:net"
import { resolve as absolute } from "node:path"
import { domainToASCII } from "node:url"
import type { Destinations, Rule } from "../EgressPolicy.ts"
import { type Ip, isIn, parseRange, type Range } from "./addressRange.ts"

/** Where somebody wants to go. */
export interface Destination {
  /** as `nameOf` makes it, or an address */
  readonly host: string
  readonly port: number
  /** as far as it is known */
  readonly ip: Ip | undefined
  /** the path of a Unix socket, to which host and port say nothing */
  readonly unix: string | undefined
}

/** What a part of a rule asks of a destination; `text` names it. */
interface Test {
  readonly text: string
  readonly holds: (to: Destination) => boolean
}

interface Compiled {
  readonly allows: boolean
  readonly label: string
  /** whether it is about Unix sockets; other rules are not */
  readonly unix: boolean
  /** one of each has to hold */
  readonly near: ReadonlyArray<ReadonlyArray<Test>>
  /** the same, for what is known only when a name has been resolved */
  readonly addresses: ReadonlyArray<Test> | undefined
}

/** A policy that can be asked. */
export interface Egress {
  readonly rules: ReadonlyArray<Compiled>
  readonly allows: boolean
  /** nothing is refused, so nobody needs to ask */
  readonly free: boolean
}

/** Names are equal if name servers think so: in any case, with a dot behind or without, in Unicode or in Punycode. */
export const nameOf = (host: string): string => {
  const bare = host.toLowerCase().replace(/\.+$/, "")
  return (domainToASCII(bare) || bare).replace(/\.+$/, "")
}

/**
 * The rule that refuses a destination, if one does. Where the address is not known yet, a rule about addresses decides nothing, and one
 * that might allow it is waited for (`"later"`), or there is nothing to wait for (`"never"`), as behind a proxy.
 */
export const refusalOf = (egress: Egress, to: Destination, known: "later" | "never"): string | undefined => {
  for (const rule of egress.rules) {
    if (rule.unix !== (to.unix !== undefined)) continue
    const found = rule.near.map((tests) => tests.find(({ holds }) => holds(to)))
    if (found.includes(undefined)) continue
    if (rule.addresses !== undefined) {
      if (to.ip === undefined) {
        if (rule.allows && known === "later") return undefined
        continue
      }
      const range = rule.addresses.find(({ holds }) => holds(to))
      if (range === undefined) continue
      found.push(range)
    }
    return rule.allows ? undefined : [rule.label, found.map((test) => test?.text).join(", ")].join(": ")
  }
  return egress.allows ? undefined : "no rule allows it"
}

// ---------------------------------------------------------------------------------------------------------------------
// Compiling
// ---------------------------------------------------------------------------------------------------------------------

type Checked<A> = Either.Either<A, PoolError.ConfigInvalid>

const invalid = (field: string, value: unknown, allowed: string): Checked<never> =>
  Either.left(new PoolError.ConfigInvalid({ field, value, allowed }))

export const compile = (rules: ReadonlyArray<Rule>, otherwise: "allow" | "deny"): Checked<Egress> =>
  Either.gen(function*() {
    if (otherwise !== "allow" && otherwise !== "deny") {
      return yield* invalid("egress.otherwise", otherwise, "\"allow\" or \"deny\"")
    }
    if (!Array.isArray(rules)) return yield* invalid("egress.rules", rules, "a list of rules")
    const compiled = yield* Either.all(rules.map((rule, index) => compileRule(rule, index)))
    const allows = otherwise === "allow"
    return { rules: compiled, allows, free: allows && compiled.every((rule) => rule.allows) }
  })

const names: ReadonlySet<string> = new Set<keyof Destinations>(["name", "hosts", "addresses", "ports", "unix"])

const compileRule = (rule: Rule, index: number): Checked<Compiled> =>
  Either.gen(function*() {
    const field = `egress.rules[${index}]`
    // somebody without a compiler may have written anything
    if (typeof rule !== "object" || rule === null || typeof rule.destinations !== "object") {
      return yield* invalid(field, rule, "what EgressPolicy.allow and EgressPolicy.deny make")
    }
    const { action, destinations } = rule
    if (action !== "allow" && action !== "deny") {
      return yield* invalid(`${field}.action`, action, "\"allow\" or \"deny\"")
    }
    for (const name of Object.keys(destinations ?? {})) {
      if (!names.has(name)) return yield* invalid(`${field}.${name}`, undefined, `the fields ${[...names].join(", ")}`)
    }
    const { addresses, hosts, name, ports, unix } = destinations
    if (name !== undefined && (typeof name !== "string" || name.trim() === "")) {
      return yield* invalid(`${field}.name`, name, "a text that is not blank")
    }
    if ([addresses, hosts, ports, unix].every((given) => given === undefined)) {
      return yield* invalid(field, destinations, "at least one of hosts, addresses, ports and unix")
    }
    const base = { allows: action === "allow", label: name ?? `rule ${index + 1}` }
    if (unix !== undefined) {
      if ([addresses, hosts, ports].some((given) => given !== undefined)) {
        return yield* invalid(`${field}.unix`, unix, "no hosts, addresses or ports beside it: a socket has none")
      }
      const any: Test = { text: "any Unix socket", holds: () => true }
      const tests = unix === true ? [any] : yield* each(`${field}.unix`, unix, socketTest)
      return { ...base, unix: true, near: [tests], addresses: undefined }
    }
    const near = [
      ...(hosts === undefined ? [] : [yield* each(`${field}.hosts`, hosts, hostTest)]),
      ...(ports === undefined ? [] : [yield* each(`${field}.ports`, ports, portTest)])
    ]
    return {
      ...base,
      unix: false,
      near,
      addresses: addresses === undefined ? undefined : yield* each(`${field}.addresses`, addresses, addressTest)
    }
  })

/** Every value of a list, which must not be empty: a rule that can never match is a mistake. */
const each = <A>(
  field: string,
  values: unknown,
  test: (field: string, value: A) => Checked<Test>
): Checked<ReadonlyArray<Test>> =>
  Array.isArray(values) && values.length > 0
    ? Either.all(values.map((value: A, index) => test(`${field}[${index}]`, value)))
    : invalid(field, values, "a list that is not empty")

const hostTest = (field: string, value: string): Checked<Test> => {
  const text = typeof value === "string" ? value : ""
  const suffix = text.startsWith("*.")
  const name = nameOf(suffix ? text.slice(2) : text)
  // the same characters as in the host of a URL; others would never match
  if (name === "" || !/^[^\s*/?#@:[\]\\]+$/.test(name) || isIP(name) !== 0) {
    return invalid(field, value, "the name of a host, or *. and a name for all below it; addresses are in addresses")
  }
  return Either.right({
    text: `host ${suffix ? "*." : ""}${name}`,
    holds: suffix ? ({ host }) => host.endsWith(`.${name}`) : ({ host }) => host === name
  })
}

const addressTest = (field: string, value: string): Checked<Test> => {
  const range: Range | undefined = typeof value === "string" ? parseRange(value) : undefined
  if (range === undefined) {
    const allowed = "an address, or a range such as 10.0.0.0/8 or fd00::/8, without bits behind its prefix"
    return invalid(field, value, allowed)
  }
  return Either.right({ text: `address ${value}`, holds: ({ ip }) => ip !== undefined && isIn(ip, range) })
}

const portTest = (field: string, value: number | string): Checked<Test> => {
  const [, first, last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(String(value)) ?? []
  const from = Number(first)
  const to = Number(last)
  if (!(from <= to && to <= 65_535)) {
    return invalid(field, value, "a port from 0 to 65535, or a range such as \"8000-8999\"")
  }
  return Either.right({ text: `port ${value}`, holds: ({ port }) => port >= from && port <= to })
}

const socketTest = (field: string, value: string): Checked<Test> => {
  if (typeof value !== "string" || value === "") {
    return invalid(field, value, "the path of a Unix socket, or unix: true")
  }
  const path = absolute(value)
  return Either.right({
    text: `socket ${path}`,
    holds: ({ unix }) => unix !== undefined && absolute(unix) === path
  })
}
