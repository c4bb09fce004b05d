/** What makes two processes interchangeable: the key of the pool. */
import * as Command from "@effect/platform/Command"
import { PoolError } from "@watertight/pool"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as Hash from "effect/Hash"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import { hasProperty, isReadonlyRecord } from "effect/Predicate"
import * as Redacted from "effect/Redacted"

const TypeId: unique symbol = Symbol.for("@watertight/stdio-adapter/StdioServer")

/** How a server is started. */
export interface Parts {
  /** a program, found along `PATH` if it is no path */
  readonly command: string
  readonly args?: ReadonlyArray<string> | undefined
  /** variables of its environment; `undefined` is as good as not there */
  readonly env?: Readonly<Record<string, string | Redacted.Redacted<string> | undefined>> | undefined
  /** whether it gets our own environment beneath `env`; default: yes */
  readonly extendEnv?: boolean | undefined
  readonly cwd?: string | undefined
  /** runs the command by a shell, as `Command.runInShell` does; a `.cmd` file of Windows needs it */
  readonly shell?: boolean | string | undefined
  /** how people see it: in stats, events, metrics and errors. Default: the last part of the command's path */
  readonly name?: string | undefined
}

/**
 * A server to talk to: a command with its arguments, its environment and its directory. Processes of equal servers serve each other's
 * requests; another environment, with other credentials perhaps, makes another server. Neither arguments nor environment are ever shown.
 */
export interface StdioServer extends Equal.Equal {
  readonly [TypeId]: typeof TypeId
  /** how people see it */
  readonly label: string
  readonly command: string
  /** Its processes serve one lease at a time, and no request from elsewhere (see {@link exclusive}). */
  readonly exclusive: boolean
}

/** Who is meant by a command, for executors that start nothing. */
const names = new WeakMap<Command.Command, string>()

class Server implements StdioServer {
  readonly [TypeId]: typeof TypeId = TypeId
  readonly label: string
  readonly command: string
  readonly exclusive: boolean
  // What may be secret is in no property that a log could print.
  readonly #name: string
  readonly #run: Command.Command
  readonly #identity: string
  readonly #hash: number

  constructor(name: string, command: string, run: Command.Command, identity: string, exclusive: boolean) {
    this.label = exclusive ? `${name} (exclusive)` : name
    this.command = command
    this.exclusive = exclusive
    this.#name = name
    this.#run = run
    names.set(run, name)
    this.#identity = identity
    this.#hash = Hash.string(`${exclusive ? "exclusive" : "shared"} ${identity}`)
  }

