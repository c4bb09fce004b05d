// Checks the tarballs, which are all that users get: the exports in the repository are other ones.
import { mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { node, pnpm, root } from "./process.mjs"
import { publishedPackages } from "./published.mjs"

/**
 * @param {string} folder
 * @param {string} target
 */
const check = async (folder, target) => {
  const packed = await pnpm(["pack", "--pack-destination", target], { cwd: join(root, folder) })
  const tarball = readdirSync(target).find((name) => name.endsWith(".tgz"))
  if (packed !== 0 || tarball === undefined) return false
  const publint = await node(["node_modules/publint/src/cli.js", "run", join(target, tarball), "--strict"])
  const attw = await node([
    "node_modules/@arethetypeswrong/cli/dist/index.js",
    join(target, tarball),
    "--profile",
    "esm-only"
  ])
  return publint === 0 && attw === 0
}

let failed = false
for (const { folder, manifest } of publishedPackages()) {
  console.log(`\n${manifest.name}`)
  const target = mkdtempSync(join(tmpdir(), "watertight-"))
  try {
    if (!(await check(folder, target))) failed = true
  } finally {
    rmSync(target, { recursive: true, force: true })
  }
}
process.exit(failed ? 1 : 0)
