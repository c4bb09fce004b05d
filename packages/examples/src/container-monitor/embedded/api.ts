/** The part of Docker's API that the built-in engine serves. */
import type { IncomingMessage, ServerResponse } from "node:http"
import * as ApiVersion from "../docker/apiVersion.ts"
import * as Timestamp from "../docker/timestamp.ts"
import type { EmbeddedContainer } from "./container.ts"
import { type Cut, logQuery, sendLog } from "./sending.ts"

export interface Happened {
  readonly action: string
  readonly container: EmbeddedContainer
  readonly at: Timestamp.Nanos
}

/** What the API needs of the engine. */
export interface Engine {
  readonly version: { readonly min: string; readonly max: string }
  readonly containers: ReadonlyMap<string, EmbeddedContainer>
  readonly events: ReadonlyArray<Happened>
  readonly cut: Cut
  readonly isClosing: () => boolean
  readonly start: (container: EmbeddedContainer) => void
  readonly stop: (container: EmbeddedContainer) => void
  readonly remove: (container: EmbeddedContainer) => void
  /** calls back for each event, and when the engine closes; returns how to stop that */
  readonly listen: (changed: () => void) => () => void
}

const json = (response: ServerResponse, status: number, body: unknown): void => {
  const text = JSON.stringify(body)
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) }).end(
    text
  )
}

const refuse = (response: ServerResponse, status: number, message: string): void => json(response, status, { message })

type Filters = Readonly<Record<string, ReadonlyArray<string>>>

/** A list, or an object with keys that are true: engines take both. `undefined` for neither. */
const filtersOf = (text: string | null): Filters | undefined => {
  if (text === null || text === "") return {}
  try {
    // what it is, is looked at next
    const parsed = JSON.parse(text) as unknown
    if (typeof parsed !== "object" || parsed === null) return undefined
    return Object.fromEntries(
      Object.entries(parsed).map(([name, values]: [string, unknown]) => [
        name,
        Array.isArray(values) ? values.map(String) : Object.keys(values ?? {})
      ])
    )
  } catch {
    return undefined
  }
}

/** Whether one of the values holds, or none is given. */
const some = (values: ReadonlyArray<string> | undefined, holds: (value: string) => boolean): boolean =>
  values === undefined || values.length === 0 || values.some(holds)

const hasLabel = (container: EmbeddedContainer) => (label: string): boolean => {
  const [name = "", value] = label.split("=", 2)
  return Object.hasOwn(container.labels, name) && (value === undefined || container.labels[name] === value)
}

const matches = (container: EmbeddedContainer, filters: Filters): boolean =>
  some(filters["id"], (id) => container.id.startsWith(id)) &&
  some(filters["name"], (name) => container.name.includes(name)) &&
  some(filters["status"], (status) => status === stateOf(container)) &&
  (filters["label"] ?? []).every(hasLabel(container))

const stateOf = (container: EmbeddedContainer): string => container.running ? "running" : "exited"

const summary = (container: EmbeddedContainer) => ({
  Id: container.id,
  Names: [`/${container.name}`],
  Image: container.image,
  State: stateOf(container),
  Status: container.running ? "Up" : `Exited (${container.exitCode})`,
  Labels: container.labels
})

const details = (container: EmbeddedContainer) => ({
  Id: container.id,
  Name: `/${container.name}`,
  RestartCount: container.restarts,
  State: {
    Status: stateOf(container),
    Running: container.running,
    ExitCode: container.exitCode,
    StartedAt: Timestamp.format(container.startedAt),
    FinishedAt: Timestamp.format(container.finishedAt)
  },
  Config: { Image: container.image, Tty: container.tty, Labels: container.labels }
})

const sendEvents = (engine: Engine, params: URLSearchParams, filters: Filters, response: ServerResponse): void => {
  const since = params.get("since")
  const from = since === null ? undefined : Timestamp.fromSeconds(since)
  let next = from === undefined ? engine.events.length : 0
  const pump = (): void => {
    for (; next < engine.events.length; next++) {
      const event = engine.events[next]
      if (event === undefined || (from !== undefined && event.at < from)) continue
      const { action, at, container } = event
      if (!some(filters["event"], (one) => one === action) || !(filters["label"] ?? []).every(hasLabel(container))) {
        continue
      }
      const attributes = { ...container.labels, image: container.image, name: container.name }
      const actor = { ID: container.id, Attributes: attributes }
      const body = {
        Type: "container",
        Action: action,
        Actor: actor,
        time: Number(at / 1_000_000_000n),
        timeNano: Number(at)
      }
      response.write(`${JSON.stringify(body)}\n`)
    }
    if (engine.isClosing()) response.end()
  }
  response.writeHead(200, { "content-type": "application/json" }).flushHeaders()
  response.once("close", engine.listen(pump))
  pump()
}

