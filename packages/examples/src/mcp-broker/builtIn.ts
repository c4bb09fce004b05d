/** What the broker serves when nobody says what. */
import { fileURLToPath } from "node:url"

/** One server of our own, that every machine with the repository can start. */
export const builtIn = {
  mcpServers: {
    example: {
      command: process.execPath,
      args: [...process.execArgv, fileURLToPath(new URL("exampleServer.ts", import.meta.url))]
    }
  }
}
