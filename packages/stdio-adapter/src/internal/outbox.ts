/**
 * What waits to be written to a process. A message can be taken back until the pipe asks for it: whoever is interrupted in front of
 * a pipe that is full leaves nothing behind, and a request whose process died before that may go to another one.
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

export interface Letter {
  bytes: Uint8Array
  /** The pipe has asked for it: from now on a part of it may have arrived. */
  sent: boolean
  /** The pipe has taken it and has room for more. */
  onTaken: (() => void) | undefined
}

/** Bytes that are written together; a longer message goes by itself. */
const batchSize = 64 * 1024

const newline = new Uint8Array([10])
const nothing = new Uint8Array(0)

export class Outbox {
  private readonly queue = new Set<Letter>()
  private onWay: ReadonlyArray<Letter> = []
  private ended = false
  private wake: (() => void) | undefined = undefined

  get waiting(): number {
    return this.queue.size
  }

  post(bytes: Uint8Array, onTaken?: () => void): Letter {
    const letter: Letter = { bytes, sent: false, onTaken }
    if (!this.ended) this.queue.add(letter)
    this.rouse()
    return letter
  }

  /** Takes a letter back. Whether that was in time. */
  withdraw(letter: Letter): boolean {
    // somebody else may still have his hand on it
    letter.onTaken = undefined
    this.queue.delete(letter)
    return !letter.sent
  }

  /** Nothing is sent any more, and the pipe is ended. */
  end(): void {
    this.ended = true
    this.queue.clear()
    this.rouse()
  }

  /** What the pipe takes, as it takes it. */
  readonly stream: Stream.Stream<Uint8Array> = Stream.repeatEffectChunkOption(Effect.suspend(() => this.next()))

  private next(): Effect.Effect<Chunk.Chunk<Uint8Array>, Option.Option<never>> {
    const taken = this.onWay
    this.onWay = []
    for (const { onTaken } of taken) onTaken?.()
    if (this.queue.size > 0) return Effect.succeed(this.batch())
    return this.ended ? Effect.fail(Option.none()) : this.arrival
  }

  /** Looks again in the very step in which it begins to wait: the writer may have lost its turn since, and a letter may be there. */
  private readonly arrival: ReturnType<Outbox["next"]> = Effect.async((resume) => {
    const take = (): void => resume(Effect.suspend(() => this.next()))
    if (this.queue.size > 0 || this.ended) take()
    else this.wake = take
  })

  /**
   * A sink of the platform waits for room in front of every piece but the first, so that two pieces are what makes it wait at all.
   * The second one is empty, which costs next to nothing: written apart, a line break costs as much as its message, and wakes the
   * process twice.
   */
  private batch(): Chunk.Chunk<Uint8Array> {
    const letters: Array<Letter> = []
    let size = 0
    for (const letter of this.queue) {
      if (letters.length > 0 && size + letter.bytes.length > batchSize) break
      letters.push(letter)
      size += letter.bytes.length + 1
      this.queue.delete(letter)
      letter.sent = true
    }
    this.onWay = letters
    const [first] = letters
    // not copied for the sake of its line break
    if (first !== undefined && letters.length === 1 && size > batchSize) return Chunk.make(first.bytes, newline)
    const joined = new Uint8Array(size)
    let at = 0
    for (const { bytes } of letters) {
      joined.set(bytes, at)
      at += bytes.length
      joined.set(newline, at)
      at += 1
    }
    return Chunk.make(joined, nothing)
  }

  private rouse(): void {
    const { wake } = this
    this.wake = undefined
    wake?.()
  }
}
