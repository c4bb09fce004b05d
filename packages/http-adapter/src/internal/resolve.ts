/** Node's two resolvers: the system's, and its own client for name servers. */
import type { Connector } from "@watertight/pool"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Dns from "node:dns/promises"
import { ResolveFailed } from "../HttpError.ts"

type Resolve = (hostname: string) => Effect.Effect<Connector.Resolution, ResolveFailed>

/** In the order that the system prefers. It cannot be cancelled: whoever is interrupted leaves it behind. */
export const bySystem: Resolve = (hostname) =>
  Effect.tryPromise({
    try: async () => {
      const found = await Dns.lookup(hostname, { all: true, verbatim: true })
      return { addresses: found.map(({ address }) => address) }
    },
    catch: (cause) => new ResolveFailed({ hostname, cause })
  })

export const byDns = (options: {
  readonly servers?: ReadonlyArray<string> | undefined
  readonly timeout?: Duration.DurationInput | undefined
  readonly tries?: number | undefined
}): Resolve => {
  const timeout = Duration.toMillis(options.timeout ?? "1 second")
  const tries = options.tries ?? 2
  const make = (): Dns.Resolver => {
    const resolver = new Dns.Resolver({ timeout, tries })
    if (options.servers !== undefined) resolver.setServers(options.servers)
    return resolver
  }
  // a wrong address of a server is told when the layer is built
  make()
  return (hostname) =>
    Effect.async((resume) => {
      // one per question: cancelling ends all questions of a resolver
      const resolver = make()
      ask(resolver, hostname).then(
        (resolution) => resume(Effect.succeed(resolution)),
        (cause: unknown) => resume(Effect.fail(new ResolveFailed({ hostname, cause })))
      )
      return Effect.sync(() => resolver.cancel())
    })
}

const ask = async (resolver: Dns.Resolver, hostname: string): Promise<Connector.Resolution> => {
  const [six, four] = await Promise.allSettled([
    resolver.resolve6(hostname, { ttl: true }),
    resolver.resolve4(hostname, { ttl: true })
  ])
  // Some name servers fail for the kind that a host does not have, so one good answer is enough.
  const found = [six, four].flatMap((answer) => answer.status === "fulfilled" ? answer.value : [])
  if (found.length === 0) throw four.status === "rejected" ? four.reason : new Error("no address")
  const ttl = Duration.seconds(Math.min(...found.map((record) => record.ttl)))
  return { addresses: found.map(({ address }) => address), ttl }
}
