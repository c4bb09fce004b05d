/** What outlives the monitor: how far each log has been read, and the entries that no sink took. */
import { Migrator, SqlClient, type SqlError } from "@effect/sql"
import { LibsqlClient } from "@effect/sql-libsql"
import { Clock, Context, Data, Effect, Layer, Schema } from "effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { pathToFileURL } from "node:url"
import type { Cursor } from "../monitor/cursor.ts"
import { migrations } from "./migrations.ts"

export class StateFailed extends Data.TaggedError("StateFailed")<{ readonly doing: string; readonly cause: unknown }> {
  override get message(): string {
    return `the state could not be ${this.doing} (${reasonOf(this.cause)})`
  }
}

/** The innermost reason is the one that tells something. */
const reasonOf = (cause: unknown): string =>
  cause instanceof Error ? (cause.cause === undefined ? cause.message : reasonOf(cause.cause)) : String(cause)

const DeadLetterFields = {
  /** the same whenever the same entry fails at the same sink */
  id: Schema.String,
  sink: Schema.String,
  container: Schema.String,
  name: Schema.String,
  stream: Schema.String,
  timestamp: Schema.String,
  line: Schema.String,
  reason: Schema.String
}

/** An entry that a sink did not take. */
export class DeadLetter extends Schema.Class<DeadLetter>("DeadLetter")(DeadLetterFields) {}

export interface Service {
  readonly cursors: Effect.Effect<ReadonlyMap<string, Cursor>, StateFailed>
  /** Each of them by itself: a crash in between leaves the others where they were. */
  readonly saveCursors: (cursors: ReadonlyMap<string, Cursor>) => Effect.Effect<void, StateFailed>
  /** What is there already stays as it is. */
  readonly bury: (letters: ReadonlyArray<DeadLetter>) => Effect.Effect<void, StateFailed>
  /** The oldest first. */
  readonly deadLetters: (
    options?: { readonly sink?: string | undefined; readonly limit?: number | undefined }
  ) => Effect.Effect<ReadonlyArray<DeadLetter>, StateFailed>
  readonly deadLetterCount: Effect.Effect<number, StateFailed>
  readonly unbury: (ids: ReadonlyArray<string>) => Effect.Effect<void, StateFailed>
  /** Forgets logs that nobody has read for so long. */
  readonly forgetOffsets: (olderThanMillis: number) => Effect.Effect<void, StateFailed>
}

export class State extends Context.Tag("@watertight/examples/State")<State, Service>() {}

const Mark = Schema.Struct({ at: Schema.BigInt, seen: Schema.Array(Schema.String) })
const Position = Schema.parseJson(Schema.Struct({
  latest: Schema.BigInt,
  stdout: Schema.UndefinedOr(Mark).pipe(Schema.optional),
  stderr: Schema.UndefinedOr(Mark).pipe(Schema.optional)
}))

/** How many rows one statement may have: engines limit its parameters. */
const rowsAtOnce = 100

const inParts = <A, E>(
  all: ReadonlyArray<A>,
  work: (part: ReadonlyArray<A>) => Effect.Effect<unknown, E>
): Effect.Effect<void, E> =>
  Effect.forEach(
    Array.from({ length: Math.ceil(all.length / rowsAtOnce) }, (_, index) =>
      all.slice(index * rowsAtOnce, (index + 1) * rowsAtOnce)),
    work,
    { discard: true }
  )

