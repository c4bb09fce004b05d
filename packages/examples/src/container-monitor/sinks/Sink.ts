/** Where entries go. */
import { Data, type Effect } from "effect"
import type { Plain } from "../monitor/Entry.ts"

export class SinkFailed extends Data.TaggedError("SinkFailed")<{ readonly sink: string; readonly reason: string }> {
  override get message(): string {
    return `${this.sink}: ${this.reason}`
  }
}

export interface Sink {
  /** under which its dead letters are kept: the same after a restart */
  readonly name: string
  /** Takes all of them or none, as far as it can tell. */
  readonly deliver: (lines: ReadonlyArray<Plain>) => Effect.Effect<void, SinkFailed>
}
