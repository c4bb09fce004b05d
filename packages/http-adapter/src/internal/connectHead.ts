/** The head of a proxy's answer to CONNECT, however it is cut into pieces. PURE. */
export type ConnectAnswer =
  | { readonly status: number; /** what came behind the head: the tunnel's first bytes */ readonly rest: Buffer }
  | "malformed"
  | "too large"

const start = "HTTP/1."
const statusLine = /^HTTP\/1\.[01] ([1-9]\d\d)(?: [^\r\n]*)?\r?\n/u

export class ConnectHead {
  private readonly limit: number
  private text = ""

  constructor(limit: number) {
    this.limit = limit
  }

  /** `undefined` as long as the head has no end. */
  push(chunk: Buffer): ConnectAnswer | undefined {
    // Latin-1: each byte is one character, there and back.
    const from = Math.max(0, this.text.length - 3)
    this.text += chunk.toString("latin1")
    for (let at = from;;) {
      const { length } = this.text
      if (!start.startsWith(this.text.slice(0, start.length))) return "malformed"
      const end = endOf(this.text, at)
      if (end === undefined) return length > this.limit ? "too large" : undefined
      if (end > this.limit) return "too large"
      const status = Number(statusLine.exec(this.text)?.[1] ?? 0)
      if (status === 0 || status === 101) return "malformed"
      const rest = this.text.slice(end)
      if (status >= 200) return { status, rest: Buffer.from(rest, "latin1") }
      // it is only informed of something
      this.text = rest
      at = 0
      if (rest === "") return undefined
    }
  }
}

/** Where the empty line ends that ends the head. Lines may end without a carriage return. */
const endOf = (text: string, from: number): number | undefined => {
  for (let at = text.indexOf("\n", from); at !== -1; at = text.indexOf("\n", at + 1)) {
    const next = text.startsWith("\r\n", at + 1) ? at + 3 : text[at + 1] === "\n" ? at + 2 : undefined
    if (next !== undefined) return next
  }
  return undefined
}
