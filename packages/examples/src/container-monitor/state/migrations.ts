/** The tables of the monitor, as they came to be. What is here never changes; what is new is added below. */
import { SqlClient } from "@effect/sql"
import { Effect } from "effect"

export const migrations = {
  "1_state": Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    yield* sql`CREATE TABLE offsets (
      container TEXT PRIMARY KEY,
      position TEXT NOT NULL,
      written_at TEXT NOT NULL
    )`
    yield* sql`CREATE TABLE dead_letters (
      id TEXT PRIMARY KEY,
      sink TEXT NOT NULL,
      container TEXT NOT NULL,
      name TEXT NOT NULL,
      stream TEXT NOT NULL,
      timestamp TEXT NOT NULL,
      line TEXT NOT NULL,
      reason TEXT NOT NULL,
      failed_at TEXT NOT NULL
    )`
    yield* sql`CREATE INDEX dead_letters_of_sinks ON dead_letters (sink, timestamp)`
  })
}
