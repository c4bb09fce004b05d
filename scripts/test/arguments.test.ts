import { assert, it } from "vitest"
import { wholeRequirements } from "../arguments.mjs"

const pattern = (...args: ReadonlyArray<string>) => {
  const last = wholeRequirements(args).at(-1) ?? ""
  return new RegExp(last.replace(/^(-t|--testNamePattern)=/, ""))
}

it("a requirement number finds its own tests and no longer number", () => {
  for (
    const found of [pattern("-t", "P1"), pattern("-t=P1"), pattern("--testNamePattern", "P1"), pattern("-t", "P1|P2")]
  ) {
    assert.isTrue(found.test("P1: at most 100 connections"))
    assert.isFalse(found.test("P10: at most 10 checks"))
  }
})

it("any other pattern and any other argument stays as it is", () => {
  const args = ["-t", "P1: at most", "--reporter=verbose", "P1"]
  assert.deepStrictEqual(wholeRequirements(args), args)
})
