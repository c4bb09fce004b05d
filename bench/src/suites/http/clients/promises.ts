import { setTimeout as pause } from "node:timers/promises"
import { expectAnswer } from "../answer.ts"
import type { Download, Requests } from "../protocol.ts"
import { type Client, type Finish, nothingToFinish, PATIENCE_MILLIS, PAUSE_MILLIS, type Recorder } from "./client.ts"

/** What a client made of promises can do; each returns the parsed JSON. What can be prepared per URL is. */
export interface PromiseClient {
  readonly get: (url: string) => (signal?: AbortSignal) => PromiseLike<unknown>
  readonly post: (url: string, body: Buffer) => () => PromiseLike<unknown>
  readonly download?: (url: string) => Promise<AsyncIterable<Uint8Array>>
}

/** Loops of `await`, the plainest way to call such a client. */
const loops = async (client: PromiseClient, work: Requests, recorder: Recorder | undefined): Promise<void> => {
  const body = work.postBytes > 0 ? Buffer.alloc(work.postBytes) : undefined
  let started = 0
  const caller = async (url: string): Promise<void> => {
    const request = body === undefined ? client.get(url) : client.post(url, body)
    while (started < work.requests) {
      started += 1
      const start = recorder === undefined ? 0 : performance.now()
      expectAnswer(await request())
      if (recorder !== undefined) recorder(performance.now() - start)
    }
  }
  await Promise.all(
    Array.from({ length: work.callers }, (_, index) => caller(work.urls[index % work.urls.length] ?? ""))
  )
}

const impatientLoops = (client: PromiseClient, dead: NonNullable<Requests["dead"]>): Finish => {
  const end = new AbortController()
  let givenUp = 0
  const caller = async (): Promise<void> => {
    const request = client.get(dead.url)
    while (!end.signal.aborted) {
      try {
        await request(AbortSignal.any([end.signal, AbortSignal.timeout(PATIENCE_MILLIS)]))
      } catch {
        givenUp += 1
      }
      await pause(PAUSE_MILLIS, undefined, { signal: end.signal }).catch(() => undefined)
    }
  }
  const ended = Promise.all(Array.from({ length: dead.callers }, caller))
  return async () => {
    end.abort()
    await ended
    return givenUp
  }
}

export const fromPromises = (client: PromiseClient): Client => ({
  async requests(work, recorder) {
    const stop = work.dead === undefined ? nothingToFinish : impatientLoops(client, work.dead)
    await loops(client, work, recorder)
    return stop
  },
  ...(client.download === undefined ? {} : { download: downloadOf(client.download) })
})

const downloadOf = (open: NonNullable<PromiseClient["download"]>) => async (work: Download): Promise<number> => {
  let bytes = 0
  for await (const chunk of await open(work.url)) bytes += chunk.length
  return bytes
}
