// Finds the code that the documentation shows. Each snippet keeps its lines and columns, with blanks in place of all
// that stands around it, so that what the compiler says of a snippet is true of the original file.

/**
 * @typedef {object} Found
 * @property {ReadonlyArray<{ line: number, code: string }>} snippets by the line of their tag or fence
 * @property {ReadonlyArray<{ line: number, message: string }>} problems what is shown, but not as agreed
 * @property {number} ignored
 */

/** Under the examples package, so that a snippet imports what an example can import. */
export const snippetFolder = "packages/examples/build/snippets"

/**
 * The file that holds a snippet while it is compiled.
 *
 * @param {string} file
 * @param {number} line
 */
export const snippetFile = (file, line) => `${snippetFolder}/${file}.${line}.ts`

/**
 * What the compiler said, in terms of the original files.
 *
 * @param {string} output
 */
export const inOriginals = (output) =>
  output
    .replaceAll(new RegExp(`${snippetFolder}/(.+?)\\.\\d+\\.ts(?!\\.\\d)`, "g"), "$1")
    .replaceAll(/^(\S[^(\n]*)\((\d+),(\d+)\): /gm, "$1:$2:$3: ")

/**
 * The code of each `@example`: what follows it in its doc comment, without fences, up to the next tag.
 *
 * @param {string} source
 * @returns {Found}
 */
export const snippetsOfSource = (source) => {
  const found = empty()
  let inComment = false
  /** @type {Block | undefined} */
  let example
  const finish = () => {
    if (example !== undefined) keep(found, example)
    example = undefined
  }
  for (const [index, line] of source.split("\n").entries()) {
    inComment ||= /^\s*\/\*\*(?!\/)/.test(line)
    if (!inComment) continue
    const end = line.indexOf("*/")
    const text = end === -1 ? line : line.slice(0, end)
    const margin = /^\s*(?:\/\*\*|\*(?!\/))? ?/.exec(text)?.[0].length ?? 0
    // An indented word with an @ may be a decorator in the code of an example, unless it begins an example itself.
    const tag = /^(?:@|\s*@(?=example\b))(\w+)/.exec(text.slice(margin))?.[1]
    if (tag !== undefined) finish()
    if (tag === "example") example = { line: index + 1, code: [] }
    else example?.code.push(" ".repeat(margin) + text.slice(margin))
    if (end === -1) continue
    finish()
    inComment = false
  }
  return found
}

/**
 * The code of each TypeScript fence, besides those that say `ignore` and why.
 *
 * @param {string} markdown
 * @returns {Found}
 */
export const snippetsOfMarkdown = (markdown) => {
  const found = empty()
  /** @type {Block & { readonly mark: string, readonly language: string, readonly words: string } | undefined} */
  let fence
  const finish = () => {
    if (fence !== undefined && /^(ts|typescript)$/i.test(fence.language)) keepFence(found, fence, fence.words)
    fence = undefined
  }
  for (const [index, line] of markdown.split("\n").entries()) {
    if (fence === undefined) {
      const [, mark, language = "", words = ""] = /^\s*(`{3,}|~{3,})\s*(\w*)([^`]*)$/.exec(line) ?? []
      if (mark !== undefined) fence = { line: index + 1, code: [], mark, language, words: words.trim() }
    } else if (isEnd(line.trim(), fence.mark)) finish()
    else fence.code.push(line)
  }
  // Without its end, a fence reaches to the end of the file, as it does in a browser.
  finish()
  return found
}

/** @typedef {{ readonly line: number, readonly code: Array<string> }} Block */

const empty = () => ({
  /** @type {Array<{ line: number, code: string }>} */
  snippets: [],
  /** @type {Array<{ line: number, message: string }>} */
  problems: [],
  ignored: 0
})

/**
 * @param {ReturnType<typeof empty>} found
 * @param {Block} block
 */
const keep = (found, { line, code }) => {
  if (code.every((text) => text.trim() === "")) {
    found.problems.push({ line, message: "an example without code on the lines after it" })
  } else {
    found.snippets.push({ line, code: "\n".repeat(line) + code.map((text) => text.trimEnd()).join("\n") + "\n" })
  }
}

/**
 * @param {ReturnType<typeof empty>} found
 * @param {Block} block
 * @param {string} words
 */
const keepFence = (found, block, words) => {
  const [, reason] = /^ignore\b\W*(.*)$/.exec(words) ?? []
  if (reason === undefined) keep(found, block)
  else if (reason === "") found.problems.push({ line: block.line, message: "`ignore` needs a reason after it" })
  else found.ignored += 1
}

/**
 * @param {string} line
 * @param {string} mark
 */
const isEnd = (line, mark) => line.startsWith(mark) && line === mark.charAt(0).repeat(line.length)
