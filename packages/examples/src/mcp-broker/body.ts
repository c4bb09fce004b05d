/** The body of a request, read up to a limit. */
import type { IncomingMessage } from "node:http"

/** What came of reading; `left` means that the client went away. */
export type Body = { readonly value: unknown } | "tooLarge" | "notJson" | "left"

export const read = (request: IncomingMessage, limit: number): Promise<Body> =>
  new Promise((resolve) => {
    if (Number(request.headers["content-length"] ?? 0) > limit) return resolve("tooLarge")
    const chunks: Array<Buffer> = []
    let size = 0
    request.on("data", (chunk: Buffer) => {
      size += chunk.length
      if (size <= limit) return void chunks.push(chunk)
      request.pause()
      resolve("tooLarge")
    })
    request.once("end", () => {
      try {
        resolve({ value: JSON.parse(Buffer.concat(chunks).toString("utf8")) })
      } catch {
        resolve("notJson")
      }
    })
    request.once("error", () => resolve("left"))
    request.once("close", () => resolve("left"))
  })
