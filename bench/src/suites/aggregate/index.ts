import { Effect } from "effect"
import type { Chart } from "../../chart.ts"
import { type Cell, loopCell, measure, type Measured, promiseLoopCell, rarely } from "../../measure.ts"
import { ratioOf } from "../../statistics.ts"
import type { BenchOptions, Report, Suite } from "../../suite.ts"
import { atLeast, atMost, figure } from "../../target.ts"
import { fetched, forEach, processed, streamed } from "./effects.ts"
import { type Gate, makeGate } from "./gate.ts"
import { allSettled, allSettledHeard, settledByMap } from "./promises.ts"

const SIZES = [1, 100, 10_000] as const
const AT_ONCE = 10

type Run = () => Effect.Effect<unknown, unknown>

interface Contender {
  readonly name: string
  readonly role: "ours" | "peer"
  readonly cell: (name: string, gate: Gate, size: number) => Cell
}

/** The cost of a source, not of a call. */
const perSource = (cell: Cell, size: number): Cell => ({
  ...cell,
  sample: (operations) =>
    Effect.map(
      cell.sample(Math.ceil(operations / size)),
      (sample) => ({ ...sample, operations: sample.operations * size })
    )
})

const effects = (make: (gate: Gate, size: number) => Run) => (name: string, gate: Gate, size: number): Cell =>
  perSource(loopCell(name, make(gate, size)), size)

const promises =
  (make: (gate: Gate, size: number) => () => Promise<void>) => (name: string, gate: Gate, size: number): Cell => {
    const run = make(gate, size)
    const loop = async (calls: number): Promise<void> => {
      for (let done = 0; done < calls; done += 1) await run()
    }
    return perSource(promiseLoopCell(name, loop), size)
  }

/** An AbortSignal looks through all its listeners for each that is added: 10,000 of them take most of a second. */
const unhurried = (cell: Contender["cell"]): Contender["cell"] => (name, gate, size) => {
  const one = cell(name, gate, size)
  return size === 10_000 ? rarely(one) : one
}

const FETCH = "fetchAndAggregate"
const BATCH = `processBatch, ${AT_ONCE} at once`
const STREAM = "streamResults"
const SETTLED = "Promise.allSettled"
const HEARD = `${SETTLED}, all listening`
const FOR_EACH = "Effect.forEach"

const contenders: ReadonlyArray<Contender> = [
  { name: FETCH, role: "ours", cell: effects(fetched) },
  { name: STREAM, role: "ours", cell: effects(streamed) },
  { name: FOR_EACH, role: "peer", cell: effects((gate, size) => forEach(gate, size, "unbounded")) },
  { name: SETTLED, role: "peer", cell: promises(allSettled) },
  { name: HEARD, role: "peer", cell: unhurried(promises(allSettledHeard)) },
  { name: "pMapSettled", role: "peer", cell: promises((gate, size) => settledByMap(gate, size, Infinity)) },
  { name: BATCH, role: "ours", cell: effects((gate, size) => processed(gate, size, AT_ONCE)) },
  {
    name: `${FOR_EACH}, ${AT_ONCE} at once`,
    role: "peer",
    cell: effects((gate, size) => forEach(gate, size, AT_ONCE))
  },
  {
    name: `pMapSettled, ${AT_ONCE} at once`,
    role: "peer",
    cell: promises((gate, size) => settledByMap(gate, size, AT_ONCE))
  }
]

const cellName = (name: string, size: number): string => `${name}, ${size.toLocaleString("en-US")}`

const chartOf = (measured: Measured, size: number): Chart => ({
  title: `One of ${size.toLocaleString("en-US")} sources`,
  caption: "nanoseconds of CPU; less is better",
  bars: contenders.map(({ name, role }) => {
    const { median } = measured.of(cellName(name, size))
    return { label: name, value: median, text: figure(median), role }
  })
})

const run = (options: BenchOptions): Effect.Effect<Report> =>
  Effect.gen(function*() {
    const gate = makeGate()
    const cells = SIZES.flatMap((size) => contenders.map(({ cell, name }) => cell(cellName(name, size), gate, size)))
    const measured = yield* measure(cells, options)
    const nanos = (name: string, size: number) => measured.of(cellName(name, size)).nanos
    const flat = (name: string) => {
      const ratio = ratioOf(nanos(name, 10_000), nanos(name, 100))
      return atMost({
        name: `${name}: cost of one of 10,000 sources, of that of one of 100`,
        label: `${name} flat`,
        measured: ratio.median,
        interval: ratio,
        bound: 1.5,
        unit: "×"
      })
    }
    const cheaper = ratioOf(nanos(FOR_EACH, 100), nanos(FETCH, 100))
    return {
      tables: [{
        title: "To ask one source, in nanoseconds of CPU",
        columns: ["with", ...SIZES.map((size) => `of ${size.toLocaleString("en-US")}`), `of ${SETTLED}, of 100`],
        rows: contenders.map(({ name }) =>
          [name].concat(
            SIZES.map((size) => figure(measured.of(cellName(name, size)).median)),
            `${figure(ratioOf(nanos(name, 100), nanos(SETTLED, 100)).median)}×`
          )
        ),
        notes: [
          "A source answers in the next turn of the event loop. Ours have a deadline for all and a time limit for each source,",
          "the others a deadline for all: Effect.timeoutOption, or a timer and an AbortController. Its signal is heard by the sources where they",
          "are called listening, as those of fetch do; elsewhere a source of promises could not be given up."
        ]
      }],
      targets: [
        flat(FETCH),
        flat(BATCH),
        flat(STREAM),
        atLeast({
          name: `${FETCH} cheaper than ${FOR_EACH} with a deadline, 100 sources`,
          label: `${FETCH} cheaper than ${FOR_EACH}`,
          measured: cheaper.median,
          interval: cheaper,
          bound: 2,
          unit: "×"
        })
      ],
      charts: [chartOf(measured, 100), chartOf(measured, 10_000)],
      raw: { aggregate: measured.all }
    }
  })

export const aggregateSuite: Suite = {
  name: "aggregate",
  description: "what a source costs in fetchAndAggregate, processBatch and streamResults, beside their peers",
  conditions: "Measured with a young generation of 256 MiB (`--max-semi-space-size=256`), in one process.",
  peers: ["@watertight/http-adapter", "effect", "p-map"],
  run
}
