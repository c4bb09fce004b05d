/**
 * A requirement number alone (`-t P1`, `-t 'P1|P2'`) means that number as a whole word: to vitest it is a regular
 * expression that P10 matches as well.
 *
 * @param {ReadonlyArray<string>} args
 */
export const wholeRequirements = (args) =>
  args.map((arg, index) => {
    if (args[index - 1] === "-t" || args[index - 1] === "--testNamePattern") return wholeWord(arg)
    const [, option, pattern] = /^(-t=|--testNamePattern=)(.*)$/s.exec(arg) ?? []
    return option === undefined || pattern === undefined ? arg : option + wholeWord(pattern)
  })

/** @param {string} pattern */
const wholeWord = (pattern) => /^[A-Z]\d+(\|[A-Z]\d+)*$/.test(pattern) ? `\\b(?:${pattern})\\b` : pattern