/** Answers one request. */
export const answer = (engine: Engine, request: IncomingMessage, response: ServerResponse): void => {
  const url = new URL(request.url ?? "/", "http://engine")
  response.setHeader("api-version", engine.version.max).setHeader("server", "Watertight/embedded (linux)")
  const [, version, path = ""] = /^(?:\/v(\d+\.\d+))?(\/.*)$/u.exec(url.pathname) ?? []
  if (version !== undefined && (ApiVersion.compare(version, engine.version.max) ?? 1) > 0) {
    return refuse(
      response,
      400,
      `client version ${version} is too new. Maximum supported API version is ${engine.version.max}`
    )
  }
  if (version !== undefined && (ApiVersion.compare(version, engine.version.min) ?? -1) < 0) {
    return refuse(
      response,
      400,
      `client version ${version} is too old. Minimum supported API version is ${engine.version.min}`
    )
  }
  const filters = filtersOf(url.searchParams.get("filters"))
  if (filters === undefined) return refuse(response, 400, "filters: invalid JSON")
  switch (`${request.method} ${path}`) {
    case "HEAD /_ping":
      response.writeHead(200, { "content-length": 2 }).end()
      return
    case "GET /_ping":
      response.writeHead(200, { "content-type": "text/plain", "content-length": 2 }).end("OK")
      return
    case "GET /version":
      return json(response, 200, {
        Version: "embedded",
        ApiVersion: engine.version.max,
        MinAPIVersion: engine.version.min,
        Os: process.platform,
        Arch: process.arch
      })
    case "GET /containers/json": {
      const all = ["1", "true"].includes(url.searchParams.get("all") ?? "") || filters["status"] !== undefined
      const found = [...engine.containers.values()].filter((one) => (all || one.running) && matches(one, filters))
      return json(response, 200, found.map(summary))
    }
    case "GET /events":
      return sendEvents(engine, url.searchParams, filters, response)
    default:
      return ofContainer(engine, `${request.method} ${path}`, url.searchParams, response)
  }
}

const ofContainer = (engine: Engine, what: string, params: URLSearchParams, response: ServerResponse): void => {
  const [, method = "", id = "", action = ""] = /^([A-Z]+) \/containers\/([^/]+)(?:\/(\w+))?$/u.exec(what) ?? []
  if (id === "") return refuse(response, 404, "page not found")
  const name = decodeURIComponent(id)
  const container = [...engine.containers.values()].find((one) =>
    one.id === name || one.name === name || (name.length >= 6 && one.id.startsWith(name))
  )
  if (container === undefined) return refuse(response, 404, `No such container: ${name}`)
  switch (`${method} ${action}`.trim()) {
    case "GET json":
      return json(response, 200, details(container))
    case "GET logs": {
      const query = logQuery(params)
      if (!query.stdout && !query.stderr) {
        return refuse(response, 400, "Bad parameters: you must choose at least one stream")
      }
      const form = container.tty ? "application/vnd.docker.raw-stream" : "application/vnd.docker.multiplexed-stream"
      response.setHeader("content-type", form)
      sendLog(container, query, response, engine.cut, engine.isClosing)
      return
    }
    case "POST start":
      if (container.running) return void response.writeHead(304).end()
      engine.start(container)
      return void response.writeHead(204).end()
    case "POST stop":
      if (!container.running) return void response.writeHead(304).end()
      engine.stop(container)
      return void response.writeHead(204).end()
    case "DELETE":
      if (container.running && !["1", "true"].includes(params.get("force") ?? "")) {
        return refuse(response, 409, `You cannot remove a running container ${container.id}`)
      }
      engine.remove(container)
      return void response.writeHead(204).end()
    default:
      return refuse(response, 404, "page not found")
  }
}
