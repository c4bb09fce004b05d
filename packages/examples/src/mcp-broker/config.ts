/**
 * The settings of the broker: the `mcpServers` that clients already have, with what is ours under `watertight`, so that one file may
 * serve both. What clients write besides is theirs and is passed by; what is ours is checked to the last field.
 */
import { Data, Duration, Effect, Either, ParseResult, Redacted, Schema } from "effect"
import { readFile } from "node:fs/promises"

/** A setting has a value that it cannot have. */
export class ConfigInvalid extends Data.TaggedError("ConfigInvalid")<{
  readonly field: string
  readonly value: unknown
  readonly allowed: string
}> {
  override get message(): string {
    const value = this.value === undefined ? "nothing" : JSON.stringify(this.value)
    return `${this.field}: ${value} is not allowed; allowed: ${this.allowed}`
  }
}

const allowed = <A, I>(schema: Schema.Schema<A, I>, text: string): Schema.Schema<A, I> =>
  schema.annotations({ message: () => ({ message: text, override: true }) })

const text = allowed(Schema.String, "a text")
const filled = allowed(Schema.String.pipe(Schema.filter((value) => value.trim() !== "")), "a text that is not blank")
const secret = allowed(Schema.Redacted(Schema.String), "a text")
const count = (least: number) =>
  allowed(Schema.Int.pipe(Schema.greaterThanOrEqualTo(least)), `a whole number from ${least}`)

const lasting = "a time, such as \"30 seconds\" or a number of milliseconds, above zero"
const time = allowed(
  Schema.transformOrFail(Schema.Union(Schema.String, Schema.Number), Schema.DurationFromSelf, {
    strict: true,
    decode: (input, _, ast) => {
      // a text that is no duration is refused in the same words
      const decoded = Duration.decodeUnknown(input)
      return decoded._tag === "Some" && Duration.toMillis(decoded.value) > 0
        ? ParseResult.succeed(decoded.value)
        : ParseResult.fail(new ParseResult.Type(ast, input, lasting))
    },
    encode: (duration) => ParseResult.succeed(Duration.toMillis(duration))
  }),
  lasting
)

const or = <A, I>(schema: Schema.Schema<A, I>, fallback: A) => Schema.optionalWith(schema, { default: () => fallback })

const strict = { parseOptions: { onExcessProperty: "error" } } as const

/** What of its clients a server may ask for. */
export const Ask = Schema.Literal("roots", "sampling", "elicitation")
export type Ask = typeof Ask.Type

const kinds = "an array of \"roots\", \"sampling\" and \"elicitation\""

const Limits = Schema.Struct({
  /** who shares a process: everybody, everybody over several, or nobody */
  sharing: or(
    allowed(Schema.Literal("shared", "pooled", "session"), "\"shared\", \"pooled\" or \"session\""),
    "shared"
  ),
  /** processes at most: of `pooled` as many are used, of `session` one for each session; `shared` has one */
  processes: or(count(1), 4),
  /** of `session`: processes kept ready for the next sessions */
  warm: or(count(0), 0),
  /** calls that one process has at once */
  concurrency: or(count(1), 64),
  /** calls that wait for a process */
  maxWaiting: or(count(0), 1_024),
  maxSessions: or(count(1), 4_096),
  requestTimeout: or(time, Duration.minutes(5)),
  startTimeout: or(time, Duration.seconds(30)),
  idleTimeout: or(time, Duration.minutes(5)),
  maxLifetime: or(time, Duration.infinity),
  /** bytes of one message of the server */
  maxMessageSize: or(count(1_024), 16 * 1024 * 1024),
  /** what the server may ask of its clients; default: everything for `session`, nothing where several share a process */
  asks: Schema.optional(allowed(Schema.Array(Ask), kinds))
}).annotations(strict)

