import { assert, it } from "vitest"
import { undocumentedExports } from "../exports.mjs"

const undocumented = (files: Readonly<Record<string, ReadonlyArray<string>>>) =>
  undocumentedExports(["src/index.ts"], (file) => {
    const lines = files[file]
    if (lines === undefined) throw new Error(`${file} was read`)
    return lines.join("\n")
  }).map((message) => message.replace(" has no doc comment", ""))

it("each public declaration needs a comment of its own, be it a value or a type", () => {
  assert.deepStrictEqual(
    undocumented({
      "src/index.ts": [
        "/** A. */",
        "export type A = 1",
        "export const A = 1",
        "/* no doc comment */",
        "export interface B {}",
        "/** */",
        "export abstract class C {}",
        "/** D. */",
        "// oxlint-disable-next-line no-console",
        "export async function d(): Promise<1>",
        "export async function d() {}",
        "const own = 1",
        "export const { e } = f"
      ]
    }),
    [
      "src/index.ts:3: A",
      "src/index.ts:5: B",
      "src/index.ts:7: C",
      "src/index.ts:13: `export const { e } = f` (in no form that this check can read)"
    ]
  )
})

it("modules are followed as far as they are public, to the line of the declaration", () => {
  assert.deepStrictEqual(
    undocumented({
      "src/index.ts": [
        "import { secret } from \"./secret.ts\"",
        "export * as A from \"./A.ts\"",
        "export * as B from \"./sub/B.ts\"",
        "export * from \"./c.ts\"",
        "export type * from \"effect/Types\""
      ],
      "src/A.ts": ["/** The module A. */", "import \"./B.ts\"", "", "export const a = 1"],
      "src/sub/B.ts": ["export const b = 1"],
      "src/c.ts": ["/** C. */", "import \"./A.ts\"", "export const c = 1"]
    }),
    [
      "src/index.ts:3: B",
      "src/c.ts:3: c",
      "src/index.ts:5: `export type * from \"effect/Types\"` (in no form that this check can read)",
      "src/A.ts:4: a",
      "src/sub/B.ts:1: b"
    ]
  )
})

it("what is exported again is documented where it is listed or where it is declared", () => {
  assert.deepStrictEqual(
    undocumented({
      "src/index.ts": [
        "export {",
        "  /** A, {@link B}. */",
        "  a,",
        "  type B,",
        "  c as d,",
        "  own",
        "} from \"./between.ts\"",
        "/** E. */",
        "const e = 1",
        "export { e }"
      ],
      "src/between.ts": ["export { a, type B, c } from \"./origin.ts\"", "export const own = 1, unlisted = 2"],
      "src/origin.ts": [
        "export const a = 1",
        "/** B. */",
        "export type B = 1",
        "export const c = 1",
        "export const x = 1"
      ]
    }),
    ["src/origin.ts:4: d", "src/between.ts:2: own"]
  )
})
