/** Which of the known names somebody probably meant. PURE. */

/** The number of letters to insert, drop or change between two words (Levenshtein). */
const distance = (one: string, other: string): number => {
  // the distances of what came before in `one` to each beginning of `other`
  let row = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (const letter of one) {
    let left = (row[0] ?? 0) + 1
    const next = [left]
    for (const [index, [before, above]] of pairs(row).entries()) {
      left = Math.min(before + (letter === other[index] ? 0 : 1), above + 1, left + 1)
      next.push(left)
    }
    row = next
  }
  return row.at(-1) ?? 0
}

const pairs = (row: ReadonlyArray<number>): Array<readonly [number, number]> =>
  row.slice(1).map((above, index) => [row[index] ?? 0, above] as const)

/** The closest of the names, unless so much differs that it would be a guess. */
export const nearest = (name: string, names: ReadonlyArray<string>): string | undefined => {
  let best: string | undefined
  let least = Math.max(2, Math.min(5, Math.floor(name.length / 3))) + 1
  for (const known of names) {
    const off = distance(name.toLowerCase(), known.toLowerCase())
    if (off < least) {
      least = off
      best = known
    }
  }
  return best
}
