import { Effect, type Scope } from "effect"
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

/** The compiler does not copy it, so it is read where it was written. */
const SOURCE = fileURLToPath(new URL("../../../../src/suites/http/go/main.go", import.meta.url))

export interface GoBinary {
  readonly file: string
  readonly version: string
}

/** Builds the client in Go into a folder that goes with the scope; nothing when `go` is not installed. */
export const buildGo: Effect.Effect<GoBinary | undefined, never, Scope.Scope> = Effect.gen(function*() {
  const version = spawnSync("go", ["version"], { encoding: "utf8" })
  if (version.status !== 0) return undefined
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "watertight-bench-"))),
    (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
  )
  const file = join(folder, "client")
  const built = spawnSync("go", ["build", "-o", file, SOURCE], { encoding: "utf8", cwd: folder })
  if (built.status !== 0) return yield* Effect.dieMessage(`the client in Go does not compile:\n${built.stderr}`)
  return { file, version: /go[\d.]+/.exec(version.stdout)?.[0] ?? "go" }
})
