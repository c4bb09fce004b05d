/** A stream of Effect's as a stream of Node's, which is what undici sends with back-pressure. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Runtime from "effect/Runtime"
import * as RuntimeFlags from "effect/RuntimeFlags"
import * as Stream from "effect/Stream"
import { Readable } from "node:stream"
import { RequestBodyFailed } from "../HttpError.ts"

/** It begins to run when the first byte is asked for, and is interrupted when it is destroyed. */
export const outflow = (
  stream: Stream.Stream<Uint8Array, unknown>,
  runtime: Runtime.Runtime<never>,
  length: number | undefined
): Readable => {
  let sent = 0
  let fiber: Fiber.RuntimeFiber<void, never> | undefined
  /** more was asked for since the last piece: the pump may not have come to wait for it yet */
  let asked = false
  let wake: (() => void) | undefined
  const readable = new Readable({
    read: () => {
      asked = true
      if (fiber === undefined) {
        fiber = Runtime.runFork(Runtime.enableRuntimeFlag(runtime, RuntimeFlags.Interruption))(pump)
      }
      const go = wake
      wake = undefined
      go?.()
    },
    destroy: (error, done) => {
      fiber?.unsafeInterruptAsFork(FiberId.none)
      done(error)
    }
  })
  const untilAsked = Effect.async<void>((resume) => {
    if (asked) resume(Effect.void)
    else wake = () => resume(Effect.void)
  })
  const pump = Stream.runForEachChunk(stream, (chunk) =>
    Effect.suspend(() => {
      let full = false
      for (const piece of chunk) {
        if (!(piece instanceof Uint8Array)) {
          return Effect.die(new TypeError(`a body consists of bytes, not of ${typeof piece}`))
        }
        // an empty piece would end the stream of Node's, or a chunk of HTTP's
        if (piece.byteLength === 0) continue
        sent += piece.byteLength
        if (length !== undefined && sent > length) return Effect.die(new OtherLength(length, `more than ${length}`))
        asked = false
        full = !readable.push(piece)
      }
      return full ? untilAsked : Effect.void
    })).pipe(
      Effect.matchCause({
        onSuccess: () => {
          // Told here, since undici would have sent an empty body, and all is well to the peer, before it noticed.
          if (length === undefined || sent === length) readable.push(null)
          else readable.destroy(new RequestBodyFailed({ cause: new OtherLength(length, String(sent)) }))
        },
        onFailure: (cause) => {
          if (!readable.destroyed) readable.destroy(new RequestBodyFailed({ cause: Cause.squash(cause) }))
        }
      })
    )
  return readable
}

class OtherLength extends Error {
  constructor(declared: number, sent: string) {
    super(`its length was to be ${declared} bytes, and is ${sent}`)
  }
}
