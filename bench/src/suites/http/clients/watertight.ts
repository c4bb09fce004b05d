import * as HttpPool from "@watertight/http-adapter/HttpPool"
import * as PooledHttpClient from "@watertight/http-adapter/PooledHttpClient"
import * as Layer from "effect/Layer"
import type { Client, Options } from "./client.ts"
import { fromLayer } from "./effect.ts"

/** `PooledHttpClient`, everything at its defaults but for the limits that the measurements themselves set. */
export const watertight = (options: Options): Client => {
  const pool = HttpPool.layer({ maxConnectionsPerHost: options.connections, maxWaitersPerHost: options.callers })
  return fromLayer(Layer.provide(PooledHttpClient.layer, pool), options)
}
