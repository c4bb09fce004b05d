import { Effect } from "effect"
import { measure } from "../../measure.ts"
import { median, medianInterval } from "../../statistics.ts"
import type { Report } from "../../suite.ts"
import { atLeast, figure } from "../../target.ts"
import { clientCores, httpCell, type HttpSeries, pairedRatio, perSecond, serverCores } from "./httpCell.ts"
import {
  AXIOS,
  BARE,
  CONNECTIONS,
  GO_HTTP,
  GOT,
  LAYER_NODE,
  LAYER_UNDICI,
  present,
  type Setting,
  startClient,
  UNDICI,
  UNDICI_FETCH,
  urlOf,
  WATERTIGHT
} from "./setting.ts"

const SUBJECTS = [WATERTIGHT, UNDICI, UNDICI_FETCH, LAYER_UNDICI, LAYER_NODE, GOT, AXIOS, GO_HTTP, BARE]

const KIB = 64
const POST_BYTES = KIB * 1_024

const mebibytes = (series: HttpSeries): ReadonlyArray<number> => perSecond(series).map((posts) => posts * KIB / 1_024)

const row = (series: HttpSeries, peer: HttpSeries): ReadonlyArray<string> => [
  series.name,
  figure(median(mebibytes(series))),
  series === peer ? "1×" : `${figure(pairedRatio(perSecond(series), perSecond(peer)).median)}×`,
  figure(series.median / 1_000),
  figure(median(clientCores(series))),
  figure(median(serverCores(series)))
]

/** A body that goes out: how fast, and what it costs. */
export const posts = (setting: Setting): Effect.Effect<Report> =>
  Effect.scoped(Effect.gen(function*() {
    const { options, server } = setting
    const urls = [urlOf(server.ports.live[0], "/post")]
    const subjects = present(setting, SUBJECTS)
    const cells = yield* Effect.forEach(subjects, (subject) =>
      Effect.map(startClient(setting, subject), (client) =>
        httpCell(subject.title, server, client, (operations) => ({
          operations,
          task: {
            do: "requests",
            urls,
            callers: CONNECTIONS,
            requests: operations,
            postBytes: POST_BYTES,
            latency: false
          }
        }))), { concurrency: 2 })
    const measured = yield* measure(cells, {
      ...options,
      warmUpRounds: 1,
      minMillis: options.quick ? 50 : 400,
      progress: options.progress.within("POST")
    })
    const undici = measured.of(UNDICI.title)
    const throughput = pairedRatio(perSecond(measured.of(WATERTIGHT.title)), perSecond(undici))
    return {
      tables: [{
        title: `POST of ${KIB} KiB, ${CONNECTIONS} at a time`,
        columns: ["client", "MiB/s", "of undici", "CPU µs of a POST", "cores", "server's cores"],
        rows: measured.all.map((series) =>
          row(series, undici)
        ),
        notes: ["The body is in memory, its length declared; the answer is the JSON of the GET, parsed."]
      }],
      targets: [
        atLeast({
          name: `POST of ${KIB} KiB, throughput of undici Pool.request`,
          label: "POST: throughput of undici",
          measured: throughput.median,
          interval: throughput,
          bound: 0.9,
          unit: "×"
        })
      ],
      charts: [{
        title: `POST of ${KIB} KiB, ${CONNECTIONS} at a time: throughput`,
        caption: "MiB per second; more is better. Whiskers: 95 % of the median.",
        bars: subjects.map((subject) => {
          const values = mebibytes(measured.of(subject.title))
          return {
            label: subject.title,
            value: median(values),
            text: `${figure(median(values))} MiB/s`,
            interval: medianInterval(values),
            role: subject.role
          }
        })
      }],
      raw: { posts: measured.all }
    }
  }))
