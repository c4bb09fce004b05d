/** What a caller's span is told about its waiting. Nothing at all when the caller has no span. */
import type { Caller } from "./caller.ts"

export const mark = <K, Conn, E>(caller: Caller<K, Conn, E>, event: string, at: number): void => {
  const { span } = caller
  if (span?._tag !== "Span") return
  try {
    span.event(event, BigInt(Math.round(at * 1e6)), { "server.address": caller.host.label })
  } catch {
    // a tracer that throws must not stop a step half-way
  }
}
