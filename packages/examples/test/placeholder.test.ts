import { it } from "@effect/vitest"
import { Effect } from "effect"

it.effect("the examples package runs an Effect test", () => Effect.void)
