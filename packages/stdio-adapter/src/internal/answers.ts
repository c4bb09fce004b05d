/** What an answer means to whoever asked. PURE. */
import * as Effect from "effect/Effect"
import * as StdioError from "../StdioError.ts"
import type { Message } from "./messages.ts"

export const answerOf = (
  server: string,
  method: string,
  message: Extract<Message, { readonly kind: "result" | "error" | "broken" }>
): Effect.Effect<unknown, StdioError.RequestError> => {
  switch (message.kind) {
    case "result":
      return Effect.succeed(message.result)
    case "broken":
      return Effect.fail(new StdioError.AnswerMalformed({ server, method }))
    case "error": {
      const { code, data, text: description } = message
      return Effect.fail(new StdioError.RpcError({ server, method, code, description, data }))
    }
  }
}
