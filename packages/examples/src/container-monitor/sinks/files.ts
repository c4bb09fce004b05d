/** A sink that writes NDJSON into a file, and begins another one when that is full. */
import { Effect, type Scope } from "effect"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import { ndjson } from "../monitor/Entry.ts"
import { type Sink, SinkFailed } from "./Sink.ts"

export interface Options {
  readonly path: string
  /** a file is full when it is this large; by default 64 MiB */
  readonly maxBytes?: number | undefined
  /** how many full files are kept, as `path.1` (the latest), `path.2` and so on; by default 5 */
  readonly keep?: number | undefined
}

/** Ends with the scope, with its file closed. */
export const make = (
  { keep = 5, maxBytes = 64 * 1024 * 1024, path }: Options
): Effect.Effect<Sink, SinkFailed, Scope.Scope> =>
  Effect.gen(function*() {
    const name = `file:${path}`
    const attempt = <A>(work: () => Promise<A>) =>
      Effect.tryPromise({
        try: work,
        catch: (error) => new SinkFailed({ sink: name, reason: error instanceof Error ? error.message : String(error) })
      })
    const openFile = async () => {
      const file = await Fs.open(path, "a")
      return { file, size: (await file.stat()).size }
    }
    yield* attempt(() => Fs.mkdir(Path.dirname(path), { recursive: true }))
    let current: Awaited<ReturnType<typeof openFile>> | undefined
    const close = async () => {
      await current?.file.close()
      current = undefined
    }
    const rotate = async () => {
      await close()
      await Fs.rm(`${path}.${keep}`, { force: true })
      for (let number = keep - 1; number > 0; number--) {
        await Fs.rename(`${path}.${number}`, `${path}.${number + 1}`).catch((error: NodeJS.ErrnoException) => {
          if (error.code !== "ENOENT") throw error
        })
      }
      await (keep === 0 ? Fs.rm(path) : Fs.rename(path, `${path}.1`))
    }
    const write = async (bytes: Uint8Array) => {
      if (current !== undefined && current.size > 0 && current.size + bytes.length > maxBytes) await rotate()
      current ??= await openFile()
      const { file, size } = current
      try {
        await file.appendFile(bytes)
        current.size = size + bytes.length
      } catch (error) {
        // What was written of it will be written again.
        await file.truncate(size).catch(() => undefined)
        await close().catch(() => undefined)
        throw error
      }
    }
    yield* attempt(async () => {
      current = await openFile()
    })
    yield* Effect.addFinalizer(() => Effect.ignore(attempt(close)))
    return { name, deliver: (lines) => attempt(() => write(Buffer.from(ndjson(lines)))) }
  })
