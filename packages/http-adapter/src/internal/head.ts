/** The head of a response, read off what came: of bytes, only what is asked for becomes text. PURE. */
import * as Headers from "@effect/platform/Headers"

/** names and values in turn: bytes as HTTP/1.1 sends them, or texts as HTTP/2 packs them */
export type RawHeaders = ReadonlyArray<Uint8Array | string>

const text = (one: Uint8Array | string | undefined): string =>
  one === undefined
    ? ""
    : typeof one === "string"
    ? one
    : Buffer.from(one.buffer, one.byteOffset, one.byteLength).toString("latin1")

const named = (raw: RawHeaders, name: string): string | undefined => {
  for (let i = 0; i < raw.length; i += 2) {
    const key = raw[i]
    if (key !== undefined && key.length === name.length && text(key).toLowerCase() === name) return text(raw[i + 1])
  }
  return undefined
}

/** Names in lower case; a name that comes again is joined to the first, as HTTP has it. */
export const headersOf = (raw: RawHeaders): Headers.Headers => {
  // with the prototype from the start: to set it later costs more than all the rest
  const headers: Record<string, string> = Object.create(proto)
  for (let i = 0; i < raw.length; i += 2) {
    const name = text(raw[i]).toLowerCase()
    const value = text(raw[i + 1])
    const before = headers[name]
    headers[name] = before === undefined ? value : `${before}, ${value}`
  }
  // it has the prototype of all headers
  return headers as Headers.Headers
}

const proto: object | null = Object.getPrototypeOf(Headers.empty)

/** Cookies contain commas, so they are not joined. */
export const setCookiesOf = (raw: RawHeaders): Array<string> => {
  const cookies: Array<string> = []
  for (let i = 0; i < raw.length; i += 2) {
    if (raw[i]?.length === 10 && text(raw[i]).toLowerCase() === "set-cookie") cookies.push(text(raw[i + 1]))
  }
  return cookies
}

export const contentLengthOf = (raw: RawHeaders): number | undefined => {
  const value = named(raw, "content-length")
  return value !== undefined && /^\d+$/.test(value) ? Number(value) : undefined
}

/** The codings of the body, in the order in which they were applied. */
export const contentEncodingOf = (raw: RawHeaders): string | undefined => {
  let all: string | undefined
  for (let i = 0; i < raw.length; i += 2) {
    if (raw[i]?.length !== 16 || text(raw[i]).toLowerCase() !== "content-encoding") continue
    const value = text(raw[i + 1])
    all = all === undefined ? value : `${all}, ${value}`
  }
  return all
}

/** How long the server keeps an idle connection, in milliseconds, if it says so. */
export const keepAliveOf = (raw: RawHeaders): number | undefined => {
  const seconds = /(?:^|[\s,;])timeout=(\d+)/i.exec(named(raw, "keep-alive") ?? "")?.[1]
  return seconds === undefined ? undefined : Number(seconds) * 1000
}
