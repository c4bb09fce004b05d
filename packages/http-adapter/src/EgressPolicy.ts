/**
 * Where requests may go. A policy is a list of rules of which the first that matches decides; it is asked about the name and the port of
 * each request, redirects included, and again about the very address that is dialed.
 */
import * as Either from "effect/Either"
import { dual } from "effect/Function"
import { type Pipeable, pipeArguments } from "effect/Pipeable"
import { hasProperty } from "effect/Predicate"
import { parseIp } from "./internal/addressRange.ts"
import { compile, nameOf, refusalOf } from "./internal/egressRules.ts"
import { privatePlaces } from "./internal/privatePlaces.ts"

const TypeId: unique symbol = Symbol.for("@watertight/http-adapter/EgressPolicy")

/** What a rule is about. Of each list that is given one has to match; of what is not given anything matches. */
export interface Destinations {
  /** how errors call the rule */
  readonly name?: string | undefined
  /** names: `"api.example.com"`, or `"*.example.com"` for all below it */
  readonly hosts?: ReadonlyArray<string> | undefined
  /** addresses and ranges: `"10.0.0.0/8"`, `"fd00::/8"`, `"192.0.2.1"` */
  readonly addresses?: ReadonlyArray<string> | undefined
  /** ports and ranges: `443`, `"8000-8999"` */
  readonly ports?: ReadonlyArray<number | string> | undefined
  /** Unix sockets, all of them or these; other rules do not match them */
  readonly unix?: true | ReadonlyArray<string> | undefined
}

/** One rule. */
export interface Rule {
  readonly action: "allow" | "deny"
  readonly destinations: Destinations
}

/** Rules, and what becomes of a destination that none of them matches. */
export interface EgressPolicy extends Pipeable {
  readonly [TypeId]: typeof TypeId
  readonly rules: ReadonlyArray<Rule>
  readonly otherwise: "allow" | "deny"
}

/** Whether something is a policy. */
export const isEgressPolicy = (u: unknown): u is EgressPolicy => hasProperty(u, TypeId)

/** A rule that allows. */
export const allow = (destinations: Destinations): Rule => ({ action: "allow", destinations })

/** A rule that refuses. */
export const deny = (destinations: Destinations): Rule => ({ action: "deny", destinations })

/**
 * A policy of rules. What no rule matches is refused, unless `otherwise` is `"allow"`. A wrong rule fails the layer of the pool with a
 * `ConfigInvalid` that names it.
 *
 * @example
 * import { EgressPolicy, HttpPool } from "@watertight/http-adapter"
 *
 * export const live = HttpPool.layer({
 *   egress: EgressPolicy.make([
 *     EgressPolicy.deny({ name: "no mail", ports: [25, 465, 587] }),
 *     EgressPolicy.allow({ hosts: ["api.example.com", "*.cdn.example.com"], ports: [443] }),
 *     EgressPolicy.allow({ addresses: ["10.1.0.0/16"], ports: ["8000-8999"] })
 *   ])
 * })
 */
export const make = (
  rules: ReadonlyArray<Rule>,
  { otherwise = "deny" }: { readonly otherwise?: "allow" | "deny" | undefined } = {}
): EgressPolicy => ({
  [TypeId]: TypeId,
  rules,
  otherwise,
  pipe() {
    return pipeArguments(this, arguments)
  }
})

/**
 * A policy with more rules, before its own.
 *
 * @example
 * import { EgressPolicy } from "@watertight/http-adapter"
 *
 * // nothing private, besides one host
 * export const policy = EgressPolicy.publicOnly.pipe(
 *   EgressPolicy.withRules([EgressPolicy.allow({ hosts: ["vault.example.com"], addresses: ["10.0.0.0/8"], ports: [443] })])
 * )
 */
export const withRules: {
  (rules: ReadonlyArray<Rule>): (self: EgressPolicy) => EgressPolicy
  (self: EgressPolicy, rules: ReadonlyArray<Rule>): EgressPolicy
} = dual(
  2,
  (self: EgressPolicy, rules: ReadonlyArray<Rule>): EgressPolicy => make([...rules, ...self.rules], self)
)

/** Everything is allowed: the default. */
export const all: EgressPolicy = make([], { otherwise: "allow" })

/**
 * For programs that ask for URLs of others: refuses this machine, private networks and what else is not the public internet, the
 * services of clouds that give out credentials, and Unix sockets. Each group is a rule of its own, named in errors.
 *
 * @example
 * import { EgressPolicy, HttpPool } from "@watertight/http-adapter"
 *
 * export const live = HttpPool.layer({ egress: EgressPolicy.publicOnly })
 */
export const publicOnly: EgressPolicy = make(
  [...privatePlaces.map(deny), deny({ name: "Unix sockets", unix: true })],
  { otherwise: "allow" }
)

/**
 * What a policy thinks of a destination: the rule that refuses it, or `undefined`. For tests of policies. A name without an `address` is
 * taken as before it is resolved: rules about addresses have yet to decide. Throws the `ConfigInvalid` of a wrong rule.
 *
 * @example
 * import { EgressPolicy } from "@watertight/http-adapter"
 *
 * // "link-local: address 169.254.0.0/16"
 * export const rule = EgressPolicy.refusal(EgressPolicy.publicOnly, { host: "a.test", port: 80, address: "169.254.169.254" })
 */
export const refusal = (
  policy: EgressPolicy,
  to: { readonly host: string; readonly port: number; readonly address?: string | undefined } | {
    readonly unix: string
  }
): string | undefined => {
  const egress = Either.getOrThrowWith(compile(policy.rules, policy.otherwise), (error) => error)
  return "unix" in to
    ? refusalOf(egress, { host: "", port: 0, ip: undefined, unix: to.unix }, "later")
    : refusalOf(
      egress,
      { host: nameOf(to.host), port: to.port, ip: parseIp(to.address ?? to.host), unix: undefined },
      "later"
    )
}
