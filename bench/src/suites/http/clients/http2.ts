import * as HttpPool from "@watertight/http-adapter/HttpPool"
import * as PooledHttpClient from "@watertight/http-adapter/PooledHttpClient"
import * as Layer from "effect/Layer"
import * as Http2 from "node:http2"
import { Client as UndiciClient } from "undici"
import type { Client, Options } from "./client.ts"
import { fromLayer } from "./effect.ts"
import { fromPromises } from "./promises.ts"

/** One connection of HTTP/2 for all requests, each way of having it. */

/** `PooledHttpClient`, which finds out by ALPN that the server speaks it. */
export const watertightHttp2 = (options: Options): Client =>
  fromLayer(
    Layer.provide(PooledHttpClient.layer, HttpPool.layer({ maxConnectionsPerHost: 1, tls: { ca: options.ca } })),
    options
  )

const notMeasured = (): never => {
  throw new Error("only GET is measured")
}

/** undici's own, as it is got there: one client, told that it may speak HTTP/2. */
export const undiciHttp2 = ({ ca, callers }: Options): Client => {
  let client: UndiciClient | undefined
  return fromPromises({
    get(url) {
      const { origin, pathname: path } = new URL(url)
      const connect = ca === undefined ? {} : { ca }
      const known = client ??= new UndiciClient(origin, { allowH2: true, maxConcurrentStreams: callers, connect })
      return async () => {
        const { body } = await known.request({ path, method: "GET" })
        return body.json()
      }
    },
    post: notMeasured
  })
}

/** What node:http2 costs by itself: the least that a client on it can cost. */
export const bareHttp2 = ({ ca }: Options): Client => {
  let session: Http2.ClientHttp2Session | undefined
  return fromPromises({
    get(url) {
      const { origin, pathname } = new URL(url)
      const known = session ??= Http2.connect(origin, ca === undefined ? {} : { ca })
      return () =>
        new Promise((resolve, reject) => {
          const stream = known.request({ ":path": pathname })
          let text = ""
          stream.setEncoding("utf8")
          stream
            .on("response", (headers) => {
              if (headers[":status"] !== 200) reject(new Error(`status ${headers[":status"]}`))
            })
            .on("data", (piece: string) => {
              text += piece
            })
            .on("end", () => resolve(JSON.parse(text)))
            .on("error", reject)
        })
    },
    post: notMeasured
  })
}
