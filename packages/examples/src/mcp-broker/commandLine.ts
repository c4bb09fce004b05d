/** What the broker is told on its command line. */
import { Effect } from "effect"
import { parseArgs } from "node:util"
import { builtIn } from "./builtIn.ts"
import { type BrokerConfig, ConfigInvalid, decode, load } from "./config.ts"

export const usage = `npm run mcp-broker -- [--config mcp.json] [--port 4180] [--stdio NAME]

  --config FILE  mcpServers, as clients have them; without it there is an example
  --port PORT    instead of the one in the settings; 0 for any
  --stdio NAME   serves that one server on stdin and stdout, instead of all by HTTP
  --help         this`

const options = {
  config: { type: "string" },
  port: { type: "string" },
  stdio: { type: "string" },
  help: { type: "boolean" }
} as const

export interface Arguments {
  readonly config?: string | undefined
  readonly port?: string | undefined
  readonly stdio?: string | undefined
  readonly help?: boolean | undefined
}

export const read = (args: ReadonlyArray<string>): Effect.Effect<Arguments, ConfigInvalid> =>
  Effect.try({
    try: () => parseArgs({ args: [...args], options }).values,
    catch: (error) =>
      new ConfigInvalid({
        field: "the command line",
        value: args.join(" "),
        allowed: error instanceof Error ? `see --help (${error.message})` : "see --help"
      })
  })

export const settingsOf = ({ config, port }: Arguments): Effect.Effect<BrokerConfig, ConfigInvalid> =>
  Effect.gen(function*() {
    if (config === undefined) yield* Effect.logInfo("no --config, so this serves a built-in example server")
    const settings = config === undefined ? yield* decode(builtIn) : yield* load(config)
    if (port === undefined) return settings
    const number = Number(port)
    if (!Number.isInteger(number) || number < 0 || number > 65_535) {
      return yield* new ConfigInvalid({ field: "--port", value: port, allowed: "a port, or 0 for any" })
    }
    return { ...settings, watertight: { ...settings.watertight, port: number } }
  })
