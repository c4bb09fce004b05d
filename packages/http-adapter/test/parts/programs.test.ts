import { assert, it } from "@effect/vitest"
import { afterEach, vi } from "vitest"
import { find, lacks } from "./programs.ts"

afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

it("a missing program is told of loudly once and skips its tests, but not in CI", () => {
  const said: Array<string> = []
  vi.spyOn(process.stderr, "write").mockImplementation((line) => said.push(String(line)) > 0)
  assert.isDefined(find("sh"))
  vi.stubEnv("CI", "")
  assert.isFalse(lacks("sh"))
  assert.deepStrictEqual(said, [])
  assert.isTrue(lacks("sh", "no-such-program"))
  assert.isTrue(lacks("no-such-program"))
  assert.strictEqual(said.length, 1)
  assert.match(said[0] ?? "", /WARNING: no-such-program is not installed/u)
  vi.stubEnv("CI", "true")
  assert.isFalse(lacks("no-such-program"))
})