  [Equal.symbol](that: Equal.Equal): boolean {
    return this === that ||
      (that instanceof Server && this.exclusive === that.exclusive && this.#identity === that.#identity)
  }

  [Hash.symbol](): number {
    return this.#hash
  }

  toString(): string {
    return this.label
  }

  toJSON(): unknown {
    return { _id: "StdioServer", label: this.label }
  }

  asExclusive(exclusive: boolean): Server {
    return new Server(this.#name, this.command, this.#run, this.#identity, exclusive)
  }

  static commandOf(server: StdioServer): Command.Command {
    if (server instanceof Server) return server.#run
    throw new TypeError("not a server of this copy of @watertight/stdio-adapter")
  }

  static asExclusive(server: StdioServer, exclusive: boolean): StdioServer {
    if (server.exclusive === exclusive) return server
    if (server instanceof Server) return server.asExclusive(exclusive)
    throw new TypeError("not a server of this copy of @watertight/stdio-adapter")
  }
}

/** Whether something is a server. */
export const isStdioServer = (u: unknown): u is StdioServer => hasProperty(u, TypeId)

/**
 * A server of its parts. What cannot be started by any means is a mistake in the program: it throws `ConfigInvalid`.
 *
 * @example
 * import { StdioServer } from "@watertight/stdio-adapter"
 * import { Redacted } from "effect"
 *
 * export const github = StdioServer.make({
 *   name: "github",
 *   command: "npx",
 *   args: ["-y", "@modelcontextprotocol/server-github"],
 *   env: { GITHUB_TOKEN: Redacted.make("…") }
 * })
 */
export const make = (parts: Parts): StdioServer => Either.getOrThrowWith(decode(parts), (error) => error)

/**
 * The same for parts that come from elsewhere, a file of settings for one: every field is checked.
 *
 * @example
 * import { StdioServer } from "@watertight/stdio-adapter"
 * import { Either } from "effect"
 *
 * // Left: args: "-y" is not allowed; allowed: an array, each of it a text without NUL characters
 * export const server = StdioServer.decode({ command: "npx", args: "-y" })
 *
 * export const wrong = Either.isLeft(server)
 */
export const decode = (parts: unknown): Either.Either<StdioServer, PoolError.ConfigInvalid> => {
  if (!isReadonlyRecord(parts)) return invalid("server", parts, "an object with a command")
  const { args = [], command, cwd, env = {}, extendEnv = true, name, shell = false } = parts
  if (!isText(command) || command === "") return invalid("command", command, `${texts}, not empty`)
  // The rest of the arguments may hold secrets, which no error shows.
  if (!Array.isArray(args)) return invalid("args", args, `an array, each of it ${texts}`)
  const wrong = args.findIndex((one) => !isText(one))
  if (wrong !== -1) return invalid(`args[${wrong}]`, typeof args[wrong], texts)
  if (!isReadonlyRecord(env)) return invalid("env", typeof env, `an object, each value ${texts}`)
  const variables: Array<readonly [string, string]> = []
  for (const [key, given] of Object.entries(env)) {
    if (given === undefined) continue
    const value = Redacted.isRedacted(given) ? Redacted.value(given) : given
    if (!isText(key) || key === "" || key.includes("=")) return invalid("env", key, "names without \"=\"")
    if (!isText(value)) return invalid(`env.${key}`, typeof value, texts)
    variables.push([key, value])
  }
  if (cwd !== undefined && !isText(cwd)) return invalid("cwd", cwd, texts)
  if (typeof extendEnv !== "boolean") return invalid("extendEnv", extendEnv, "true or false")
  if (typeof shell !== "boolean" && !isText(shell)) return invalid("shell", shell, `true, false or ${texts}`)
  if (name !== undefined && (!isText(name) || name.trim() === "")) return invalid("name", name, `${texts}, not blank`)
  const label = name ?? basename(command)
  variables.sort(([one], [other]) => one < other ? -1 : 1)
  const identity = JSON.stringify([label, command, args, variables, extendEnv, cwd, shell])
  let run = Command.make(command, ...args).pipe(Command.env(Object.fromEntries(variables), { extendEnv }))
  if (cwd !== undefined) run = Command.workingDirectory(run, cwd)
  if (shell !== false) run = Command.runInShell(run, shell)
  return Either.right(new Server(label, command, run, identity, false))
}

/**
 * A server of a command of the platform's. Neither pipes between commands nor streams of its own have a place in it, since the pool
 * itself reads and writes.
 *
 * @example
 * import { Command } from "@effect/platform"
 * import { StdioServer } from "@watertight/stdio-adapter"
 *
 * export const files = StdioServer.fromCommand(
 *   Command.make("mcp-server-filesystem", "/srv").pipe(Command.workingDirectory("/srv")),
 *   { name: "files" }
 * )
 */
export const fromCommand = (
  command: Command.Command,
  options: { readonly name?: string | undefined } = {}
): Either.Either<StdioServer, PoolError.ConfigInvalid> => {
  if (command._tag !== "StandardCommand") return invalid("command", "a pipe", "one command")
  for (const stream of ["stdin", "stdout", "stderr"] as const) {
    if (command[stream] !== "pipe") return invalid(stream, "of its own", "\"pipe\", as it is by default")
  }
  for (const id of ["uid", "gid"] as const) {
    // The platform's executor passes them by, and nobody should believe otherwise.
    if (Option.isSome(command[id])) return invalid(id, command[id].value, "none, since no executor heeds it")
  }
  return decode({
    command: command.command,
    args: command.args,
    env: Object.fromEntries(HashMap.toEntries(command.env)),
    extendEnv: command.extendEnv,
    cwd: Option.getOrUndefined(command.cwd),
    shell: command.shell,
    name: options.name
  })
}

/**
 * The same server, with processes that serve one lease at a time and are not shared with anybody meanwhile: what `session` borrows.
 * They have limits and statistics of their own.
 *
 * @example
 * import { StdioPool, StdioServer } from "@watertight/stdio-adapter"
 * import { Effect } from "effect"
 *
 * const python = StdioServer.make({ command: "python-mcp" })
 *
 * // three processes are started before anybody needs one
 * export const warm = Effect.flatMap(StdioPool.StdioPool, (pool) => pool.warm(StdioServer.exclusive(python), 3))
 */
export const exclusive = (server: StdioServer): StdioServer => Server.asExclusive(server, true)

/** The same server, with processes that serve many requests at a time. All servers are so at first. */
export const shared = (server: StdioServer): StdioServer => Server.asExclusive(server, false)

/** @internal The command that starts it. */
export const commandOf = (server: StdioServer): Command.Command => Server.commandOf(server)

/** @internal The name of the server that a command starts. */
export const nameOf = (command: Command.Command): string | undefined => names.get(command)

const texts = "a text without NUL characters"

const isText = (value: unknown): value is string => typeof value === "string" && !value.includes("\0")

const invalid = (field: string, value: unknown, allowed: string) =>
  Either.left(new PoolError.ConfigInvalid({ field, value, allowed }))

const basename = (command: string): string => command.split(/[\\/]/).findLast((part) => part !== "") ?? command
