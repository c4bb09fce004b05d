/** docs/requirements.md promises what tests prove: each number is in the title of one, and of one over sockets, or with processes, where it says so. */
import { readdirSync, readFileSync } from "node:fs"
import { assert, describe, test } from "vitest"

const root = new URL("../../", import.meta.url)

const testsIn = (folder: string): ReadonlyArray<{ readonly name: string; readonly text: string }> =>
  readdirSync(new URL(folder, root), { encoding: "utf8", recursive: true })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => ({ name, text: readFileSync(new URL(`${folder}/${name}`, root), "utf8") }))

const http = testsIn("packages/http-adapter/test")
const monitor = testsIn("packages/examples/test/container-monitor")
// those beside the folders are in memory
const sockets = [...http.filter(({ name }) => name.includes("/")), ...monitor]
// processes are started by those in this folder alone
const stdio = testsIn("packages/stdio-adapter/test")
const processes = stdio.filter(({ name }) => name.startsWith("real/"))
const all = [...testsIn("packages/pool/test"), ...http, ...stdio, ...monitor]

/** A title may begin with several numbers. */
const proves = (tests: typeof all, number: string): boolean => {
  const title = new RegExp(`["\`](?:[A-Z]\\d+ )*${number}[ :"\`]`)
  return tests.some(({ text }) => title.test(text))
}

const rows = readFileSync(new URL("docs/requirements.md", root), "utf8")
  .split("\n")
  .flatMap((line) => {
    const [, number, promise, overSockets, withProcesses] = line.split("|").map((cell) => cell.trim())
    return number !== undefined && /^[A-Z]\d+$/.test(number) ? [{ number, promise, overSockets, withProcesses }] : []
  })

describe("a requirement has a test that proves it", () => {
  test("all of them are found", () => {
    assert.isAtLeast(rows.length, 14)
  })

  for (const { number, overSockets, withProcesses } of rows) {
    test(number, () => {
      assert.isTrue(proves(all, number), `no test with ${number} in its title`)
      if (overSockets !== "") {
        assert.isTrue(proves(sockets, number), `no test with ${number} in its title, over sockets`)
      }
      if (withProcesses !== "") {
        assert.isTrue(proves(processes, number), `no test with ${number} in its title, with processes`)
      }
    })
  }
})
