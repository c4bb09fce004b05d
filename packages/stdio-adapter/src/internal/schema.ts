/** Results of a schema. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { ResultInvalid } from "../StdioError.ts"

export const requestWith = <A, I, R, E>(
  schema: Schema.Schema<A, I, R>,
  server: string,
  method: string,
  request: Effect.Effect<unknown, E>
): Effect.Effect<A, E | ResultInvalid, R> =>
  Effect.flatMap(request, (result) =>
    Effect.mapError(
      Schema.decodeUnknown(schema)(result),
      (cause) => new ResultInvalid({ server, method, cause })
    ))
