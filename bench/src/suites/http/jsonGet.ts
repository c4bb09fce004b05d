import { Effect } from "effect"
import { measure, type Measured, rarely } from "../../measure.ts"
import { median, medianInterval } from "../../statistics.ts"
import type { Report } from "../../suite.ts"
import { atLeast, atMost, figure, type Target } from "../../target.ts"
import {
  clientCores,
  cpuMicros,
  httpCell,
  type HttpSample,
  type HttpSeries,
  pairedRatio,
  perSecond,
  serverCores
} from "./httpCell.ts"
import {
  AXIOS,
  BARE,
  CONNECTIONS,
  GO_HTTP,
  goNote,
  GOT,
  LAYER_NODE,
  LAYER_NODE_DEFAULT,
  LAYER_UNDICI,
  present,
  type Setting,
  startClient,
  traced,
  UNDICI,
  UNDICI_FETCH,
  urlOf,
  WATERTIGHT
} from "./setting.ts"

const SUBJECTS = [
  WATERTIGHT,
  UNDICI,
  UNDICI_FETCH,
  LAYER_UNDICI,
  LAYER_NODE,
  LAYER_NODE_DEFAULT,
  GOT,
  AXIOS,
  GO_HTTP,
  BARE,
  traced(WATERTIGHT),
  traced(LAYER_UNDICI)
]

const row = (series: HttpSeries, peer: HttpSeries): ReadonlyArray<string> => [
  series.name,
  figure(median(cpuMicros(series))),
  `± ${Math.round(series.spread * 50)} %`,
  series === peer ? "1×" : `${figure(pairedRatio(series.nanos, peer.nanos).median)}×`,
  figure(median(perSecond(series))),
  figure(median(clientCores(series))),
  figure(median(serverCores(series)))
]

interface Comparison {
  readonly ours: HttpSeries
  readonly peer: HttpSeries
  readonly peerName: string
  readonly cpuBound: number
}

/** CPU at most, and throughput at least, in the same proportion. */
const targetsOf = ({ cpuBound, ours, peer, peerName }: Comparison): ReadonlyArray<Target> => {
  const cpu = pairedRatio(ours.nanos, peer.nanos)
  const throughput = pairedRatio(perSecond(ours), perSecond(peer))
  return [
    atMost({
      name: `JSON GET, CPU of ${peerName}`,
      label: `GET: CPU of ${peerName}`,
      measured: cpu.median,
      interval: cpu,
      bound: cpuBound,
      unit: "×"
    }),
    atLeast({
      name: `JSON GET, throughput of ${peerName}`,
      label: `throughput of ${peerName}`,
      measured: throughput.median,
      interval: throughput,
      bound: 1 / cpuBound,
      unit: "×"
    })
  ]
}

const reportOf = (setting: Setting, measured: Measured<HttpSample>): Report => {
  const undici = measured.of(UNDICI.title)
  const ours = measured.of(WATERTIGHT.title)
  const compare = (peer: HttpSeries, peerName: string, cpuBound: number, mine = ours) =>
    targetsOf({ ours: mine, peer, peerName, cpuBound })
  return {
    tables: [{
      title: `GET of JSON, ${CONNECTIONS} at a time`,
      columns: ["client", "CPU µs", "spread", "of undici", "requests/s", "cores", "server's cores"],
      rows: measured.all.map((series) => row(series, undici)),
      notes: [
        "Each request reads and parses some 250 bytes of JSON. CPU is user and system time of the client's process alone, its",
        "collector included. The server is another process, of raw sockets, so that it costs less than any client but the bare",
        "sockets; where it keeps a whole core busy, it bounds the requests per second, and CPU is what compares.",
        "The aim beyond the target is 1.3× undici. Effect's tracer is off but for the rows that say `traced`. Every client has 50",
        "connections that are kept, but for `as it is`, which opens one for each request.",
        goNote(setting)
      ]
    }],
    targets: [
      ...compare(undici, "undici Pool.request", 1.5),
      ...compare(measured.of(LAYER_UNDICI.title), "layerUndici", 0.35),
      ...compare(
        measured.of(traced(LAYER_UNDICI).title),
        "layerUndici, both traced",
        0.45,
        measured.of(traced(WATERTIGHT).title)
      )
    ],
    charts: [{
      title: `GET of JSON, ${CONNECTIONS} at a time: CPU per request`,
      caption: "Microseconds of the client's process, user and system; less is better. Whiskers: 95 % of the median.",
      // It would make all the others look alike.
      bars: SUBJECTS.filter((subject) => subject !== LAYER_NODE_DEFAULT).flatMap((subject) => {
        const series = measured.all.find(({ name }) => name === subject.title)
        if (series === undefined) return []
        const value = median(cpuMicros(series))
        return [{
          label: subject.title,
          value,
          text: `${figure(value)} µs`,
          interval: medianInterval(cpuMicros(series)),
          role: subject.role
        }]
      })
    }],
    raw: { jsonGet: measured.all }
  }
}

/** What a small request costs its client. */
export const jsonGet = (setting: Setting): Effect.Effect<Report> =>
  Effect.scoped(Effect.gen(function*() {
    const { options, server } = setting
    const urls = [urlOf(server.ports.live[0], "/json")]
    const cells = yield* Effect.forEach(present(setting, SUBJECTS), (subject) =>
      Effect.map(startClient(setting, subject), (client) => {
        const cell = httpCell(subject.title, server, client, (operations) => ({
          operations,
          task: { do: "requests", urls, callers: CONNECTIONS, requests: operations, postBytes: 0, latency: false }
        }))
        return subject === LAYER_NODE_DEFAULT ? rarely(cell) : cell
      }), { concurrency: 2 })
    const measured = yield* measure(cells, {
      ...options,
      minMillis: options.quick ? 70 : 250,
      progress: options.progress.within("JSON GET")
    })
    return reportOf(setting, measured)
  }))
