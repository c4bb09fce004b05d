/** One line on the terminal that replaces itself; nothing at all where no terminal looks. */
export interface Progress {
  readonly show: (text: string) => void
  readonly clear: () => void
  /** The same progress, each text with `prefix` before it. */
  readonly within: (prefix: string) => Progress
}

interface Terminal {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

const ERASE_LINE = "\r\u001b[2K"

export const makeProgress = (terminal: Terminal, prefix = ""): Progress => {
  const visible = terminal.isTTY === true
  return {
    show(text) {
      if (!visible) return
      const line = `${prefix}${text}`.slice(0, (terminal.columns || 80) - 1)
      terminal.write(ERASE_LINE + line)
    },
    clear() {
      if (visible) terminal.write(ERASE_LINE)
    },
    within: (inner) => makeProgress(terminal, `${prefix}${inner}: `)
  }
}
