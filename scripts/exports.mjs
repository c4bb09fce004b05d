// Finds public exports without a doc comment, by text: every statement of a module begins at the start of a line.
import { posix } from "node:path"

/** @typedef {(file: string) => string} Read */
/** @typedef {{ file: string, line: number, name: string, documented: boolean }} Export */
/** @typedef {{ file: string, line: number, text: string, documented: boolean }} Statement */

/**
 * Every export without a doc comment of the given modules and of the modules that they export.
 *
 * @param {ReadonlyArray<string>} entries
 * @param {Read} read
 */
export const undocumentedExports = (entries, read) => {
  const reached = new Set(entries)
  // A set gives what is added to it while it is walked, too.
  for (const file of reached) for (const target of exportedModules(file, read)) reached.add(target)
  const messages = [...reached].flatMap((file) =>
    exportsOf(file, read)
      .filter(({ documented }) => !documented)
      .map((missing) => `${missing.file}:${missing.line}: ${missing.name} has no doc comment`)
  )
  // An export that is reached in two ways counts once.
  return [...new Set(messages)]
}

const exportAll = /^export (?:type )?\*(?: as (?<name>[\w$]+))? from "(?<from>\.[^"]+)"/
const exportList = /^export (?:type )?\{(?<list>(?:\/\*[\s\S]*?\*\/|[^}])*)\}(?: from "(?<from>[^"]+)")?/
const listed = /(?<comment>\/\*\*[\s\S]*?\*\/)?\s*(?:type )?(?<name>[\w$]+)(?: as (?<alias>[\w$]+))?\s*(?:,|$)/g
const kinds = "(?:const )?enum|const|let|var|function\\*?|class|interface|type|namespace"
const declaration = new RegExp(`^(?:export )?(?:(?:declare|abstract|async) )*(?<kind>${kinds}) (?<name>[\\w$]+)`)
// It has a word in it, and line comments may follow it, such as those for the linter.
const docCommentAtEnd = /\/\*\*(?=[^\w/]*\w)(?:(?!\*\/)[\s\S])*\*\/\s*(?:\/\/.*\n\s*)*$/

/**
 * @param {string} file
 * @param {Read} read
 * @returns {ReadonlyArray<Statement>}
 */
const statementsOf = (file, read) => {
  const source = read(file)
  return [...source.matchAll(/^[a-z]/gm)].map(({ index }) => {
    const before = source.slice(0, index)
    const line = before.split("\n").length
    return { file, line, text: source.slice(index), documented: docCommentAtEnd.test(before) }
  })
}

/**
 * @param {string} file
 * @param {Read} read
 */
const exportedModules = (file, read) =>
  statementsOf(file, read).flatMap(({ text }) => {
    const { from } = exportAll.exec(text)?.groups ?? {}
    return from === undefined ? [] : [moduleAt(file, from)]
  })

/**
 * @param {string} file
 * @param {Read} read
 * @returns {ReadonlyArray<Export>}
 */
const exportsOf = (file, read) =>
  statementsOf(file, read)
    .filter(({ text }) => text.startsWith("export"))
    .flatMap((statement) =>
      ofAll(statement, read) ?? ofList(statement, read) ?? ofDeclaration(statement, read) ?? [unreadable(statement)]
    )

/**
 * @param {Statement} statement
 * @param {Read} read
 */
const ofAll = ({ file, line, text, documented }, read) => {
  const { name, from } = exportAll.exec(text)?.groups ?? {}
  if (from === undefined) return undefined
  const target = moduleAt(file, from)
  if (name === undefined) return exportsOf(target, read)
  // A namespace has the head of its module for a comment, too.
  return [{ file, line, name, documented: documented || read(target).startsWith("/**") }]
}

/**
 * What is listed may be documented in the list or where it is declared.
 *
 * @param {Statement} statement
 * @param {Read} read
 */
const ofList = ({ file, line, text }, read) => {
  const { list, from } = exportList.exec(text)?.groups ?? {}
  if (list === undefined) return undefined
  const candidates = from === undefined
    ? declarationsOf(file, read)
    : from.startsWith(".")
    ? exportsOf(moduleAt(file, from), read)
    : []
  return [...list.trim().matchAll(listed)].flatMap(({ groups = {} }) => {
    const { comment, name = "", alias = name } = groups
    if (comment !== undefined) return [{ file, line, name: alias, documented: true }]
    const origins = candidates.filter((candidate) => candidate.name === name)
    if (origins.length === 0) return [{ file, line, name: alias, documented: false }]
    return origins.map((origin) => ({
      file: origin.file,
      line: origin.line,
      name: alias,
      documented: origin.documented
    }))
  })
}

/**
 * One comment is enough for all overloads of a function; a type and a value of one name are two exports.
 *
 * @param {Statement} statement
 * @param {Read} read
 */
const ofDeclaration = ({ file, line, text }, read) => {
  const { kind, name } = declaration.exec(text)?.groups ?? {}
  if (name === undefined) return undefined
  const alike = declarationsOf(file, read).filter((other) => other.kind === kind && other.name === name)
  return [{ file, line, name, documented: alike.some(({ documented }) => documented) }]
}

/**
 * @param {string} file
 * @param {Read} read
 */
const declarationsOf = (file, read) =>
  statementsOf(file, read).flatMap(({ line, text, documented }) => {
    const { kind, name } = declaration.exec(text)?.groups ?? {}
    return name === undefined ? [] : [{ file, line, kind, name, documented }]
  })

/**
 * A destructuring, a default export, another package: better refused than believed.
 *
 * @param {Statement} statement
 */
const unreadable = ({ file, line, text }) => ({
  file,
  line,
  name: `\`${text.split("\n", 1).join()}\` (in no form that this check can read)`,
  documented: false
})

/**
 * @param {string} file
 * @param {string} from
 */
const moduleAt = (file, from) => posix.join(posix.dirname(file), from)
