/** The codings of bodies that Node can undo. */
import type { Transform } from "node:stream"
import * as Zlib from "node:zlib"
import { ZstdFrames } from "./zstdFrames.ts"

/** A coding that is being undone. */
export interface Undoing {
  readonly stream: Transform
  /** tells whether all has come, where the stream does not notice */
  readonly frames?: ZstdFrames
}

/** Begins to undo a coding, for a body that begins so. */
export type Undo = (first: Uint8Array) => Undoing

/** Fewer, larger pieces than Node's 16 KiB: each is a turn of the thread pool. */
const chunkSize = 64 * 1024

const gzip: Undo = () => ({ stream: Zlib.createGunzip({ chunkSize }) })

/** It is to be in the format of zlib, but some servers leave that out, as the first byte shows. */
const deflate: Undo = ([first = 0]) => ({
  stream: (first & 0x0f) === 8 ? Zlib.createInflate({ chunkSize }) : Zlib.createInflateRaw({ chunkSize })
})

const undoing = new Map<string, Undo>([
  ["gzip", gzip],
  ["x-gzip", gzip],
  ["deflate", deflate],
  ["br", () => ({ stream: Zlib.createBrotliDecompress({ chunkSize }) })]
])

/** Node has it from 22.15 on; its types here are those of the oldest version that will do. */
interface Zstd {
  readonly createZstdDecompress?: (options: Zlib.ZlibOptions & { readonly params: Record<number, number> }) => Transform
  readonly constants: Readonly<Record<string, number | undefined>>
}
const { constants: { ZSTD_d_windowLogMax }, createZstdDecompress }: Zstd = Zlib

if (createZstdDecompress !== undefined && ZSTD_d_windowLogMax !== undefined) {
  // RFC 9659: in HTTP no window is larger than 8 MiB, so nobody has to give more memory
  const params = { [ZSTD_d_windowLogMax]: 23 }
  undoing.set("zstd", () => ({ stream: createZstdDecompress({ chunkSize, params }), frames: new ZstdFrames() }))
}

/** What we tell servers that we can undo. */
export const accepted = [...undoing.keys()].filter((name) => name !== "x-gzip").join(", ")

/** How to undo what a header says, the last coding first; `undefined` where nothing is to be undone, or not all can be. */
export const undoOf = (contentEncoding: string): ReadonlyArray<Undo> | undefined => {
  const undos: Array<Undo> = []
  for (const part of contentEncoding.toLowerCase().split(",").toReversed()) {
    const name = part.trim()
    if (name === "" || name === "identity") continue
    const undo = undoing.get(name)
    if (undo === undefined) return undefined
    undos.push(undo)
  }
  return undos.length === 0 ? undefined : undos
}
