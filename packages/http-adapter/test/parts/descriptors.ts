/** The file descriptors of this process, by kind. Node's own counts miss idle sockets; the kernel's do not. */
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import { untilEqual } from "./waiting.ts"

const folder = "/proc/self/fd"

/** False where the kernel does not show the descriptors of a process. */
export const available: boolean = Fs.existsSync(folder)

const kindOf = (fd: string): string | undefined => {
  try {
    // "socket:[123]", "pipe:[45]", "anon_inode:[eventpoll]", or the path of a file
    const target = Fs.readlinkSync(`${folder}/${fd}`)
    return /^(\w+):/u.exec(target)?.[1] ?? "file"
  } catch {
    // The descriptor by which the folder itself was read is gone by now.
    return undefined
  }
}

/** How many there are of each kind: socket, pipe, anon_inode, file. */
export const byKind: Effect.Effect<Readonly<Record<string, number>>> = Effect.sync(() => {
  const counts: Record<string, number> = {}
  for (const fd of Fs.readdirSync(folder)) {
    const kind = kindOf(fd)
    if (kind !== undefined) counts[kind] = (counts[kind] ?? 0) + 1
  }
  return counts
})

export const sockets: Effect.Effect<number> = Effect.map(byKind, (counts) => counts["socket"] ?? 0)

/** Polls until this process holds exactly so many sockets. */
export const awaitSockets = (expected: number, limitMillis?: number): Effect.Effect<void> =>
  untilEqual("sockets of this process", sockets, expected, limitMillis)
