import { expect, it } from "vitest"
import { versionOf } from "../src/results.ts"

it("finds the version of a package, and says when there is none", () => {
  expect(versionOf("effect")).toMatch(/^3\.22\./)
  expect(versionOf("@watertight/no-such-package")).toBe("not installed")
})
