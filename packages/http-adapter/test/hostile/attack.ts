/** Hostile responses as tables: what the peer says, what the caller gets of it, and whether the connection may live on. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { HttpAdapterConfig } from "../../src/index.ts"
import * as Faults from "../parts/tcp/faults.ts"
import type { Failure, Outcome } from "./rig.ts"
import { outcomeOf, recovered, trial } from "./rig.ts"

export interface Attack {
  readonly title: string
  /** each piece in a packet of its own, every character one byte */
  readonly says: ReadonlyArray<string>
  readonly ends?: Faults.End
  readonly to?: HttpClientRequest.HttpClientRequest
  readonly options?: Partial<HttpAdapterConfig.Options>
  readonly gives: Outcome
  /** whether another request may go over the connection; only where all of both messages is known to be over */
  readonly keeps?: boolean
}

export const gives = (status: number, body: string): Outcome => ({ status, body })

/** The request failed before there was a response. */
export const lost = (cause: string): Failure => ({ failed: "RequestError", reason: "Transport", cause })

/** There was a response, but its body failed. */
export const cut = (cause: string): Failure => ({ failed: "ResponseError", reason: "Decode", cause })

/** The request was never sent, or not to its end. */
export const refused = (cause: string): Failure => ({ failed: "RequestError", reason: "Encode", cause })

export const invalidUrl = (cause: string): Failure => ({ failed: "RequestError", reason: "InvalidUrl", cause })

/** The beginning of most responses. */
export const ok = "HTTP/1.1 200 OK\r\n"

/** A whole response that is as it should be. */
export const good = `${ok}content-length: 2\r\n\r\nok`

export const head = HttpClientRequest.head("/attacked")

/** One test for each attack. Whatever comes, the request arrives once, and the next one gets its own answer. */
export const attacks = (requirement: string, table: ReadonlyArray<Attack>): void => {
  for (const { ends, gives: expected, keeps, options, says, title, to } of table) {
    const pieces = says.map((piece) => Buffer.from(piece, "latin1"))
    it.effect(`${requirement} ${title}`, () =>
      trial(Faults.raw(pieces, ends), options ?? {}, (rig) =>
        Effect.gen(function*() {
          const request = to ?? HttpClientRequest.get("/attacked")
          const outcome = yield* outcomeOf(rig, HttpClientRequest.prependUrl(request, rig.peer.origin))
          assert.deepStrictEqual(outcome, expected)
          assert.deepStrictEqual(rig.peer.requests().map(({ target }) => target), ["/attacked"])
          yield* recovered(rig, keeps === true ? 1 : 0)
        })))
  }
}
