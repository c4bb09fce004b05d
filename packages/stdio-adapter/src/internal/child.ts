/**
 * One process, from its start to the moment at which nothing of it is left. Everything goes through the platform's executor, so it
 * runs wherever that does. Four things that the executor leaves open are settled here:
 *
 * - its own finalizer sends TERM and then waits for ever, so ours, which runs before it, sees to it that the process is gone;
 * - whoever stops to run `stdin` takes away the listener for its errors, and a later EPIPE would end our own process: so
 *   the writer runs until the process has ended, when its stdin is destroyed;
 * - the streams of output are closed by running them, and by nothing else: so both always run, and are interrupted at the end, in case
 *   that somebody else has inherited the pipes;
 * - it has no way to ask whether a group is gone. SIGCONT asks: it wakes the stopped, does nothing to others, and fails when nobody
 *   is left.
 */
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import type { PlatformError } from "@effect/platform/Error"
import type { Timekeeper } from "@watertight/pool"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Exit } from "../StdioError.ts"
import { Outbox } from "./outbox.ts"
import type { StdioSettings } from "./settings.ts"
import { Tail } from "./tail.ts"

/** What a process tells whoever speaks with it. */
export interface Listener {
  /** Some bytes of its stdout. */
  onOutput(chunk: Uint8Array): void
  /** It will say nothing more, or can be told nothing more. */
  onEnd(reason: string): void
  /** It will say nothing more, and all that it has said has been delivered: no answer comes any more. */
  onSilence(): void
  /** It is about to be ended; done when that may begin. */
  readonly closing: Effect.Effect<void>
}

/** How long the last output of a process that has ended may take, and its end if its pipes have ended. */
export const lastWords = 250

/** How often it is asked whether a group is gone. */
const askAgain = 10

export class Child {
  readonly pid: number
  readonly outbox = new Outbox()
  exit: Exit | undefined = undefined
  /** it says nothing more, or can be told nothing more */
  over = false
  /** all that it said is delivered */
  silent = false
  private readonly process: CommandExecutor.Process
  private readonly keeper: Timekeeper.Timekeeper
  private readonly settings: StdioSettings
  private readonly tail: Tail
  private readonly open = new Set(["stdout", "stderr"])
  private readonly watchers = new Set<() => void>()
  private listener: Listener | undefined = undefined
  private fibers: ReadonlyArray<Fiber.RuntimeFiber<unknown, unknown>> = []
  private lastTimer: Timekeeper.Timer | undefined = undefined

  constructor(process: CommandExecutor.Process, settings: StdioSettings, keeper: Timekeeper.Timekeeper) {
    this.process = process
    this.pid = process.pid
    this.settings = settings
    this.keeper = keeper
    this.tail = new Tail(settings.stderrTail)
  }

  get stderr(): string {
    return this.tail.text()
  }

  /** Begins to read, to write and to watch; in fibers of its own, which `close` ends. */
  attach(listener: Listener): Effect.Effect<void> {
    this.listener = listener
    const { process } = this
    const run = (work: Effect.Effect<unknown, unknown>) => Effect.forkDaemon(Effect.interruptible(work))
    const read = (name: "stdout" | "stderr", take: (chunk: Uint8Array) => void) =>
      run(
        Stream.runForEachChunk(process[name], (chunks) =>
          Effect.sync(() => {
            for (const chunk of chunks) take(chunk)
          })).pipe(Effect.exit, Effect.map(() => this.ended(name)))
      )
    return Effect.all([
      run(Effect.map(Effect.either(process.exitCode), (exit) => this.exited(exit))),
      read("stdout", (chunk) => listener.onOutput(chunk)),
      read("stderr", (chunk) => this.tail.push(chunk)),
      run(
        Stream.run(this.outbox.stream, process.stdin).pipe(
          Effect.either,
          Effect.map((end) => {
            if (Either.isLeft(end)) this.failing("its stdin is closed")
          }),
          // A sink that has nothing to write to is told so by the exit.
          Effect.zipRight(Effect.never)
        )
      )
    ]).pipe(
      Effect.map((fibers) => {
        this.fibers = fibers
      })
    )
  }

  // -------------------------------------------------------------------------------------------------------------------
  // The end, as the process makes it
  // -------------------------------------------------------------------------------------------------------------------

  private exited(exit: Either.Either<CommandExecutor.ExitCode, PlatformError>): void {
    this.exit = Either.match(exit, {
      onRight: (code): Exit => ({ code, signal: undefined }),
      // The executor tells the signal in words alone.
      onLeft: (error) => ({ code: undefined, signal: /\bSIG[A-Z0-9]+\b/.exec(error.message)?.[0] ?? "a signal" })
    })
    this.failing("it has ended")
    this.tell()
  }

