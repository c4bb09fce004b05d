import type { Download, Requests } from "../protocol.ts"

export interface Options {
  /** How many connections to one host at most, for every client that can be told. */
  readonly connections: number
  /** How many callers there may be at once: room in the queue, where a queue has a limit. */
  readonly callers: number
  /** Effect's own tracer, which is on unless somebody turns it off; the other clients have none. */
  readonly traced: boolean
  /** The authority that the server's certificate is signed by, where there is TLS. */
  readonly ca?: string
}

/** One way to make HTTP requests, as those who chose it would write it. */
export interface Client {
  /** Resolves when all are answered. `recorder` is told of each how long it took, if it wants to know. */
  readonly requests: (work: Requests, recorder: Recorder | undefined) => Promise<Finish>
  /** Reads a body chunk by chunk; how many bytes there were. */
  readonly download?: (work: Download) => Promise<number>
}

/** Ends the callers of the dead host, when the clock has stopped; how many requests they gave up. */
export type Finish = () => Promise<number>

export const nothingToFinish: Finish = () => Promise.resolve(0)

/** Milliseconds that each request took. */
export type Recorder = (millis: number) => void

/** A caller of a dead host gives up after this long, … */
export const PATIENCE_MILLIS = 500

/** … and tries again after this: as a caller with a policy for retries would, and not as fast as refusals come. */
export const PAUSE_MILLIS = 50
