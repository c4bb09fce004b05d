import type { Client, Options } from "./client.ts"

type Make = (options: Options) => Client

/** Every client that runs on Node, by name. */
export const clients: Readonly<Record<string, () => Promise<Make>>> = {
  "undici-request": () => import("./undici.ts").then((module) => module.undiciRequest),
  "undici-fetch": () => import("./undici.ts").then((module) => module.undiciFetch),
  "layer-undici": () => import("./platform.ts").then((module) => module.layerUndici),
  "layer-node": () => import("./platform.ts").then((module) => module.layerNode),
  "layer-node-default": () => import("./platform.ts").then((module) => module.layerNodeDefault),
  watertight: () => import("./watertight.ts").then((module) => module.watertight),
  "watertight-h2": () => import("./http2.ts").then((module) => module.watertightHttp2),
  "undici-h2": () => import("./http2.ts").then((module) => module.undiciHttp2),
  "bare-h2": () => import("./http2.ts").then((module) => module.bareHttp2),
  got: () => import("./nodeHttp.ts").then((module) => module.gotClient),
  axios: () => import("./nodeHttp.ts").then((module) => module.axiosClient),
  bare: () => import("./bareSocket.ts").then((module) => module.bareSocket)
}
