/** Frames of HTTP/2 as bytes, right or wrong: what a server of Node's would never send. */

export const Type = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
  origin: 12
} as const

export const Code = { none: 0, protocol: 1, internal: 2, refused: 7, cancel: 8, calm: 11 } as const

/** Settings by their numbers in RFC 9113. */
export const Setting = { maxConcurrentStreams: 3, initialWindowSize: 4 } as const

const END_STREAM = 1
const ACK = 1
const END_HEADERS = 4

export interface Frame {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

export const frame = (type: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer => {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

export const settings = (values: Readonly<Record<number, number>> = {}): Buffer =>
  frame(
    Type.settings,
    0,
    0,
    Buffer.concat(
      Object.entries(values).map(([id, value]) => {
        const bytes = Buffer.alloc(6)
        bytes.writeUInt16BE(Number(id))
        bytes.writeUInt32BE(value, 2)
        return bytes
      })
    )
  )

export const settingsAck: Buffer = frame(Type.settings, ACK, 0)

/** A length of HPACK, with so many bits of the first byte to itself. */
const length = (value: number, bits: number): Buffer => {
  const most = 2 ** bits - 1
  if (value < most) return Buffer.from([value])
  const bytes = [most]
  let rest = value - most
  while (rest >= 128) {
    bytes.push((rest % 128) + 128)
    rest = Math.floor(rest / 128)
  }
  return Buffer.from([...bytes, rest])
}

/** Fields of HPACK, each in full: nothing of it is remembered. */
const block = (fields: ReadonlyArray<readonly [name: string, value: string]>): Buffer =>
  Buffer.concat(fields.flatMap(([name, value]) => [
    Buffer.from([0]),
    length(name.length, 7),
    Buffer.from(name, "latin1"),
    length(value.length, 7),
    Buffer.from(value, "latin1")
  ]))

export const headers = (
  stream: number,
  fields: ReadonlyArray<readonly [name: string, value: string]> = [[":status", "200"]],
  { last = false, whole = true }: { readonly last?: boolean; readonly whole?: boolean } = {}
): Buffer => frame(Type.headers, (last ? END_STREAM : 0) | (whole ? END_HEADERS : 0), stream, block(fields))

export const continuation = (
  stream: number,
  fields: ReadonlyArray<readonly [name: string, value: string]>,
  whole = false
): Buffer => frame(Type.continuation, whole ? END_HEADERS : 0, stream, block(fields))

export const data = (stream: number, payload: string | Uint8Array, last = false): Buffer =>
  frame(Type.data, last ? END_STREAM : 0, stream, Buffer.from(payload))

export const reset = (stream: number, code: number): Buffer => frame(Type.reset, 0, stream, uint32(code))

export const goaway = (lastStream: number, code: number = Code.none): Buffer =>
  frame(Type.goaway, 0, 0, Buffer.concat([uint32(lastStream), uint32(code)]))

export const ping = (payload: Uint8Array = Buffer.alloc(8), ack = false): Buffer =>
  frame(Type.ping, ack ? ACK : 0, 0, payload)

export const pushPromise = (stream: number, promised: number): Buffer =>
  frame(
    Type.pushPromise,
    END_HEADERS,
    stream,
    Buffer.concat([
      uint32(promised),
      block([[":method", "GET"], [":scheme", "http"], [":authority", "a"], [":path", "/"]])
    ])
  )

export const origins = (names: ReadonlyArray<string>): Buffer =>
  frame(
    Type.origin,
    0,
    0,
    Buffer.concat(names.map((name) => {
      const bytes = Buffer.alloc(2)
      bytes.writeUInt16BE(name.length)
      return Buffer.concat([bytes, Buffer.from(name)])
    }))
  )

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

/** Takes bytes as they come, and gives the frames in them. */
export const reader = (onFrame: (frame: Frame) => void): (bytes: Buffer) => void => {
  let rest = Buffer.alloc(0)
  let begun = false
  return (bytes) => {
    rest = Buffer.concat([rest, bytes])
    if (!begun && rest.length >= preface.length) {
      rest = rest.subarray(preface.length)
      begun = true
    }
    while (begun && rest.length >= 9) {
      const size = rest.readUIntBE(0, 3)
      if (rest.length < 9 + size) return
      const stream = rest.readUInt32BE(5) & 0x7fffffff
      const one = { type: rest.readUInt8(3), flags: rest.readUInt8(4), stream, payload: rest.subarray(9, 9 + size) }
      rest = rest.subarray(9 + size)
      onFrame(one)
    }
  }
}

export const isAck = ({ flags }: Frame): boolean => (flags & ACK) !== 0
