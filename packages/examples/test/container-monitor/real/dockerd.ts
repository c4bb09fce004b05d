/** A real Docker engine with containers that log for ever. */
import { Data, Effect } from "effect"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Http from "node:http"
import * as Path from "node:path"
import { folder, isRoot, start as startPart } from "../../../../http-adapter/test/parts/part.ts"
import { find, lacks } from "../../../../http-adapter/test/parts/programs.ts"

let told = false

/** True where it cannot run, which a line tells of. In CI it has to. */
export const cannotRun = (): boolean => {
  if (isRoot || process.env["CI"] === "true") return lacks("dockerd", "runc", "busybox")
  if (!told) process.stderr.write("\nWARNING: dockerd needs root: tests against the real dockerd are SKIPPED\n")
  told = true
  return true
}

class EngineSaid extends Data.TaggedError("EngineSaid")<{ readonly status: number; readonly text: string }> {}

/** Lines with the number of the run and of the line, on both streams. */
const script = `
read r < /runs; r=$((r+1)); echo $r > /runs; i=0
while :; do i=$((i+1)); echo "$r out $i"; echo "$r err $i" >&2; /bin/busybox sleep 0.2; done`

/** What an image needs is one static program. */
const image = (own: string): Buffer => {
  const root = Path.join(own, "rootfs")
  Fs.mkdirSync(Path.join(root, "bin"), { recursive: true })
  Fs.copyFileSync(find("busybox") ?? "", Path.join(root, "bin", "busybox"))
  Fs.writeFileSync(Path.join(root, "runs"), "0\n")
  return execFileSync("tar", ["-C", root, "-cf", "-", "."], { maxBuffer: 64 * 1024 * 1024 })
}

/** Runs until the scope closes; it can be stopped and started before. */
export const make = Effect.gen(function*() {
  const own = yield* folder
  const file = (name: string) => Path.join(own, name)
  const socketPath = file("docker.sock")

  const ask = (method: string, path: string, body?: unknown) =>
    Effect.async<string, EngineSaid>((resume) => {
      const type = Buffer.isBuffer(body) ? "application/x-tar" : "application/json"
      const failed = (error: Error) => resume(new EngineSaid({ status: 0, text: error.message }))
      const request = Http.request(
        {
          socketPath,
          method,
          path: `/v1.41${path}`,
          agent: false,
          headers: body === undefined ? {} : { "content-type": type }
        },
        (response) => {
          let text = ""
          response.setEncoding("utf8").on("data", (piece: string) => {
            text += piece
          }).on("error", failed).on("end", () => {
            const status = response.statusCode ?? 0
            resume(status < 300 ? Effect.succeed(text) : new EngineSaid({ status, text }))
          })
        }
      ).on("error", failed)
      request.end(body === undefined || Buffer.isBuffer(body) ? body : JSON.stringify(body))
    })

  const up = startPart({
    program: "dockerd",
    arguments: [
      `--host=unix://${socketPath}`,
      `--data-root=${file("data")}`,
      `--exec-root=${file("exec")}`,
      `--pidfile=${file("dockerd.pid")}`,
      "--storage-driver=vfs",
      // it must not touch the network of the machine
      "--iptables=false",
      "--ip6tables=false",
      "--ip-forward=false",
      "--ip-masq=false",
      "--bridge=none"
    ],
    folder: own,
    ready: Effect.as(ask("GET", "/_ping"), true),
    patienceMillis: 20_000
  })

  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      try {
        execFileSync("umount", [file("exec/netns/default")], { stdio: "ignore" })
      } catch {
        // only there when a container has run
      }
    })
  )

  return {
    socketPath,
    /** until the scope closes; containers end with it */
    up,
    ask,
    importImage: Effect.suspend(() => ask("POST", "/images/create?fromSrc=-&repo=t/bb&tag=1", image(own))),
    run: (name: string, command: string = script) =>
      Effect.gen(function*() {
        yield* ask("POST", `/containers/create?name=${name}`, {
          Image: "t/bb:1",
          StopSignal: "SIGKILL",
          HostConfig: { NetworkMode: "none", RestartPolicy: { Name: "always" } },
          Cmd: ["/bin/busybox", "sh", "-c", command]
        })
        yield* Effect.addFinalizer(() => Effect.ignore(ask("DELETE", `/containers/${name}?force=1`)))
        yield* ask("POST", `/containers/${name}/start`)
      })
  }
})

/** How many descriptors a process has open. */
export const descriptors = (pid: number): number => Fs.readdirSync(`/proc/${pid}/fd`).length
