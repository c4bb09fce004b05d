/** The bytes of a log as lines. */
import { Chunk, Effect, Stream } from "effect"
import { type DockerError, ResponseInvalid } from "./DockerError.ts"
import * as Frames from "./frames.ts"
import * as Lines from "./lines.ts"

export interface Form {
  /** a container with a terminal has one stream, and no frames */
  readonly tty: boolean
  readonly timestamps: boolean
  /** whether what is left without a newline is a line: not where the log goes on */
  readonly keepRest: boolean
}

/** Engines of API 1.42 and later say which of the two forms a log has. */
export const isRaw = (contentType: string | undefined, tty: boolean): boolean =>
  contentType === "application/vnd.docker.raw-stream" ||
  (tty && contentType !== "application/vnd.docker.multiplexed-stream")

interface Decoder {
  readonly push: (bytes: Uint8Array) => ReadonlyArray<Lines.LogLine>
  readonly end: () => ReadonlyArray<Lines.LogLine>
}

const decoderOf = ({ keepRest, timestamps, tty }: Form): Decoder => {
  const lines = Lines.decoder(timestamps)
  const rest = () => keepRest ? lines.rest() : []
  if (tty) return { push: (bytes) => lines.push("stdout", bytes), end: rest }
  const frames = Frames.decoder()
  return {
    push: (bytes) => frames.push(bytes).flatMap(({ payload, stream }) => lines.push(stream, payload)),
    end: () => {
      if (frames.pending()) throw new Frames.NoFrame("it ended within a frame")
      return rest()
    }
  }
}

/** Lines as they come; a failure where the bytes are no log. */
export const decode = (
  bytes: Stream.Stream<Uint8Array, DockerError>,
  form: Form,
  of: { readonly engine: string; readonly request: string }
): Stream.Stream<Lines.LogLine, DockerError> =>
  Stream.suspend(() => {
    const decoder = decoderOf(form)
    const attempt = (work: () => ReadonlyArray<Lines.LogLine>): Effect.Effect<
      Chunk.Chunk<Lines.LogLine>,
      ResponseInvalid
    > =>
      Effect.suspend(() => {
        try {
          return Effect.succeed(Chunk.unsafeFromArray(work()))
        } catch (error) {
          if (!(error instanceof Frames.NoFrame || error instanceof Lines.NoLine)) throw error
          return new ResponseInvalid({ ...of, reason: error.message })
        }
      })
    return bytes.pipe(
      Stream.mapChunksEffect((pieces) => attempt(() => Chunk.toReadonlyArray(pieces).flatMap(decoder.push))),
      Stream.concat(Stream.unwrap(Effect.map(attempt(decoder.end), Stream.fromChunk)))
    )
  })
