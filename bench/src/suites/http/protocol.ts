import { createInterface } from "node:readline"

/**
 * What the suite asks of its processes: one line of JSON each way. Every client has a process of its own, with V8's
 * defaults as its users have them, so that CPU time is that client's alone and no client optimises or litters for another.
 */

export interface Requests {
  readonly do: "requests"
  /** Caller i keeps to `urls[i % urls.length]`. */
  readonly urls: ReadonlyArray<string>
  /** How many loops share the requests, each with one request at a time. */
  readonly callers: number
  readonly requests: number
  /** 0 for a GET, else a POST of so many bytes. The answer is the same JSON, which is read and parsed. */
  readonly postBytes: number
  /** Whether to time each request. */
  readonly latency: boolean
  /** Callers of a host that does not answer, meanwhile: each gives up after a while, pauses, and tries again. */
  readonly dead?: { readonly url: string; readonly callers: number }
}

export interface Download {
  readonly do: "download"
  readonly url: string
  readonly bytes: number
}

/** What a process has used so far: asked of the server before and after a sample. */
export interface Usage {
  readonly do: "usage"
}

export type Task = Requests | Download | Usage

export interface Quantiles {
  readonly p50: number
  readonly p99: number
  readonly p999: number
}

export interface Done {
  readonly cpuNanos: number
  readonly wallNanos: number
  /** Milliseconds. */
  readonly latency?: Quantiles
  /** Bytes; absent where the system does not tell. */
  readonly memory?: { readonly before: number; readonly peak: number }
  /** How many requests to the dead host were given up. */
  readonly givenUp?: number
}

export type Reply<A> = { readonly ok: true; readonly value: A } | { readonly ok: false; readonly message: string }

const write = (reply: Reply<unknown>): boolean => process.stdout.write(`${JSON.stringify(reply)}\n`)

/** Serves tasks until the parent closes the pipe, or ends: nobody is left behind. */
export const serve = (ready: unknown, perform: (task: Task) => Promise<Done>): void => {
  const lines = createInterface({ input: process.stdin })
  lines.on("line", (line) => {
    // The parent writes nothing else.
    const task = JSON.parse(line) as Task
    perform(task).then(
      (value) => write({ ok: true, value }),
      (error: unknown) =>
        write({ ok: false, message: error instanceof Error ? error.stack ?? error.message : String(error) })
    )
  })
  lines.on("close", () => process.exit(0))
  write({ ok: true, value: ready })
}

export const usage = (): { readonly cpuNanos: number; readonly wallNanos: number } => {
  const { system, user } = process.cpuUsage()
  return { cpuNanos: (user + system) * 1_000, wallNanos: Number(process.hrtime.bigint()) }
}
