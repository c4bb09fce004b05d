/** A sink for people: a line for each entry, in a colour of its container. */
import { Effect } from "effect"
import type { Plain } from "../monitor/Entry.ts"
import { type Sink, SinkFailed } from "./Sink.ts"

export interface Output {
  readonly isTTY?: boolean | undefined
  readonly write: (text: string, done: (error?: Error | null) => void) => unknown
}

const colours = [36, 33, 32, 35, 34, 96, 93, 92, 95, 94]

const colourOf = (name: string): number =>
  colours[[...name].reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) % 9973, 7) % colours.length] ?? 36

// A container must not move the cursor, or change the title, of whoever looks on.
const harmless = (text: string): string =>
  text.replaceAll(
    /[\p{Cc}\u2028\u2029]/gu,
    (letter) => letter === "\t" ? letter : `\\x${letter.codePointAt(0)?.toString(16).padStart(2, "0")}`
  )

const shown = ({ line, name, stream, timestamp }: Plain, isTTY: boolean): string => {
  const time = timestamp.slice(11, 23)
  const mark = stream === "stderr" ? "!" : "|"
  return isTTY
    ? `\u001b[2m${time}\u001b[0m \u001b[${colourOf(name)}m${name} ${mark}\u001b[0m ${harmless(line)}\n`
    : `${time} ${name} ${mark} ${harmless(line)}\n`
}

/** Waits for a slow reader. */
export const make = (output: Output): Sink => ({
  name: "stdout",
  deliver: (lines) =>
    Effect.async<void, SinkFailed>((resume) => {
      const text = lines.map((line) => shown(line, output.isTTY === true)).join("")
      output.write(text, (error) =>
        resume(
          error === undefined || error === null
            ? Effect.void
            : Effect.fail(new SinkFailed({ sink: "stdout", reason: error.message }))
        ))
    })
})
