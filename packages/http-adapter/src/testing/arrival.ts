/** A request as it arrived at a server. */
import * as Headers from "@effect/platform/Headers"
import type { WireRequest } from "../internal/connection.ts"
import type { Upload } from "./upload.ts"

/** What a test sees of a request that reached a host, whether or not that answered. */
export class Arrival {
  readonly method: string
  /** with the query */
  readonly path: string
  readonly headers: Headers.Headers
  /** the connection's number, by which reuse can be seen */
  readonly connection: number
  private readonly upload: Upload

  constructor(request: WireRequest, authority: string, connection: number, upload: Upload) {
    this.method = request.method
    this.path = request.path
    this.headers = headersOf(request, authority)
    this.connection = connection
    this.upload = upload
  }

  /** as much as has arrived */
  get body(): Uint8Array {
    return this.upload.arrived
  }

  get text(): string {
    return Buffer.from(this.body).toString()
  }

  toJSON(): unknown {
    const { connection, headers, method, path } = this
    return { _id: "TestRequest", method, path, headers, connection }
  }
}

/** Methods whose requests say that they have no body. */
const withBody: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH", "QUERY", "PROPFIND", "PROPPATCH"])

/** With those that the connection itself adds. */
const headersOf = ({ body, headers, method }: WireRequest, authority: string): Headers.Headers => {
  const length = body === null
    ? withBody.has(method) ? 0 : undefined
    : typeof body === "string" || body instanceof Uint8Array
    ? Buffer.byteLength(body)
    : undefined
  const framing = headers["content-length"] !== undefined
    ? undefined
    : length !== undefined
    ? { "content-length": String(length) }
    : body === null
    ? undefined
    : { "transfer-encoding": "chunked" }
  return Headers.fromInput({ host: authority, connection: "keep-alive", ...headers, ...framing })
}