  private ended(name: "stdout" | "stderr"): void {
    this.open.delete(name)
    if (name === "stdout") this.failing("its stdout is closed")
    else this.expectSilence()
  }

  private failing(reason: string): void {
    if (!this.over) {
      this.over = true
      this.listener?.onEnd(reason)
    }
    this.expectSilence()
  }

  private expectSilence(): void {
    if (this.silent || !this.over) return
    if (this.exit !== undefined && this.open.size === 0) return this.fallSilent()
    // Somebody else may hold its pipes open for ever; and one that has closed them may live on.
    this.lastTimer ??= this.keeper.at(this.keeper.now() + lastWords, () => this.fallSilent())
  }

  private fallSilent(): void {
    this.keeper.cancel(this.lastTimer)
    if (this.silent) return
    this.silent = true
    this.listener?.onSilence()
    this.tell()
  }

  // -------------------------------------------------------------------------------------------------------------------
  // The end, as we make it
  // -------------------------------------------------------------------------------------------------------------------

  /** Ends it: its stdin, then TERM, then KILL, each with its grace; the group too. Never hangs, never fails. */
  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    const { endGrace, killGrace, termGrace } = this.settings
    this.outbox.end()
    return this.awaitExit(endGrace).pipe(
      Effect.zipRight(this.endGroup("SIGTERM", termGrace)),
      Effect.zipRight(this.endGroup("SIGKILL", killGrace)),
      Effect.zipRight(this.letGo)
    )
  })

  private awaitExit(grace: number): Effect.Effect<void> {
    return this.until(() => this.exit !== undefined, grace)
  }

  /** Tells all who are left, and waits until nobody is. */
  private endGroup(signal: "SIGTERM" | "SIGKILL", grace: number): Effect.Effect<void> {
    return Effect.gen(this, function*() {
      const deadline = this.keeper.now() + grace
      if (this.exit === undefined) {
        yield* this.send(signal)
        // A process that is stopped gets TERM when it goes on.
        if (signal === "SIGTERM") yield* this.send("SIGCONT")
        yield* this.awaitExit(grace)
        if (this.exit === undefined) return
      } else if (!(yield* this.reach(signal))) return
      while ((yield* this.reach("SIGCONT")) && this.keeper.now() < deadline) yield* this.pause(askAgain)
    })
  }

  /** For a process that has not ended: the executor signals at once, and then waits for the end, for which we have a limit. */
  private send(signal: CommandExecutor.Signal): Effect.Effect<void> {
    return this.process.kill(signal).pipe(
      Effect.ignore,
      Effect.interruptible,
      Effect.forkDaemon,
      Effect.map((fiber) => {
        this.fibers = [...this.fibers, fiber]
      })
    )
  }

  /** For a process that has ended: whether there was somebody else in its group to get the signal. */
  private reach(signal: CommandExecutor.Signal): Effect.Effect<boolean> {
    return Effect.isSuccess(this.process.kill(signal))
  }

  private readonly letGo: Effect.Effect<void> = Effect.suspend(() => {
    this.keeper.cancel(this.lastTimer)
    // Of one that outlives even KILL, the writer stays: see above.
    const fibers = this.exit === undefined ? this.fibers.slice(0, 3) : this.fibers
    return Effect.asVoid(Fiber.interruptAll(fibers))
  })

  // -------------------------------------------------------------------------------------------------------------------

  private tell(): void {
    for (const watcher of this.watchers) watcher()
  }

  /** Waits until it holds, or for so many milliseconds; the keeper needs no fiber and nothing to be raced. */
  until(holds: () => boolean, grace: number): Effect.Effect<void> {
    return Effect.async<void>((resume) => {
      const done = (): void => {
        this.watchers.delete(look)
        this.keeper.cancel(timer)
        resume(Effect.void)
      }
      const look = (): void => {
        if (holds()) done()
      }
      const timer = this.keeper.at(this.keeper.now() + grace, done)
      this.watchers.add(look)
      look()
    })
  }

  private pause(millis: number): Effect.Effect<void> {
    return this.until(() => false, millis)
  }
}

/** Starts a process whose end belongs to the scope. Nothing can come between the two. */
export const start = (
  starting: Effect.Effect<CommandExecutor.Process, PlatformError, Scope.Scope>,
  settings: StdioSettings,
  keeper: Timekeeper.Timekeeper,
  listenerOf: (child: Child) => Listener
): Effect.Effect<void, unknown, Scope.Scope> =>
  starting.pipe(
    Effect.flatMap((process) => {
      const child = new Child(process, settings, keeper)
      const listener = listenerOf(child)
      return Effect.addFinalizer(() => Effect.zipRight(listener.closing, child.close)).pipe(
        Effect.zipRight(child.attach(listener))
      )
    }),
    // An executor may throw where it cannot even try.
    Effect.catchAllDefect(Effect.fail),
    Effect.uninterruptible
  )
