/** The command line, checked. */
import { Data, Duration, Either, Option } from "effect"
import { parseArgs } from "node:util"
import type { Filters } from "../docker/Docker.ts"

class ArgumentInvalid extends Data.TaggedError("ArgumentInvalid")<{
  readonly field: string
  readonly value: string
  readonly allowed: string
}> {
  override get message(): string {
    return `${this.field}: ${JSON.stringify(this.value)} is not allowed; allowed: ${this.allowed}`
  }
}

export type SinkChoice =
  | { readonly kind: "stdout" }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "http"; readonly url: string }

export interface Arguments {
  readonly command: "run" | "list" | "replay" | "help"
  readonly embedded: boolean
  readonly engine: string | undefined
  readonly filters: Filters
  readonly tail: number | undefined
  readonly sinks: ReadonlyArray<SinkChoice>
  readonly state: string | undefined
  readonly buffer: number
  readonly fileBytes: number
  readonly keep: number
  readonly forMillis: number | undefined
  /** of the commands for dead letters: of which sink; by default all */
  readonly of: string | undefined
  readonly json: boolean
}

export const help = `The container monitor: follows the logs of containers, and loses no line.

  npm run monitor -- [options]              follow
  npm run monitor -- dlq list [options]     show the entries that a sink did not take
  npm run monitor -- dlq replay [options]   deliver them to the sinks given, and forget those that were taken

  --engine HOST      unix:///path, tcp://host:port, … ; by default DOCKER_HOST, or the socket in /var/run
  --embedded         a small engine inside of the program, with a few chattering containers. It is also used
                     where no engine is named and none is on the usual socket
  --filter KEY=VALUE which containers, in the words of docker ps: label=app=web, name=web; may be repeated
  --tail LINES       of containers that run already and were never followed: so many last lines, or all (default 10)
  --sink SINK        stdout, file:PATH (NDJSON) or an http(s) URL that takes NDJSON; may be repeated (default stdout)
  --file-bytes N     a file is full at this size (default 67108864), and --keep N full ones are kept (default 5)
  --state PATH       where positions and dead letters are kept (default ~/.local/state/watertight-monitor/state.db)
  --buffer N         entries between logs and sinks (default 1000)
  --for DURATION     end after this, such as 30s or 5m
  --of SINK          dlq: only those of this sink, by its name as dlq list shows it
  --json             dlq list: one JSON object a line
  --help
`

const options = {
  engine: { type: "string" },
  embedded: { type: "boolean", default: false },
  filter: { type: "string", multiple: true, default: [] as Array<string> },
  tail: { type: "string", default: "10" },
  sink: { type: "string", multiple: true, default: ["stdout"] as Array<string> },
  "file-bytes": { type: "string", default: "67108864" },
  keep: { type: "string", default: "5" },
  state: { type: "string" },
  buffer: { type: "string", default: "1000" },
  for: { type: "string" },
  of: { type: "string" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false }
} as const

type Checked<A> = Either.Either<A, ArgumentInvalid>

const invalid = (field: string, value: string, allowed: string): Checked<never> =>
  Either.left(new ArgumentInvalid({ field, value, allowed }))

const count = (field: string, value: string, least: number): Checked<number> => {
  const number = /^\d+$/u.test(value) ? Number(value) : Number.NaN
  return Number.isSafeInteger(number) && number >= least
    ? Either.right(number)
    : invalid(field, value, `a whole number of at least ${least}`)
}

const units: Readonly<Record<string, Duration.Unit>> = { ms: "millis", s: "seconds", m: "minutes", h: "hours" }

const period = (field: string, value: string): Checked<number> => {
  const [, number, unit = ""] = /^(\d+)(ms|s|m|h)$/u.exec(value) ?? []
  const of = units[unit]
  return number === undefined || of === undefined
    ? invalid(field, value, "a number with ms, s, m or h, such as 30s")
    : Either.right(Option.match(Duration.decodeUnknown(`${Number(number)} ${of}`), {
      onNone: () => 0,
      onSome: Duration.toMillis
    }))
}

const filtersOf = (given: ReadonlyArray<string>): Checked<Filters> => {
  const filters: Record<string, Array<string>> = {}
  for (const one of given) {
    const [, key, value] = /^([a-z]+)=(.+)$/u.exec(one) ?? []
    if (key === undefined || value === undefined) return invalid("--filter", one, "key=value, such as label=app=web")
    filters[key] = [...(filters[key] ?? []), value]
  }
  return Either.right(filters)
}

const sinkOf = (given: string): Checked<SinkChoice> => {
  if (given === "stdout") return Either.right({ kind: "stdout" })
  if (given.startsWith("file:") && given.length > "file:".length) {
    return Either.right({ kind: "file", path: given.slice("file:".length) })
  }
  return /^https?:\/\//u.test(given) && URL.canParse(given)
    ? Either.right({ kind: "http", url: given })
    : invalid("--sink", given, "stdout, file:PATH, or an http or https URL")
}

const commandOf = (words: ReadonlyArray<string>): Checked<Arguments["command"]> => {
  const said = words.join(" ")
  if (said === "") return Either.right("run")
  if (said === "dlq list") return Either.right("list")
  if (said === "dlq replay") return Either.right("replay")
  return invalid("command", said, "none, dlq list or dlq replay")
}

export const parse = (args: ReadonlyArray<string>): Checked<Arguments> =>
  Either.gen(function*() {
    const { positionals, values } = yield* Either.try({
      try: () => parseArgs({ args: [...args], options, allowPositionals: true }),
      catch: (error) =>
        new ArgumentInvalid({
          field: "arguments",
          value: args.join(" "),
          allowed: `those of --help (${error instanceof Error ? error.message : String(error)})`
        })
    })
    return {
      command: values.help ? "help" : yield* commandOf(positionals),
      embedded: values.embedded,
      engine: values.engine,
      filters: yield* filtersOf(values.filter),
      tail: values.tail === "all" ? undefined : yield* count("--tail", values.tail, 0),
      sinks: yield* Either.all(values.sink.map(sinkOf)),
      state: values.state,
      buffer: yield* count("--buffer", values.buffer, 1),
      fileBytes: yield* count("--file-bytes", values["file-bytes"], 1),
      keep: yield* count("--keep", values.keep, 0),
      forMillis: values.for === undefined ? undefined : yield* period("--for", values.for),
      of: values.of,
      json: values.json
    }
  })
