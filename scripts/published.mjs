import { existsSync, readdirSync, readFileSync } from "node:fs"
import { root } from "./process.mjs"

/** The packages of the workspace that go to a registry. */
export const publishedPackages = () =>
  readdirSync(`${root}/packages`)
    .map((name) => `packages/${name}`)
    .filter((folder) => existsSync(`${root}/${folder}/package.json`))
    .map((folder) => ({ folder, manifest: JSON.parse(readFileSync(`${root}/${folder}/package.json`, "utf8")) }))
    .filter(({ manifest }) => manifest.private !== true)