const make = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  const now = Effect.map(Clock.currentTimeMillis, (millis) => new Date(millis).toISOString())
  const failing = (doing: string) => <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, StateFailed, R> =>
    Effect.mapError(self, (cause) => new StateFailed({ doing, cause }))

  const service: Service = {
    cursors: sql<{ container: string; position: string }>`SELECT container, position FROM offsets`.pipe(
      Effect.flatMap(
        Effect.forEach(({ container, position }) =>
          Effect.map(
            Schema.decode(Position)(position),
            ({ latest, stderr, stdout }) => [container, { latest, stdout, stderr }] as const
          )
        )
      ),
      Effect.map((all) => new Map<string, Cursor>(all)),
      failing("read")
    ),
    // Parts of a map are as good as the whole: each position is true by itself.
    saveCursors: (cursors) =>
      Effect.flatMap(now, (written_at) =>
        inParts([...cursors], (part) =>
          Effect.flatMap(
            Effect.forEach(part, ([container, cursor]) =>
              Effect.map(Schema.encode(Position)(cursor), (position) => ({ container, position, written_at }))),
            (rows) =>
              sql`INSERT INTO offsets ${sql.insert(rows)}
                ON CONFLICT (container) DO UPDATE SET position = excluded.position, written_at = excluded.written_at`
          ))).pipe(failing("written")),
    bury: (letters) =>
      Effect.flatMap(
        now,
        (failed_at) =>
          inParts(letters, (part) =>
            sql`INSERT INTO dead_letters ${
              sql.insert(part.map(({ container, id, line, name, reason, sink, stream, timestamp }) => ({
                id,
                sink,
                container,
                name,
                stream,
                timestamp,
                line,
                reason,
                failed_at
              })))
            } ON CONFLICT (id) DO NOTHING`)
      ).pipe(failing("written")),
    deadLetters: ({ limit = 1000, sink } = {}) =>
      sql`SELECT id, sink, container, name, stream, timestamp, line, reason FROM dead_letters
        ${sink === undefined ? sql`` : sql`WHERE sink = ${sink}`} ORDER BY timestamp, id LIMIT ${limit}`.pipe(
        Effect.flatMap(Schema.decodeUnknown(Schema.Array(DeadLetter))),
        failing("read")
      ),
    deadLetterCount: sql<{ count: number }>`SELECT COUNT(*) AS count FROM dead_letters`.pipe(
      Effect.map(([row]) => Number(row?.count ?? 0)),
      failing("read")
    ),
    unbury: (ids) =>
      inParts(ids, (part) => sql`DELETE FROM dead_letters WHERE ${sql.in("id", part)}`).pipe(failing("written")),
    forgetOffsets: (olderThanMillis) =>
      Effect.flatMap(
        Clock.currentTimeMillis,
        (millis) => sql`DELETE FROM offsets WHERE written_at < ${new Date(millis - olderThanMillis).toISOString()}`
      ).pipe(
        Effect.asVoid,
        failing("written")
      )
  }
  return service
})

const migrate: Effect.Effect<unknown, Migrator.MigrationError | SqlError.SqlError, SqlClient.SqlClient> = Migrator.make(
  {}
)({
  loader: Migrator.fromRecord(migrations)
})

/**
 * A position is saved with every batch. It need not be on the disk by then: after a crash of the whole machine some lines are delivered twice.
 * And who else opens the file waits for its turn, as this one does.
 */
const tuned = Effect.flatMap(
  SqlClient.SqlClient,
  (sql) =>
    Effect.all([sql`PRAGMA journal_mode = WAL`, sql`PRAGMA synchronous = NORMAL`, sql`PRAGMA busy_timeout = 5000`])
).pipe(
  Effect.mapError((cause) => new StateFailed({ doing: "opened", cause }))
)

/** The state in a file, which is made if it is not there. */
export const layerFile = (path: string): Layer.Layer<State, StateFailed> => {
  const prepared = Effect.try({
    try: () => Fs.mkdirSync(Path.dirname(path), { recursive: true }),
    catch: (cause) => new StateFailed({ doing: `opened in ${path}`, cause })
  })
  const opened = Effect.mapError(migrate, (cause) => new StateFailed({ doing: `opened in ${path}`, cause }))
  return Layer.effect(State, opened.pipe(Effect.zipRight(tuned), Effect.zipRight(make))).pipe(
    Layer.provide(Layer.unwrapEffect(Effect.map(prepared, () => LibsqlClient.layer({ url: pathToFileURL(path) }))))
  )
}
