import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Layer from "effect/Layer"
import { Agent } from "undici"
import type { Client, Options } from "./client.ts"
import { fromLayer } from "./effect.ts"

/** `layerUndici`; its agent is limited, which it is not by default. */
export const layerUndici = (options: Options): Client => {
  const dispatcher = Layer.sync(NodeHttpClient.Dispatcher, () => new Agent({ connections: options.connections }))
  return fromLayer(Layer.provide(NodeHttpClient.layerUndiciWithoutDispatcher, dispatcher), options)
}

/** `layer`, with an agent that keeps connections. */
export const layerNode = (options: Options): Client => {
  const agent = NodeHttpClient.makeAgentLayer({ keepAlive: true, maxSockets: options.connections })
  return fromLayer(Layer.provide(NodeHttpClient.layerWithoutAgent, agent), options)
}

/** `layer` as it is: a new connection for each request. */
export const layerNodeDefault = (options: Options): Client => fromLayer(NodeHttpClient.layer, options)
