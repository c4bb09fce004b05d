/** The body of a request on its way into a stream of HTTP/2, at the pace that the peer's windows allow. */
import type { Readable, Writable } from "node:stream"
import { RequestBodyFailed } from "../HttpError.ts"

/** `abort` hears what is wrong with the body, or with its length. Its own failure is the exchange's to tell. */
export const upload = (
  body: Readable,
  into: Writable,
  declared: number | undefined,
  abort: (error: RequestBodyFailed) => void
): void => {
  let sent = 0
  const fail = (why: string): void => abort(new RequestBodyFailed({ cause: new Error(why) }))
  const end = (): void => {
    if (declared === undefined || sent === declared) into.end()
    else fail(`its length was to be ${declared} bytes, and is ${sent}`)
  }
  if (body.readableEnded) return end()
  if (body.destroyed) return fail("destroyed before")
  body
    .on("data", (piece: unknown) => {
      if (into.destroyed) return
      if (!(piece instanceof Uint8Array) && typeof piece !== "string") {
        return fail(`a body consists of bytes, not of ${typeof piece}`)
      }
      sent += Buffer.byteLength(piece)
      if (declared !== undefined && sent > declared) {
        return fail(`its length was to be ${declared} bytes, and is more than that`)
      }
      if (!into.write(piece)) body.pause()
    })
    .on("end", end)
    .on("close", () => {
      if (!body.readableEnded && !into.destroyed) fail("destroyed before its end")
    })
  into.on("drain", () => body.resume())
}