const Server = Schema.Struct({
  type: Schema.optional(allowed(Schema.Literal("stdio"), "\"stdio\", the only kind that is started here")),
  disabled: or(allowed(Schema.Boolean, "true or false"), false),
  command: filled,
  args: or(Schema.Array(text), []),
  env: or(Schema.Record({ key: Schema.String, value: secret }), {}),
  cwd: Schema.optional(filled),
  watertight: Schema.optionalWith(Limits, { default: () => Schema.decodeSync(Limits)({}) })
})

const Front = Schema.Struct({
  host: or(filled, "127.0.0.1"),
  port: or(allowed(Schema.Int.pipe(Schema.between(0, 65_535)), "a port, or 0 for any"), 4180),
  /** asked of every request, as `Authorization: Bearer …` */
  token: Schema.optional(allowed(Schema.Redacted(Schema.NonEmptyString), "a text that is not empty")),
  /** names by which the broker may be called, besides those of the loopback */
  allowedHosts: or(Schema.Array(filled), []),
  /** origins whose pages may call it, besides those of the loopback */
  allowedOrigins: or(Schema.Array(filled), []),
  /** bytes of one message of a client */
  maxBodySize: or(count(1_024), 4 * 1024 * 1024),
  /** processes of all servers */
  maxProcesses: or(count(1), 64),
  /** how long a session is kept whose client has no stream open and asks nothing */
  sessionIdleTimeout: or(time, Duration.minutes(5))
}).annotations(strict)

const File = Schema.Struct({
  mcpServers: Schema.Record({ key: filled, value: Server }),
  watertight: Schema.optionalWith(Front, { default: () => Schema.decodeSync(Front)({}) })
})

export type ServerConfig = typeof Server.Type
export type FrontConfig = typeof Front.Type
export type BrokerConfig = typeof File.Type

/** What a server may ask of its clients, as MCP writes it. */
export const asksOf = ({ watertight: { asks, sharing } }: ServerConfig): ReadonlyArray<Ask> =>
  asks ?? (sharing === "session" ? ["roots", "sampling", "elicitation"] : [])

const at = (value: unknown, path: ReadonlyArray<PropertyKey>): unknown => {
  let here = value
  for (const key of path) here = typeof here === "object" && here !== null ? Reflect.get(here, key) : undefined
  return here
}

const isSecret = (path: ReadonlyArray<PropertyKey>): boolean => path.includes("env") || path.includes("token")

/** Settings of what a file says, or the first thing in it that is wrong. */
export const decode = (input: unknown): Either.Either<BrokerConfig, ConfigInvalid> =>
  Either.mapLeft(Schema.decodeUnknownEither(File)(input), (error) => {
    const [issue] = ParseResult.ArrayFormatter.formatErrorSync(error)
    const path = issue?.path ?? []
    const value = at(input, path)
    const message = value === undefined && issue?.message === "is missing" ? "it has to be there" : issue?.message
    return new ConfigInvalid({
      field: path.length === 0 ? "the file" : path.map(String).join("."),
      // the kind of a secret is no secret
      value: isSecret(path) ? typeof value : value,
      allowed: message ?? "an object with mcpServers"
    })
  })

/** Reads a file of settings. */
export const load = (file: string): Effect.Effect<BrokerConfig, ConfigInvalid> =>
  Effect.tryPromise({
    try: () => readFile(file, "utf8"),
    catch: () => new ConfigInvalid({ field: "--config", value: file, allowed: "a file that can be read" })
  }).pipe(
    Effect.flatMap((json) =>
      Effect.try({
        try: (): unknown => JSON.parse(json),
        // what the parser says quotes the text, which may have secrets in it
        catch: () => new ConfigInvalid({ field: "--config", value: file, allowed: "a file of JSON" })
      })
    ),
    Effect.flatMap(decode)
  )

/** Whether two are the same to whoever uses the server, so that it may go on as it is. */
export const sameServer = (one: ServerConfig, other: ServerConfig): boolean => shown(one) === shown(other)

const shown = (server: ServerConfig): string =>
  JSON.stringify(
    Schema.encodeSync(Server)(server),
    (_, value: unknown) => Redacted.isRedacted(value) ? Redacted.value(value) : value
  )
