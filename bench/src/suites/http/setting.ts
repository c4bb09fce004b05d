import type { Effect, Scope } from "effect"
import type { BenchOptions } from "../../suite.ts"
import type { GoBinary } from "./goBinary.ts"
import { type Remote, startGoClient, startNodeClient, type TestServer } from "./processes.ts"

/** What the measurements share. */
export interface Setting {
  readonly options: BenchOptions
  readonly server: TestServer
  readonly go: GoBinary | undefined
}

/** One column of a comparison: a client, with Effect's tracer on or off. */
export interface Subject {
  readonly title: string
  /** The name of the client in its process (`clients/index.ts`), or `go`. */
  readonly client: string
  readonly traced?: boolean
  readonly role: "ours" | "peer" | "limit"
}

/** More callers than any measurement has. */
const MOST_CALLERS = 10_000

/** Connections to a host, for every client that can be told. */
export const CONNECTIONS = 50

const GO = "go"

export const WATERTIGHT: Subject = { title: "Watertight PooledHttpClient", client: "watertight", role: "ours" }
export const UNDICI: Subject = { title: "undici Pool.request", client: "undici-request", role: "peer" }
export const UNDICI_FETCH: Subject = { title: "undici fetch", client: "undici-fetch", role: "peer" }
export const LAYER_UNDICI: Subject = { title: "NodeHttpClient.layerUndici", client: "layer-undici", role: "peer" }
export const LAYER_NODE: Subject = { title: "NodeHttpClient.layer, keep-alive", client: "layer-node", role: "peer" }
export const LAYER_NODE_DEFAULT: Subject = {
  title: "NodeHttpClient.layer, as it is",
  client: "layer-node-default",
  role: "peer"
}
export const GOT: Subject = { title: "got", client: "got", role: "peer" }
export const AXIOS: Subject = { title: "axios", client: "axios", role: "peer" }
export const GO_HTTP: Subject = { title: "Go net/http", client: GO, role: "peer" }
export const BARE: Subject = { title: "bare sockets", client: "bare", role: "limit" }

export const traced = (subject: Subject): Subject => ({ ...subject, title: `${subject.title}, traced`, traced: true })

export const urlOf = (port: number | undefined, path: string): string => `http://127.0.0.1:${port}${path}`

/** The subjects that can take part here: Go's only where `go` is installed. */
export const present = (setting: Setting, subjects: ReadonlyArray<Subject>): ReadonlyArray<Subject> =>
  subjects.filter((subject) => subject.client !== GO || setting.go !== undefined)

export const goNote = ({ go }: Setting): string =>
  go === undefined
    ? "Go's net/http is MISSING here: `go` is not installed."
    : `Go is ${go.version}, with as many threads as it likes.`

export const startClient = ({ go }: Setting, subject: Subject): Effect.Effect<Remote, never, Scope.Scope> => {
  const options = { connections: CONNECTIONS, callers: MOST_CALLERS, traced: subject.traced ?? false }
  return subject.client === GO && go !== undefined
    ? startGoClient(go.file, options)
    : startNodeClient(subject.client, options)
}
