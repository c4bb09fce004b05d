/** A process in memory, as an executor hands it out. */
import * as CommandExecutor from "@effect/platform/CommandExecutor"
import { SystemError } from "@effect/platform/Error"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as EffectExit from "effect/Exit"
import * as Inspectable from "effect/Inspectable"
import * as Mailbox from "effect/Mailbox"
import * as Sink from "effect/Sink"

/** What somebody at the other end of the pipes does. */
export interface Life {
  onInput(chunk: Uint8Array): void
  onInputEnd(): void
  onSignal(signal: CommandExecutor.Signal): void
  /** waits while it does not read */
  readonly reading: Effect.Effect<void>
  readonly onExit: () => void
}

const failed = (method: string, description: string, code?: string) =>
  new SystemError({
    reason: "Unknown",
    module: "Command",
    method,
    pathOrDescriptor: "in memory",
    description,
    cause: code === undefined ? undefined : Object.assign(new Error(code), { code })
  })

export const startFailed = (code: string): SystemError => failed("spawn", code, code)

const encoder = new TextEncoder()

export class FakeProcess {
  readonly pid: number
  exited = false
  stdinClosed = false
  private readonly life: Life
  private readonly stdout: Mailbox.Mailbox<Uint8Array>
  private readonly stderr: Mailbox.Mailbox<Uint8Array>
  private readonly end: Deferred.Deferred<CommandExecutor.ExitCode, SystemError>

  constructor(
    pid: number,
    life: (process: FakeProcess) => Life,
    pipes: readonly [Mailbox.Mailbox<Uint8Array>, Mailbox.Mailbox<Uint8Array>],
    end: Deferred.Deferred<CommandExecutor.ExitCode, SystemError>
  ) {
    this.pid = pid
    this.stdout = pipes[0]
    this.stderr = pipes[1]
    this.end = end
    this.life = life(this)
  }

  say(text: string | Uint8Array): void {
    this.stdout.unsafeOffer(typeof text === "string" ? encoder.encode(text) : text)
  }

  sayOnStderr(text: string): void {
    this.stderr.unsafeOffer(encoder.encode(text))
  }

  closeStdout(): void {
    this.stdout.unsafeDone(EffectExit.void)
  }

  exit(how: number | CommandExecutor.Signal): void {
    if (this.exited) return
    this.exited = true
    this.life.onExit()
    Deferred.unsafeDone(
      this.end,
      typeof how === "number"
        ? Effect.succeed(CommandExecutor.ExitCode(how))
        : Effect.fail(failed("exitCode", `Process interrupted due to receipt of signal: ${how}`))
    )
    this.stdout.unsafeDone(EffectExit.void)
    this.stderr.unsafeDone(EffectExit.void)
  }

  /** As the executor of the platform shows it. */
  get seen(): CommandExecutor.Process {
    const { end, life, stderr, stdout } = this
    const broken = Effect.suspend(() =>
      this.exited || this.stdinClosed ? Effect.fail(failed("toWritable", "write EPIPE", "EPIPE")) : Effect.void
    )
    return {
      [CommandExecutor.ProcessTypeId]: CommandExecutor.ProcessTypeId,
      ...Inspectable.BaseProto,
      toJSON: () => ({ _id: "TestProcess", pid: this.pid }),
      pid: CommandExecutor.ProcessId(this.pid),
      exitCode: Deferred.await(end),
      isRunning: Effect.sync(() => !this.exited),
      kill: (signal = "SIGTERM") =>
        Effect.suspend(() => {
          if (this.exited) return Effect.fail(failed("kill", "nobody is there", "ESRCH"))
          life.onSignal(signal)
          return Effect.ignore(Deferred.await(end))
        }),
      stdin: Sink.forEachChunk((chunks: Iterable<Uint8Array>) =>
        Effect.zipRight(
          Effect.zipRight(life.reading, broken),
          Effect.sync(() => {
            for (const chunk of chunks) life.onInput(chunk)
          })
        )
      ).pipe(Sink.mapEffect(() => Effect.sync(() => life.onInputEnd()))),
      stdout: Mailbox.toStream(stdout),
      stderr: Mailbox.toStream(stderr)
    } as CommandExecutor.Process // `Inspectable`'s members come with its prototype
  }
}

export const make = (pid: number, life: (process: FakeProcess) => Life): Effect.Effect<FakeProcess> =>
  Effect.map(
    Effect.all([
      Mailbox.make<Uint8Array>(),
      Mailbox.make<Uint8Array>(),
      Deferred.make<CommandExecutor.ExitCode, SystemError>()
    ]),
    ([stdout, stderr, end]) => new FakeProcess(pid, life, [stdout, stderr], end)
  )
