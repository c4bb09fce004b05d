/**
 * The framing of logs: 8 bytes (which stream, three zeros, the length, big endian), then the payload. Pieces of a body know nothing of
 * it, so a frame may be split anywhere, and a piece may hold many.
 */

export type LogStream = "stdout" | "stderr"

export interface Frame {
  readonly stream: LogStream
  readonly payload: Uint8Array
}

const headSize = 8
/** Engines cut lines at 16 KiB. Whoever announces more than this does not speak of logs. */
const maxPayload = 16 * 1024 * 1024

/** Why bytes are no frames. */
export class NoFrame extends Error {}

export interface FrameDecoder {
  /** The frames that are whole with these bytes. Throws `NoFrame`. */
  readonly push: (bytes: Uint8Array) => ReadonlyArray<Frame>
  /** whether a frame has begun that is not whole */
  readonly pending: () => boolean
}

/** A decoder of one body. It copies no payload that lies in one piece. */
export const decoder = (): FrameDecoder => {
  let held: Array<Uint8Array> = []
  let size = 0
  // how much there must be before anything can be done: joining the pieces each time would be quadratic
  let needed = headSize
  return {
    push: (bytes) => {
      held.push(bytes)
      size += bytes.length
      if (size < needed) return []
      const all = held.length === 1 ? bytes : Buffer.concat(held, size)
      const frames: Array<Frame> = []
      let at = 0
      needed = headSize
      while (all.length - at >= headSize) {
        const length = payloadLength(all, at)
        if (all.length - at < headSize + length) {
          needed = headSize + length
          break
        }
        // what the engine itself has to say of the log (3), and what went in (0), are not in the log
        const stream = all[at] === 1 ? "stdout" : all[at] === 2 ? "stderr" : undefined
        if (stream !== undefined) {
          frames.push({ stream, payload: all.subarray(at + headSize, at + headSize + length) })
        }
        at += headSize + length
      }
      size = all.length - at
      held = size === 0 ? [] : [all.subarray(at)]
      return frames
    },
    pending: () => size > 0
  }
}

const payloadLength = (bytes: Uint8Array, at: number): number => {
  const kind = bytes[at] ?? 0
  if (kind > 3 || bytes[at + 1] !== 0 || bytes[at + 2] !== 0 || bytes[at + 3] !== 0) {
    throw new NoFrame(`a frame cannot begin with ${Buffer.from(bytes.subarray(at, at + headSize)).toString("hex")}`)
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(at + 4)
  if (length > maxPayload) throw new NoFrame(`a frame of ${length} bytes, and no more than ${maxPayload} are allowed`)
  return length
}

/** The counterpart, for engines. */
export const encode = (stream: LogStream, payload: Uint8Array): Uint8Array => {
  const frame = Buffer.alloc(headSize + payload.length)
  frame[0] = stream === "stdout" ? 1 : 2
  frame.writeUInt32BE(payload.length, 4)
  frame.set(payload, headSize)
  return frame
}
