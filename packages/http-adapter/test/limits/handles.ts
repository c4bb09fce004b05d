/** Counts the streams that decompress: how many were at work, and how many of them are still open. */
import { Effect, type Scope } from "effect"
import type { Transform } from "node:stream"
import Zlib from "node:zlib"

export interface Handles {
  readonly made: () => number
  readonly open: () => number
}

/** What all streams of zlib have from one prototype, whatever they decode. */
const base = (): Transform => {
  let proto: Transform = Zlib.Gunzip.prototype
  while (!Object.hasOwn(proto, "_transform")) proto = Object.getPrototypeOf(proto)
  return proto
}

export const watchHandles: Effect.Effect<Handles, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => {
    const proto = base()
    const transform = proto._transform
    const streams = new Set<Transform>()
    proto._transform = function(this: Transform, ...args) {
      streams.add(this)
      transform.apply(this, args)
    }
    return {
      made: () => streams.size,
      open: () => [...streams].filter(({ closed }) => !closed).length,
      restore: () => {
        proto._transform = transform
      }
    }
  }),
  ({ restore }) => Effect.sync(restore)
)
