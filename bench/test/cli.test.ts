import { describe, expect, it } from "vitest"
import { parseArguments, usage } from "../src/cli.ts"

const SUITES = ["pool", "http"]

const parse = (...args: ReadonlyArray<string>) => parseArguments(args, SUITES)

const refusal = (...args: ReadonlyArray<string>): string => {
  const parsed = parse(...args)
  return parsed.ok ? "accepted" : parsed.message
}

describe("the command line of the benchmarks", () => {
  it("runs every suite when none is named, and a suite once", () => {
    expect(parse()).toMatchObject({ ok: true, value: { suites: SUITES, rounds: 11, quick: false, json: false } })
    expect(parse("http", "http")).toMatchObject({ value: { suites: ["http"] } })
  })

  it("takes rounds after a space or an equals sign", () => {
    expect(parse("--rounds", "9")).toMatchObject({ value: { rounds: 9 } })
    expect(parse("--rounds=21", "--json")).toMatchObject({ value: { rounds: 21, json: true } })
  })

  it("is quick with fewer and shorter rounds, unless rounds are given", () => {
    expect(parse("--quick")).toMatchObject({ value: { rounds: 5, minMillis: 10 } })
    expect(parse("--quick", "--rounds", "7")).toMatchObject({ value: { rounds: 7, minMillis: 10 } })
  })

  it("names the flag, the value and what is allowed", () => {
    for (const value of ["2", "1000", "x", "9.5", "-9", ""]) {
      expect(refusal("--rounds", value)).toBe(`--rounds: "${value}" given; allowed: a whole number from 3 to 999`)
    }
    expect(refusal("--rounds")).toBe("--rounds: no value given; allowed: a whole number from 3 to 999")
    expect(refusal("--json=yes")).toBe("--json: \"yes\" given; allowed: no value")
    expect(refusal("--round=9")).toBe(
      "unknown flag \"--round\"; allowed: --rounds <n>, --quick, --json, --publish, --help"
    )
    expect(refusal("-q")).toBe("unknown flag \"-q\"; allowed: --rounds <n>, --quick, --json, --publish, --help")
    expect(refusal("pol")).toBe("unknown suite \"pol\"; allowed: pool, http")
  })

  it("lists the suites in its help", () => {
    expect(usage(SUITES)).toContain("pool, http")
  })
})
