/**
 * Sees to it that no process outlives the broker, even one that was killed by SIGKILL and could do nothing about it. A shell, in a group of
 * its own, reads from a pipe which process groups there are; when the pipe ends, it ends them. Node has no way to tie a child's life to its
 * own, and a shell is on every Linux and macOS, and costs a megabyte.
 */
import { Effect, Runtime, type Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { brokerVariable } from "./servers.ts"

/**
 * Three steps: TERM, a second, KILL. Then, where the kernel shows the environment of its processes, whoever has the broker's mark: those who
 * have left their group, and one that was started in the very moment in which the broker died.
 */
const script = `
trap '' HUP INT QUIT TERM
groups=
while read -r sign group; do
  left=
  for one in $groups; do [ "$one" = "$group" ] || left="$left $one"; done
  groups=$left
  [ "$sign" = "+" ] && groups="$groups $group"
done
for signal in TERM CONT; do
  for group in $groups; do kill -s $signal -- "-$group" 2>/dev/null; done
done
for _ in 1 2 3 4 5 6 7 8 9 10; do
  left=
  for group in $groups; do kill -s CONT -- "-$group" 2>/dev/null && left="$left $group"; done
  [ -z "$left" ] && break
  sleep 0.1
done
for group in $left; do kill -s KILL -- "-$group" 2>/dev/null; done
for file in $(grep -lsF "${brokerVariable}=$1" /proc/[0-9]*/environ); do
  pid=\${file#/proc/}
  kill -s KILL "\${pid%/environ}" 2>/dev/null
done
exit 0
`

export interface Watchdog {
  /** That group is to end with the broker. */
  readonly watch: (group: number) => void
  /** That group has ended. */
  readonly forget: (group: number) => void
  /** its process; none on Windows, where there are no groups */
  readonly pid: () => number | undefined
}

const none: Watchdog = { watch: () => undefined, forget: () => undefined, pid: () => undefined }

/** A watchdog for as long as the scope is open; `mark` is the broker's own. */
export const make = (mark: string): Effect.Effect<Watchdog, never, Scope.Scope> =>
  process.platform === "win32" ? Effect.succeed(none) : Effect.map(
    Effect.acquireRelease(
      Effect.map(Effect.runtime<never>(), (runtime) =>
        new Shell(mark, (message) => {
          Runtime.runFork(runtime)(Effect.logWarning(message))
        })),
      (shell) => Effect.promise(() => shell.close())
    ),
    (shell): Watchdog => ({
      watch: (group) => shell.watch(group),
      forget: (group) => shell.forget(group),
      pid: () => shell.pid
    })
  )

class Shell {
  private readonly mark: string
  private readonly warn: (message: string) => void
  private readonly groups = new Set<number>()
  private child: ChildProcess
  private closing = false

  constructor(mark: string, warn: (message: string) => void) {
    this.mark = mark
    this.warn = warn
    this.child = this.start()
  }

  get pid(): number | undefined {
    return this.child.pid
  }

  watch(group: number): void {
    this.groups.add(group)
    this.say("+", group)
  }

  forget(group: number): void {
    this.groups.delete(group)
    this.say("-", group)
  }

  async close(): Promise<void> {
    this.closing = true
    const gone = this.child.exitCode === null && this.child.signalCode === null ? once(this.child, "exit") : undefined
    this.child.stdin?.end()
    await gone
  }

  private start(): ChildProcess {
    const child = spawn("/bin/sh", ["-c", script, "watchdog", this.mark], {
      stdio: ["pipe", "ignore", "ignore"],
      detached: true
    })
    child.on("error", () => this.warn("there is no watchdog: /bin/sh could not be started"))
    child.on("exit", () => {
      if (this.closing || child.pid === undefined) return
      this.warn("the watchdog was killed, and is started again")
      this.child = this.start()
      for (const group of this.groups) this.say("+", group)
    })
    // It may be gone in the middle of a word; its exit says so.
    child.stdin.on("error", () => undefined)
    child.unref()
    return child
  }

  private say(sign: "+" | "-", group: number): void {
    if (!this.closing) this.child.stdin?.write(`${sign} ${group}\n`)
  }
}
