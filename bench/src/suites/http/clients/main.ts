import { register } from "node:module"
import type { Options } from "./client.ts"

/** A client's process: `main.js <name> <options as JSON>`. It loads that client alone. */
register("../../../resolveBuilt.js", import.meta.url)

const { clients } = await import("./index.ts")
const { perform } = await import("./perform.ts")
const { serve } = await import("../protocol.ts")

const [name = "", options = ""] = process.argv.slice(2)
const make = clients[name]
if (make === undefined) throw new Error(`there is no client "${name}"`)
// The suite writes it.
const client = (await make())(JSON.parse(options) as Options)
serve(null, (task) => perform(client, task))
