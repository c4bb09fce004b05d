// Builds what is published. It starts from nothing: a module that no longer exists must not reach a tarball.
import { rmSync } from "node:fs"
import { node, root } from "./process.mjs"
import { publishedPackages } from "./published.mjs"

const packages = publishedPackages()
for (const { folder } of packages) rmSync(`${root}/${folder}/dist`, { recursive: true, force: true })
process.exit(
  await node(["node_modules/typescript/bin/tsc", "-b", ...packages.map(({ folder }) => `${folder}/tsconfig.src.json`)])
)
