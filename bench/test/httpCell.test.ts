import { Effect } from "effect"
import { describe, expect, it } from "vitest"
import { httpCell, pairedRatio } from "../src/suites/http/httpCell.ts"
import type { Remote } from "../src/suites/http/processes.ts"

describe("a sample of a client in another process", () => {
  it("holds the client's own time, and what the server spent meanwhile", async () => {
    let spent = 100
    const server: Remote = { perform: () => Effect.sync(() => ({ cpuNanos: spent, wallNanos: 0 })) }
    const client: Remote = {
      perform: (task) =>
        Effect.sync(() => {
          expect(task).toEqual({ do: "download", url: "u", bytes: 7 })
          spent += 40
          return { cpuNanos: 8, wallNanos: 9 }
        })
    }
    const cell = httpCell("cell", server, client, (operations) => ({
      operations: operations * 2,
      task: { do: "download", url: "u", bytes: 7 }
    }))
    expect(await Effect.runPromise(Effect.orDie(cell.sample(3)))).toEqual({
      operations: 6,
      cpuNanos: 8,
      wallNanos: 9,
      serverCpuNanos: 40
    })
  })

  it("is paired round by round with a peer that has more rounds", () => {
    expect(pairedRatio([2, 2, 2], [1, 1, 1, 100, 100])).toMatchObject({ median: 2, low: 2, high: 2 })
  })
})
