import { assert, it } from "vitest"
import { inOriginals, snippetFile, snippetsOfMarkdown, snippetsOfSource } from "../snippets.mjs"

const text = (...lines: ReadonlyArray<string>) => lines.join("\n")

/** What is left of the snippets, as `line:column code`: the position is the original one. */
const positions = (found: ReturnType<typeof snippetsOfSource>) =>
  found.snippets.map(({ code }) =>
    code.split("\n").flatMap((line, index) =>
      line.trim() === "" ? [] : [`${index + 1}:${line.search(/\S/) + 1} ${line.trim()}`]
    )
  )

it("an example goes up to the next tag or the end of its comment, and keeps its lines and columns", () => {
  const source = text(
    "/**",
    " * Twice.",
    " *",
    " * @example",
    " * const a = 1",
    " *",
    " * @Decorated class A {}", // a tag to every tool that reads doc comments
    " * @example A title",
    " * class B {",
    " *   @bound b() {}",
    " * }",
    " */",
    "export const twice = 2",
    "export interface I {",
    "  /**",
    "   * @example",
    "   *   c() */",
    "  readonly i: number",
    "}"
  )
  const found = snippetsOfSource(source)
  assert.deepStrictEqual(found.snippets.map(({ line }) => line), [4, 8, 16])
  assert.deepStrictEqual(positions(found), [
    ["5:4 const a = 1"],
    ["9:4 class B {", "10:6 @bound b() {}", "11:4 }"],
    ["17:8 c()"]
  ])
  assert.deepStrictEqual(found.problems, [])
})

it("an @example outside a doc comment is none", () => {
  const source = text("// @example", "/* @example", " * a", " */", "/**/", "const b = \"@example\"")
  assert.deepStrictEqual(snippetsOfSource(source), { snippets: [], problems: [], ignored: 0 })
})

it("an example without code, or with it on the line of the tag, is refused", () => {
  const source = text("/** @example twice(1) */", "/**", " * @example", " *", " * @since 1", " */")
  assert.deepStrictEqual(snippetsOfSource(source).problems.map(({ line }) => line), [1, 3])
})

it("a page shows its TypeScript fences, whatever stands around and within them", () => {
  const page = text(
    "```ts",
    "a",
    "```",
    "Text with ```ts in it.",
    "```sh",
    "npm start",
    "```",
    "- in a list",
    "  ~~~~typescript twoslash",
    "  ```",
    "  b",
    "  ~~~~",
    "````md",
    "```ts",
    "c",
    "```",
    "````",
    "```ts,ignore",
    "d"
  )
  const found = snippetsOfMarkdown(page)
  assert.deepStrictEqual(found.snippets.map(({ line }) => line), [1, 9, 18])
  assert.deepStrictEqual(positions(found), [["2:1 a"], ["10:3 ```", "11:3 b"], ["19:1 d"]])
})

it("only `ignore` with a reason opts a fence out", () => {
  const page = text("```ts ignore: pseudo-code", "a", "```", "```ts ignore", "b", "```", "```ts ignored", "c", "```")
  const found = snippetsOfMarkdown(page)
  assert.strictEqual(found.ignored, 1)
  assert.deepStrictEqual(found.problems.map(({ line }) => line), [4])
  assert.deepStrictEqual(positions(found), [["8:1 c"]])
})

it("errors name the original file, line and column", () => {
  const compiled = text(
    `${snippetFile("packages/pool/src/v2.0.ts", 10)}(12,4): error TS2304: Cannot find name 'f(1,2): x'.`,
    `  The type came from ${snippetFile("docs/a page.md", 3)}.`,
    `${snippetFile("docs/a page.md", 3)}(4,1): warning TS1: b`,
    "packages/pool/src/Lease.ts(1,2): error TS2: c"
  )
  assert.strictEqual(
    inOriginals(compiled),
    text(
      "packages/pool/src/v2.0.ts:12:4: error TS2304: Cannot find name 'f(1,2): x'.",
      "  The type came from docs/a page.md.",
      "docs/a page.md:4:1: warning TS1: b",
      "packages/pool/src/Lease.ts:1:2: error TS2: c"
    )
  )
})
