/** `npm run mcp-broker`: many clients, few processes, and none of them left behind. */
import { NodeContext, NodeRuntime } from "@effect/platform-node"
import { Effect, FiberSet, Layer, Logger } from "effect"
import * as Broker from "./broker.ts"
import { read, settingsOf, usage } from "./commandLine.ts"
import { healthOf } from "./health.ts"
import * as HttpFront from "./httpFront.ts"
import { onHangUp } from "./reloading.ts"
import * as StdioFront from "./stdioFront.ts"

const program = Effect.gen(function*() {
  const given = yield* read(process.argv.slice(2))
  if (given.help === true) return yield* Effect.sync(() => console.log(usage))
  const settings = yield* settingsOf(given)
  const broker = yield* Broker.make(settings, () => ({ call: (work) => work }))
  if (given.stdio !== undefined) {
    const reason = yield* StdioFront.serve(broker, given.stdio, settings.watertight.maxBodySize)
    return yield* Effect.logInfo(`the session is over: ${reason}`)
  }
  const run = yield* FiberSet.makeRuntime<never, void>()
  let { watertight } = settings
  const front = yield* HttpFront.make(broker, () => watertight, () => ({
    "/health": (response) =>
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(healthOf(broker)))
  }), run)
  if (given.config !== undefined) {
    // Where it listens stays as it is.
    yield* onHangUp(broker, settingsOf(given), (next) => {
      watertight = { ...next.watertight, host: watertight.host, port: watertight.port }
    }, run)
  }
  for (const { name } of broker.hubs()) {
    yield* Effect.logInfo(`${name}: ${front.url}/servers/${encodeURIComponent(name)}/mcp`)
  }
  return yield* Effect.never
})

// On stdin and stdout there may be a client, so whatever is said to people goes to stderr.
const LoggerLive = Logger.replace(Logger.defaultLogger, Logger.withConsoleError(Logger.logfmtLogger))

NodeRuntime.runMain(
  program.pipe(
    Effect.scoped,
    Effect.catchTag(
      "ConfigInvalid",
      ({ message }) => Effect.zipRight(Effect.sync(() => console.error(message)), Effect.sync(() => process.exit(1)))
    ),
    Effect.provide(Layer.merge(NodeContext.layer, LoggerLive))
  ),
  { disablePrettyLogger: true }
)
