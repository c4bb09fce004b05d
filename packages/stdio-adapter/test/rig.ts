/** A pool on servers in memory, under the test's clock. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { StdioPool, StdioServer } from "../src/index.ts"
import type { PoolOptions } from "../src/StdioPool.ts"
import { TestStdio } from "../src/testing/index.ts"
import type { TestServer } from "../src/testing/index.ts"

/** The server of most tests. */
export const files = StdioServer.make({ name: "files", command: "files-mcp" })

export const other = StdioServer.make({ name: "other", command: "other-mcp" })

/** Answers with what it was asked. */
export const echo: TestServer = ({ method, params }) => Effect.succeed({ method, params })

export const rig = (handler: TestServer = echo, options: PoolOptions = {}) =>
  Effect.gen(function*() {
    const servers = yield* TestStdio.make({ files: handler, other: handler }, { checkInvariants: true, ...options })
    const context = yield* Layer.build(servers.layer)
    return { servers, pool: Context.get(context, StdioPool.StdioPool) }
  })

/** Lets everything happen that needs no time. */
export const settle: Effect.Effect<void> = TestClock.adjust(0)

export const isUnderWay = (fiber: Fiber.RuntimeFiber<unknown, unknown>): Effect.Effect<boolean> =>
  Effect.map(fiber.poll, Option.isNone)
