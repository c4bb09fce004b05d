import { HttpPool, PooledHttpClient } from "@watertight/http-adapter"
import { Layer } from "effect"
import type { Client, Options } from "./client.ts"
import { fromLayer } from "./effect.ts"

/** `PooledHttpClient`, everything at its defaults but for the limits that the measurements themselves set. */
export const watertight = (options: Options): Client => {
  const pool = HttpPool.layer({ maxConnectionsPerHost: options.connections, maxWaitersPerHost: options.callers })
  return fromLayer(Layer.provide(PooledHttpClient.layer, pool), options)
}
