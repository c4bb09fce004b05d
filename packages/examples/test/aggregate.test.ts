import { assert, test } from "vitest"
import { progressBar } from "../src/http/progressBar.ts"
import { patience, run } from "./programs.ts"

test("an aggregation says who answered, who failed and who was too slow", async () => {
  const { stderr, stdout } = await run("http/aggregate.ts")
  assert.strictEqual(stderr, "")
  assert.deepStrictEqual(stdout.split("\n"), [
    "users answered: users is well",
    "prices answered: prices is well",
    "stock answered: stock is well",
    "failing failed: StatusCode: non 2xx status code",
    "slow was too slow",
    "first: stock (Succeeded)",
    "0 %",
    "25 %",
    "50 %",
    "75 %",
    "100 %",
    "batch: 500 of 500 over 8 connections",
    "the pool: 0 requests under way",
    ""
  ])
}, patience)

test("a bar is drawn in place on a terminal, and only when it has moved", () => {
  const written: Array<string> = []
  const show = progressBar({ isTTY: true, columns: 18, write: (text) => written.push(text) })
  for (let done = 1; done <= 1000; done++) show({ done, total: 1000 })
  assert.strictEqual(written.length, 101)
  assert.strictEqual(written[0], "\r\u001b[K░░░░░░░░░░   0 %")
  assert.strictEqual(written[50], "\r\u001b[K█████░░░░░  50 %")
  assert.strictEqual(written[100], "\r\u001b[K██████████ 100 %\n")
})
