/** How far something has come: a bar on a terminal, a line now and then anywhere else. */

export interface Progress {
  readonly done: number
  readonly total: number
}

/** What it is written to, such as `process.stdout`. */
export interface Output {
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
  readonly write: (text: string) => unknown
}

const full = "█"
const empty = "░"
/** Lines where there is no terminal: as many as a log can bear. */
const lines = 4

/** Draws nothing that is there already: 10,000 items move a bar of 40 columns 40 times, and its percentage 100 times. */
export const progressBar = (output: Output): (progress: Progress) => void => {
  let drawn = ""
  return ({ done, total }) => {
    const share = total === 0 ? 1 : done / total
    const line = output.isTTY === true ? barOf(share, output.columns ?? 80) : lineOf(share)
    if (line === drawn) return
    drawn = line
    output.write(output.isTTY === true ? `\r\u001b[K${line}${done === total ? "\n" : ""}` : `${line}\n`)
  }
}

const barOf = (share: number, columns: number): string => {
  const width = Math.max(10, Math.min(40, columns - 8))
  const filled = Math.floor(share * width)
  return `${full.repeat(filled)}${empty.repeat(width - filled)} ${String(Math.floor(share * 100)).padStart(3)} %`
}

const lineOf = (share: number): string => `${Math.floor(share * lines) * (100 / lines)} %`
