/** Follows the log of one container, from where it was left to where the container ends, whatever happens to the engine meanwhile. */
import { Effect, Stream } from "effect"
import type { Service as Docker } from "../docker/Docker.ts"
import type { DockerError } from "../docker/DockerError.ts"
import { type Backoff, pause } from "./backoff.ts"
import * as Cursor from "./cursor.ts"
import type { EngineHealth } from "./EngineHealth.ts"
import type { Entry, Source } from "./Entry.ts"

/** What is known of a container that is followed; kept up to date by its fiber alone. */
export interface Followed {
  readonly source: Source
  state: "waiting" | "following" | "finishing" | "retrying"
  cursor: Cursor.Cursor | undefined
  /** of a log that has no cursor yet: only so many lines of its end */
  readonly tail: number | undefined
  lines: number
  retries: number
  lastFailure: string | undefined
}

export interface Surroundings {
  readonly docker: Docker
  readonly health: EngineHealth
  readonly backoff: Backoff
  /** waits while the buffer is full */
  readonly offer: (entries: ReadonlyArray<Entry>) => Effect.Effect<unknown>
}

const isTransient = ({ _tag }: DockerError): boolean => _tag === "EngineUnreachable" || _tag === "EngineFailed"

/** Ends when there is nothing left to read: the container has stopped, or is gone. */
export const follow = ({ backoff, docker, health, offer }: Surroundings, followed: Followed): Effect.Effect<void> => {
  const { source } = followed

  const read = (tty: boolean, running: boolean) =>
    Effect.suspend(() => {
      const { cursor } = followed
      const isNew = Cursor.newLines(cursor)
      return docker.logs(source.id, {
        tty,
        follow: running,
        since: cursor === undefined ? undefined : Cursor.since(cursor),
        tail: cursor === undefined ? followed.tail : undefined
      }).pipe(
        Stream.chunks,
        Stream.runForEach((lines) => {
          const entries: Array<Entry> = []
          let reached = followed.cursor
          for (const line of lines) {
            if (!isNew(line)) continue
            reached = Cursor.advance(reached, line)
            entries.push({ container: source, line, cursor: reached })
          }
          if (entries.length === 0) return Effect.void
          // Interrupted while it waits, a part of them may be in the buffer: this container is not read any further then.
          return Effect.tap(offer(entries), () =>
            Effect.sync(() => {
              followed.cursor = reached
              followed.lines += entries.length
            }))
        })
      )
    })

  /** One round: what there is to read now. True when that was all. */
  const round: Effect.Effect<boolean, DockerError> = Effect.gen(function*() {
    const { Config, State } = yield* docker.inspect(source.id)
    followed.state = State.Running ? "following" : "finishing"
    yield* read(Config.Tty, State.Running)
    // A log that was followed ends with its container, and with the engine. What it was, the next look tells; a log that was
    // followed may also lack its last lines, so one that has stopped is read once more.
    return !State.Running
  })

  const loop = (failures: number): Effect.Effect<void> =>
    Effect.suspend(() => {
      const before = followed.lines
      const again = (pausing: Effect.Effect<void>) =>
        Effect.suspend(() => {
          followed.state = "retrying"
          followed.retries += 1
          const next = followed.lines > before ? 1 : failures + 1
          return Effect.zipRight(pausing, loop(next))
        })
      return Effect.matchEffect(round, {
        onSuccess: (done) => {
          if (done) return Effect.void
          // Ended while it ran: look again at once, but not again and again.
          return failures === 0 && followed.lines > before ? loop(0) : again(pause(backoff, failures))
        },
        onFailure: (error) => {
          if (error._tag === "NotFound") return Effect.void
          followed.lastFailure = error.message
          if (!isTransient(error)) return again(pause(backoff, failures))
          // It has to be asked whether it is there even if it answers everybody else.
          return again(
            health.trouble(error).pipe(
              Effect.zipRight(pause(backoff, failures)),
              Effect.zipRight(health.available)
            )
          )
        }
      })
    })

  return loop(0)
}
