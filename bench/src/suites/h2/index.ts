import { Effect } from "effect"
import { measure } from "../../measure.ts"
import { median, medianInterval } from "../../statistics.ts"
import type { Report, Suite } from "../../suite.ts"
import { atMost, figure } from "../../target.ts"
import {
  clientCores,
  cpuMicros,
  httpCell,
  type HttpSeries,
  pairedRatio,
  perSecond,
  serverCores
} from "../http/httpCell.ts"
import { startHttp2Server, startNodeClient } from "../http/processes.ts"
import { makeCertificate } from "./certificate.ts"

/** Requests at once, on one session. */
const STREAMS = 100

const OURS = { title: "Watertight PooledHttpClient", client: "watertight-h2", role: "ours" } as const
const BARE = { title: "bare node:http2 session", client: "bare-h2", role: "limit" } as const
const UNDICI = { title: "undici Client, allowH2", client: "undici-h2", role: "peer" } as const
const SUBJECTS = [OURS, BARE, UNDICI]

const row = (series: HttpSeries, bare: HttpSeries): ReadonlyArray<string> => [
  series.name,
  figure(median(cpuMicros(series))),
  `± ${Math.round(series.spread * 50)} %`,
  series === bare ? "1×" : `${figure(pairedRatio(series.nanos, bare.nanos).median)}×`,
  figure(median(perSecond(series))),
  figure(median(clientCores(series))),
  figure(median(serverCores(series)))
]

const reportOf = (all: ReadonlyArray<HttpSeries>, of: (name: string) => HttpSeries): Report => {
  const [ours, bare, undici] = [of(OURS.title), of(BARE.title), of(UNDICI.title)]
  const target = (peer: HttpSeries, name: string, bound: number) => {
    const ratio = pairedRatio(ours.nanos, peer.nanos)
    return atMost({
      name: `GET over HTTP/2, ${STREAMS} streams on one session, CPU of ${name}`,
      label: `CPU of ${name}`,
      measured: ratio.median,
      interval: ratio,
      bound,
      unit: "×"
    })
  }
  return {
    tables: [{
      title: `GET of JSON, ${STREAMS} streams on one session`,
      columns: ["client", "CPU µs", "spread", "of bare", "requests/s", "cores", "server's cores"],
      rows: all.map((series) => row(series, bare)),
      notes: [
        "Each request reads and parses some 250 bytes of JSON, over TLS. CPU is user and system time of the client's process alone, its",
        "collector included. The server is node:http2 in another process; it is busier than any client and bounds the requests per",
        "second, so CPU is what compares. Effect's tracer is off."
      ]
    }],
    targets: [target(bare, "a bare node:http2 session", 1.5), target(undici, "undici's HTTP/2", 1)],
    charts: [{
      title: `GET of JSON, ${STREAMS} streams on one session: CPU per request`,
      caption: "Microseconds of the client's process, user and system; less is better. Whiskers: 95 % of the median.",
      bars: SUBJECTS.map(({ role, title }) => {
        const values = cpuMicros(of(title))
        const value = median(values)
        return { label: title, value, text: `${figure(value)} µs`, interval: medianInterval(values), role }
      })
    }],
    raw: { streams: all }
  }
}

export const h2Suite: Suite = {
  name: "h2",
  description: "a hundred streams on one session of HTTP/2, beside node:http2 and undici",
  conditions:
    "Every client runs in a process of its own, with V8's defaults, and has one connection; one server, another process, answers them " +
    "all. Client and server share this machine's cores.",
  peers: ["@watertight/http-adapter", "@watertight/pool", "effect", "@effect/platform", "undici"],
  run: (options) =>
    Effect.scoped(Effect.gen(function*() {
      const certificate = makeCertificate()
      const server = yield* startHttp2Server(certificate)
      const urls = [`https://127.0.0.1:${server.port}/json`]
      const cells = yield* Effect.forEach(SUBJECTS, ({ client, title }) =>
        Effect.map(
          startNodeClient(client, { connections: 1, callers: STREAMS, traced: false, ca: certificate.cert }),
          (started) =>
            httpCell(title, server, started, (operations) => ({
              operations,
              task: { do: "requests", urls, callers: STREAMS, requests: operations, postBytes: 0, latency: false }
            }))
        ), { concurrency: 2 })
      const measured = yield* measure(cells, {
        ...options,
        minMillis: options.quick ? 150 : 400,
        progress: options.progress.within("HTTP/2")
      })
      return reportOf(measured.all, measured.of)
    }))
}
