import { Effect } from "effect"
import { mergeReports, type Suite } from "../../suite.ts"
import { deadHost } from "./deadHost.ts"
import { downloads } from "./downloads.ts"
import { buildGo } from "./goBinary.ts"
import { jsonGet } from "./jsonGet.ts"
import { latency } from "./latency.ts"
import { posts } from "./posts.ts"
import { startServer } from "./processes.ts"
import type { Setting } from "./setting.ts"

const experiments = [jsonGet, posts, downloads, latency, deadHost]

export const httpSuite: Suite = {
  name: "http",
  description: "requests, bodies, latency and a dead host, beside the other clients of the platform and of Go",
  conditions:
    "Every client runs in a process of its own, with V8's defaults; one server, another process, answers them all. Client and server " +
    "share this machine's cores.",
  peers: [
    "@watertight/http-adapter",
    "@watertight/pool",
    "effect",
    "@effect/platform",
    "@effect/platform-node",
    "undici",
    "got",
    "axios"
  ],
  run: (options) =>
    Effect.scoped(Effect.gen(function*() {
      const setting: Setting = { options, server: yield* startServer, go: yield* buildGo }
      return mergeReports(yield* Effect.forEach(experiments, (experiment) => experiment(setting)))
    }))
}
