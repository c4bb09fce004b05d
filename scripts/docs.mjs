// Checks what users read: every example compiles, and every public export has a doc comment.
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import { undocumentedExports } from "./exports.mjs"
import { root } from "./process.mjs"
import { publishedPackages } from "./published.mjs"
import { inOriginals, snippetFile, snippetFolder, snippetsOfMarkdown, snippetsOfSource } from "./snippets.mjs"

/** @param {string} file */
const read = (file) => readFileSync(`${root}/${file}`, "utf8")

/**
 * @param {string} file
 * @param {string} text
 */
const write = (file, text) => {
  mkdirSync(dirname(`${root}/${file}`), { recursive: true })
  writeFileSync(`${root}/${file}`, text)
}

/**
 * @param {string} folder
 * @param {string} extension
 */
const filesIn = (folder, extension) =>
  existsSync(`${root}/${folder}`)
    ? readdirSync(`${root}/${folder}`, { encoding: "utf8", recursive: true })
      .filter((name) => name.endsWith(extension))
      .map((name) => `${folder}/${name}`)
      .toSorted()
    : []

const sources = readdirSync(`${root}/packages`).flatMap((name) => filesIn(`packages/${name}/src`, ".ts"))
const pages = ["README.md", ...filesIn("docs", ".md")]
const documents = [
  ...sources.map((file) => ({ file, found: snippetsOfSource(read(file)) })),
  ...pages.map((file) => ({ file, found: snippetsOfMarkdown(read(file)) }))
]

rmSync(`${root}/${snippetFolder}`, { recursive: true, force: true })
for (const { file, found } of documents) {
  for (const { line, code } of found.snippets) write(snippetFile(file, line), code)
}
const up = "../".repeat(snippetFolder.split("/").length)
const tsconfig = {
  extends: `${up}tsconfig.test.base.json`,
  // One program with the sources of the packages: it needs nothing built.
  compilerOptions: { composite: false, declaration: false, declarationMap: false },
  include: ["**/*.ts"]
}
write(`${snippetFolder}/tsconfig.json`, JSON.stringify(tsconfig, undefined, 2))
const compiled = spawnSync(
  process.execPath,
  ["node_modules/typescript/bin/tsc", "-p", snippetFolder, "--pretty", "false"],
  { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }
)
process.stdout.write(inOriginals(compiled.stdout ?? ""))

const entries = publishedPackages().flatMap(({ folder, manifest }) =>
  Object.values(manifest.exports)
    .filter((target) => typeof target === "string" && target.endsWith(".ts"))
    .map((target) => `${folder}/${target.replace("./", "")}`)
)
const problems = [
  ...documents.flatMap(({ file, found }) => found.problems.map(({ line, message }) => `${file}:${line}: ${message}`)),
  ...undocumentedExports(entries, read)
]
for (const problem of problems) console.log(problem)

const failed = compiled.status !== 0 || problems.length > 0
const examples = documents.reduce((sum, { found }) => sum + found.snippets.length, 0)
const ignored = documents.reduce((sum, { found }) => sum + found.ignored, 0)
console.log(`${examples} examples, ${ignored} ignored; ${failed ? "see above for what is wrong" : "all compile"}`)
process.exit(failed ? 1 : 0)
