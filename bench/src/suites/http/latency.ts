import { Effect } from "effect"
import { measure } from "../../measure.ts"
import { median, medianInterval } from "../../statistics.ts"
import type { Report } from "../../suite.ts"
import { figure } from "../../target.ts"
import { httpCell, type HttpSeries, perSecond } from "./httpCell.ts"
import type { Quantiles } from "./protocol.ts"
import {
  CONNECTIONS,
  LAYER_UNDICI,
  type Setting,
  startClient,
  type Subject,
  UNDICI,
  urlOf,
  WATERTIGHT
} from "./setting.ts"

const SUBJECTS = [WATERTIGHT, UNDICI, LAYER_UNDICI]
const LEVELS = [50, 500, 5_000]
const ROUNDS = 7

const titleOf = (subject: Subject, callers: number): string =>
  `${subject.title}, ${callers.toLocaleString("en-US")} callers`

const quantileOf = (series: HttpSeries, name: keyof Quantiles): ReadonlyArray<number> =>
  series.samples.map((sample) => sample.latency?.[name] ?? Number.NaN)

const millis = (values: ReadonlyArray<number>): string => figure(median(values))

/** How long a caller waits when there are more of them than connections. */
export const latency = (setting: Setting): Effect.Effect<Report> =>
  Effect.scoped(Effect.gen(function*() {
    const { options, server } = setting
    const urls = [urlOf(server.ports.live[0], "/json")]
    const clients = yield* Effect.forEach(
      SUBJECTS,
      (subject) => Effect.map(startClient(setting, subject), (client) => ({ subject, client })),
      { concurrency: 2 }
    )
    // In every round each caller makes several requests: its first one meets an empty queue.
    const each = options.quick ? 1 : 3
    const cells = LEVELS.flatMap((callers) =>
      clients.map(({ client, subject }) =>
        httpCell(titleOf(subject, callers), server, client, (wanted) => {
          const operations = Math.max(wanted, callers * each)
          return {
            operations,
            task: { do: "requests", urls, callers, requests: operations, postBytes: 0, latency: true }
          }
        })
      )
    )
    const measured = yield* measure(cells, {
      ...options,
      rounds: Math.min(options.rounds, ROUNDS),
      warmUpRounds: 1,
      minMillis: options.quick ? 50 : 250,
      progress: options.progress.within("latency")
    })
    return {
      tables: [{
        title: `Latency of a GET of JSON, ${CONNECTIONS} connections, milliseconds`,
        columns: ["client", "p50", "p99", "p99.9", "requests/s"],
        rows: measured.all.map((series) => [
          series.name,
          millis(quantileOf(series, "p50")),
          millis(quantileOf(series, "p99")),
          millis(quantileOf(series, "p999")),
          millis(perSecond(series))
        ]),
        notes: [
          "From the call to the parsed JSON, the wait for a connection included; each caller asks again as soon as it is answered. The",
          "median of the rounds' quantiles."
        ]
      }],
      targets: [],
      charts: LEVELS.slice(-1).map((callers) => ({
        title: `${callers.toLocaleString("en-US")} callers, ${CONNECTIONS} connections: p99 latency`,
        caption: "Milliseconds from the call to the parsed JSON; less is better. Whiskers: 95 % of the median.",
        bars: SUBJECTS.map((subject) => {
          const values = quantileOf(measured.of(titleOf(subject, callers)), "p99")
          return {
            label: subject.title,
            value: median(values),
            text: `${millis(values)} ms`,
            interval: medianInterval(values),
            role: subject.role
          }
        })
      })),
      raw: { latency: measured.all }
    }
  }))
