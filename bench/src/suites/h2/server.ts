import { createSecureServer } from "node:http2"
import { ANSWER } from "../http/answer.ts"
import { serve, usage } from "../http/protocol.ts"
import type { Certificate } from "./certificate.ts"

/** The server of the benchmark, a process of its own: `server.js <certificate as JSON>`. It answers every request with the same JSON. */

// The suite writes it.
const certificate = JSON.parse(process.argv[2] ?? "") as Certificate
const server = createSecureServer({ ...certificate, settings: { maxConcurrentStreams: 1_000 } })
server.on("stream", (stream) => {
  stream.on("error", () => undefined)
  stream.resume()
  stream.respond({ ":status": 200, "content-type": "application/json", "content-length": ANSWER.length })
  stream.end(ANSWER)
})
server.listen(0, "127.0.0.1", () => {
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("the server has no port")
  serve(address.port, () => Promise.resolve(usage()))
})
