/** Form data as `multipart/form-data` (RFC 7578, escaped as browsers do), with its exact length and without holding files. */
import * as Stream from "effect/Stream"
import { randomBytes } from "node:crypto"

export interface Multipart {
  readonly contentType: string
  readonly length: number
  readonly parts: Stream.Stream<Uint8Array, unknown>
}

const encoder = new TextEncoder()

const quoted = (name: string): string => name.replace(/\r\n|\r|\n/g, "%0D%0A").replace(/"/g, "%22")

export const multipart = (data: FormData): Multipart => {
  // no content can guess it
  const boundary = `----watertight-${randomBytes(16).toString("hex")}`
  const pieces: Array<Uint8Array | Blob> = []
  for (const [name, value] of data) {
    const disposition = `--${boundary}\r\ncontent-disposition: form-data; name="${quoted(name)}"`
    if (typeof value === "string") {
      const text = value.replace(/\r\n|\r|\n/g, "\r\n")
      pieces.push(encoder.encode(`${disposition}\r\n\r\n${text}\r\n`))
    } else {
      const type = value.type === "" ? "application/octet-stream" : value.type
      const head = `${disposition}; filename="${quoted(value.name)}"\r\ncontent-type: ${type}\r\n\r\n`
      pieces.push(encoder.encode(head), value, encoder.encode("\r\n"))
    }
  }
  pieces.push(encoder.encode(`--${boundary}--\r\n`))
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    length: pieces.reduce((sum, piece) => sum + (piece instanceof Blob ? piece.size : piece.byteLength), 0),
    parts: Stream.flatMap(Stream.fromIterable(pieces), (piece) =>
      piece instanceof Blob
        // a Blob yields bytes; its type does not say so
        ? Stream.fromReadableStream(() => piece.stream() as ReadableStream<Uint8Array>, (error) => error)
        : Stream.succeed(piece))
  }
}
