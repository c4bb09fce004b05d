import { Effect } from "effect"
import { atMostRounds, measure, type Measured, withoutRunUp } from "../../measure.ts"
import { median } from "../../statistics.ts"
import type { Report } from "../../suite.ts"
import { atLeast, atMost, figure, type Target } from "../../target.ts"
import { PATIENCE_MILLIS, PAUSE_MILLIS } from "./clients/client.ts"
import { httpCell, type HttpSample, type HttpSeries, pairedRatio, perSecond } from "./httpCell.ts"
import { type Setting, startClient, type Subject, UNDICI, urlOf, WATERTIGHT } from "./setting.ts"

/**
 * One pause of the collector meets all callers at once, so a p99 tells more the fewer they are; these are enough to keep the
 * client busy all the time. The dead host has more of them, since its callers pile up; each time that one gives up costs a new
 * connection, some 1 ms of the CPU that all share, so they are not so many that this alone would be seen.
 */
const CALLERS_PER_HOST = 3
const CALLERS_OF_DEAD = 5

/** A p99 needs many requests and its ratio many rounds. Quick rounds decide nothing. */
const MILLIS = { standard: 600, quick: 60 }
const ROUNDS_FACTOR = 4

interface Company {
  readonly name: string
  readonly title: string
  readonly port?: "silent" | "deaf"
}

const ALONE: Company = { name: "alone", title: "nine live hosts" }
const DEAD: ReadonlyArray<Company> = [
  { name: "silent", title: "and one that accepts and never answers", port: "silent" },
  { name: "deaf", title: "and one that drops connections", port: "deaf" }
]

/** undici heeds no abort while it connects: its callers of the host that drops connections would be stuck for 10 s. */
const SUBJECTS = [{ subject: WATERTIGHT, beside: DEAD }, { subject: UNDICI, beside: DEAD.slice(0, 1) }]

const titleOf = (subject: Subject, company: Company): string => `${subject.title}: ${company.title}`

const p99 = (series: HttpSeries): ReadonlyArray<number> =>
  series.samples.map((sample) => sample.latency?.p99 ?? Number.NaN)

const ratios = (measured: Measured<HttpSample>, subject: Subject, company: Company) => {
  const alone = measured.of(titleOf(subject, ALONE))
  const beside = measured.of(titleOf(subject, company))
  return { throughput: pairedRatio(perSecond(beside), perSecond(alone)), p99: pairedRatio(p99(beside), p99(alone)) }
}

const targetsOf = (measured: Measured<HttpSample>, company: Company): ReadonlyArray<Target> => {
  const ratio = ratios(measured, WATERTIGHT, company)
  return [
    atLeast({
      name: `P8: throughput of nine hosts ${company.title}`,
      label: `${company.name} host: throughput of the others`,
      measured: ratio.throughput.median,
      interval: ratio.throughput,
      bound: 0.95,
      unit: "×"
    }),
    atMost({
      name: `P8: p99 of nine hosts ${company.title}, upper end of the interval`,
      label: "their p99 at most",
      measured: ratio.p99.high,
      interval: ratio.p99,
      bound: 1.1,
      unit: "×"
    })
  ]
}

/** What a dead host does to the callers of its neighbours. */
export const deadHost = (setting: Setting): Effect.Effect<Report> =>
  Effect.scoped(Effect.gen(function*() {
    const { options, server } = setting
    const urls = server.ports.live.map((port) => urlOf(port, "/json"))
    const callers = urls.length * CALLERS_PER_HOST
    const clients = yield* Effect.forEach(
      SUBJECTS,
      ({ beside, subject }) => Effect.map(startClient(setting, subject), (client) => ({ subject, beside, client })),
      { concurrency: 2 }
    )
    // One process for a client's three cells: two processes of the same program differ by some per cent.
    const cells = clients.flatMap(({ beside, client, subject }) =>
      [ALONE, ...beside].map((company) => {
        const dead = company.port === undefined
          ? {}
          : { dead: { url: urlOf(server.ports[company.port], "/"), callers: CALLERS_OF_DEAD } }
        const cell = withoutRunUp(httpCell(titleOf(subject, company), server, client, (operations) => ({
          operations,
          task: { do: "requests", urls, callers, requests: operations, postBytes: 0, latency: true, ...dead }
        })))
        // A peer is only shown.
        return subject === WATERTIGHT ? cell : atMostRounds(cell, options.rounds)
      })
    )
    const measured = yield* measure(cells, {
      ...options,
      rounds: options.quick ? options.rounds : options.rounds * ROUNDS_FACTOR,
      minMillis: options.quick ? MILLIS.quick : MILLIS.standard,
      progress: options.progress.within("dead host")
    })
    const row = (subject: Subject, company: Company): ReadonlyArray<string> => {
      const series = measured.of(titleOf(subject, company))
      const ratio = company === ALONE ? undefined : ratios(measured, subject, company)
      const interval = (of: { readonly low: number; readonly high: number }): string =>
        `${figure(of.low)} … ${figure(of.high)}`
      return [
        series.name,
        figure(median(perSecond(series))),
        ratio === undefined ? "" : interval(ratio.throughput),
        figure(median(p99(series))),
        ratio === undefined ? "" : interval(ratio.p99)
      ]
    }
    return {
      tables: [{
        title: "One dead host beside nine live ones",
        columns: ["client: hosts", "requests/s of the live", "× of alone, 95 %", "their p99 ms", "× of alone, 95 %"],
        rows: SUBJECTS.flatMap(({ beside, subject }) => [ALONE, ...beside].map((company) => row(subject, company))),
        notes: [
          `Each live host has ${CALLERS_PER_HOST} callers, the dead one ${CALLERS_OF_DEAD}, who give up after ${PATIENCE_MILLIS} ms and try again after ${PAUSE_MILLIS} ms.`,
          "undici heeds no abort while it connects, so its callers of a host that drops connections would be stuck for 10 s each."
        ]
      }],
      targets: DEAD.flatMap((company) => targetsOf(measured, company)),
      raw: { deadHost: measured.all }
    }
  }))
