/** The body of a request in a form that can be sent, and sent again where that is possible. */
import type * as HttpBody from "@effect/platform/HttpBody"
import * as Stream from "effect/Stream"
import { Readable } from "node:stream"
import { RequestBodyFailed, RequestInvalid } from "../HttpError.ts"
import { multipart } from "./multipart.ts"

interface Common {
  /** in bytes, as far as it is known before it is sent */
  readonly length: number | undefined
  readonly contentType: string | undefined
  /** the type says how the body is divided, so no other one will do */
  readonly ownType: boolean
  /** sending it again would send the same */
  readonly replayable: boolean
}

export type Payload =
  | Common & { readonly kind: "bytes"; readonly bytes: Uint8Array | string | null }
  | Common & { readonly kind: "stream"; readonly stream: Stream.Stream<Uint8Array, unknown> }
  /** a stream of Node's own, which is passed on as it is */
  | Common & { readonly kind: "readable"; readonly readable: Readable }

const bytes = (body: Uint8Array | string | null, length: number, contentType?: string): Payload => ({
  kind: "bytes",
  bytes: body,
  length,
  contentType,
  ownType: false,
  replayable: true
})

const none = bytes(null, 0)

const stream = (
  body: Stream.Stream<Uint8Array, unknown>,
  known: { readonly length?: number | undefined; readonly contentType?: string; readonly replayable: boolean }
): Payload => ({
  kind: "stream",
  stream: body,
  length: known.length,
  contentType: known.contentType,
  ownType: false,
  replayable: known.replayable
})

/** The body of a request; what is wrong with it, if it is nothing that can be sent. */
export const payloadOf = (body: HttpBody.HttpBody): Payload | RequestBodyFailed | RequestInvalid => {
  switch (body._tag) {
    case "Empty":
      return none
    case "Uint8Array":
      return bytes(body.body, body.body.byteLength, body.contentType)
    case "FormData":
      return form(body.formData)
    case "Stream":
      // Whether it can be run twice, nobody can tell.
      return stream(body.stream, { length: body.contentLength, contentType: body.contentType, replayable: false })
    case "Raw":
      return raw(body.body, body.contentLength)
  }
}

const form = (data: FormData): Payload => {
  const { contentType, length, parts } = multipart(data)
  return { ...stream(parts, { length, contentType, replayable: true }), ownType: true }
}

/** Whatever other clients of Node take as a body. */
const raw = (body: unknown, length: number | undefined): Payload | RequestBodyFailed | RequestInvalid => {
  if (body === null || body === undefined) return none
  if (typeof body === "string") return bytes(body, Buffer.byteLength(body))
  if (body instanceof Uint8Array) return bytes(body, body.byteLength)
  if (body instanceof ArrayBuffer) return bytes(new Uint8Array(body), body.byteLength)
  if (ArrayBuffer.isView(body)) {
    return bytes(new Uint8Array(body.buffer, body.byteOffset, body.byteLength), body.byteLength)
  }
  if (body instanceof URLSearchParams) {
    const text = body.toString()
    return bytes(text, Buffer.byteLength(text), "application/x-www-form-urlencoded;charset=UTF-8")
  }
  if (body instanceof FormData) return form(body)
  if (body instanceof Blob) {
    const type = body.type === "" ? undefined : { contentType: body.type }
    return stream(Stream.fromReadableStream(() => body.stream() as ReadableStream<Uint8Array>, (error) => error), {
      length: body.size,
      ...type,
      replayable: true
    })
  }
  if (body instanceof Readable) {
    if (body.destroyed && !body.readableEnded) {
      return new RequestBodyFailed({ cause: body.errored ?? new Error("destroyed before") })
    }
    return { kind: "readable", readable: body, length, contentType: undefined, ownType: false, replayable: false }
  }
  if (body instanceof ReadableStream) {
    return stream(Stream.fromReadableStream(() => body as ReadableStream<Uint8Array>, (error) => error), {
      length,
      replayable: false
    })
  }
  if (isIterable(body)) {
    return stream(Stream.fromAsyncIterable(asynchronous(body), (error) => error), { length, replayable: false })
  }
  return new RequestInvalid({
    field: "body",
    value: body,
    allowed: "a text, bytes, a Blob, FormData, URLSearchParams, or a stream or iterable of bytes"
  })
}

type Bytes = Iterable<Uint8Array | string> | AsyncIterable<Uint8Array | string>

// what it yields is looked at when it is sent
const isIterable = (body: unknown): body is Bytes =>
  typeof body === "object" && body !== null && (Symbol.iterator in body || Symbol.asyncIterator in body)

async function* asynchronous(body: Bytes): AsyncGenerator<Uint8Array> {
  for await (const piece of body) yield typeof piece === "string" ? Buffer.from(piece) : piece
}
