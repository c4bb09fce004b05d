import { Effect } from "effect"
import { atMostRounds, type Cell, measure } from "../../measure.ts"
import { median, medianInterval } from "../../statistics.ts"
import type { Report } from "../../suite.ts"
import { atLeast, atMost, figure } from "../../target.ts"
import {
  clientCores,
  httpCell,
  type HttpSample,
  type HttpSeries,
  pairedRatio,
  perSecond,
  serverCores
} from "./httpCell.ts"
import {
  BARE,
  GO_HTTP,
  LAYER_NODE,
  LAYER_UNDICI,
  present,
  type Setting,
  startClient,
  type Subject,
  UNDICI,
  UNDICI_FETCH,
  urlOf,
  WATERTIGHT
} from "./setting.ts"

const SUBJECTS = [WATERTIGHT, UNDICI, UNDICI_FETCH, LAYER_UNDICI, LAYER_NODE, GO_HTTP, BARE]

const MIB = 1_048_576

/** A download lasts a second, so there are fewer rounds. */
const ROUNDS = 7
const ROUNDS_QUICK = 3

/**
 * How far the memory may rise above the level before the first download, over all of them: a sixteenth of one body. Before that each
 * client reads a body of just this size, which lets V8 compile what is hot and grow its young generation, and no more than that: a
 * client that keeps what it reads rises by the other fifteen sixteenths.
 */
const MEMORY_BOUND = 64

/** The highest level of the memory seen in any download, above the one before the first. */
interface Rise {
  mebibytes: number
}

/** Watches the memory from the first download on, which is the one before the rounds that count. */
const watched = (cell: Cell<HttpSample>, rise: Rise): Cell<HttpSample> => {
  let first: number | undefined
  return {
    ...cell,
    sample: (operations) =>
      Effect.tap(cell.sample(operations), ({ memory }) =>
        Effect.sync(() => {
          if (memory === undefined) return
          first ??= memory.before
          rise.mebibytes = Math.max(Number.isNaN(rise.mebibytes) ? 0 : rise.mebibytes, (memory.peak - first) / MIB)
        }))
  }
}

interface Watched {
  readonly subject: Subject
  readonly cell: Cell<HttpSample>
  readonly rise: Rise
}

/** A body that comes in, chunk by chunk: how fast, and whether it passes through or piles up. */
export const downloads = (setting: Setting): Effect.Effect<Report> =>
  Effect.scoped(Effect.gen(function*() {
    const { options, server } = setting
    const size = options.quick ? 64 : 1_024
    const sizeName = options.quick ? "64 MiB" : "1 GiB"
    const rounds = options.quick ? ROUNDS_QUICK : Math.min(options.rounds, ROUNDS)
    const bytes = size * MIB
    const warmUp = Math.min(bytes / 4, MEMORY_BOUND * MIB)
    const path = (length: number): string => urlOf(server.ports.live[0], `/download/${length}`)
    const subjects = yield* Effect.forEach(present(setting, SUBJECTS), (subject) =>
      Effect.gen(function*() {
        const client = yield* startClient(setting, subject)
        yield* client.perform({ do: "download", url: path(warmUp), bytes: warmUp })
        const rise = { mebibytes: Number.NaN }
        const cell = httpCell(subject.title, server, client, () => ({
          operations: 1,
          task: { do: "download", url: path(bytes), bytes }
        }))
        const watching: Watched = { subject, rise, cell: atMostRounds(watched(cell, rise), rounds) }
        return watching
      }), { concurrency: 2 })
    const measured = yield* measure(
      subjects.map(({ cell }) => cell),
      {
        ...options,
        minMillis: 1,
        progress: options.progress.within("download")
      }
    )
    const undici = measured.of(UNDICI.title)
    const mebibytes = (series: HttpSeries): ReadonlyArray<number> => perSecond(series).map((each) => each * size)
    const throughput = pairedRatio(perSecond(measured.of(WATERTIGHT.title)), perSecond(undici))
    const riseOf = (title: string): number =>
      subjects.find(({ subject }) => subject.title === title)?.rise.mebibytes ?? Number.NaN
    return {
      tables: [{
        title: `Download of ${sizeName} as a stream`,
        columns: ["client", "MiB/s", "of undici", "CPU s per GiB", "cores", "server's cores", "memory + MiB"],
        rows: measured.all.map((series) => [
          series.name,
          figure(median(mebibytes(series))),
          series === undici ? "1×" : `${figure(pairedRatio(perSecond(series), perSecond(undici)).median)}×`,
          figure(series.median / 1e9 * 1_024 / size),
          figure(median(clientCores(series))),
          figure(median(serverCores(series))),
          figure(riseOf(series.name))
        ]),
        notes: [
          "Effect's clients read it with `Stream.runForEachChunk`, the others with `for await`, Go with `Read`. Memory is the highest",
          `resident size seen in any of the ${rounds + 1} downloads, above the size before the first, when ${
            warmUp / MIB
          } MiB had been read.`
        ]
      }],
      targets: [
        atLeast({
          name: `download of ${sizeName}, throughput of undici Pool.request`,
          label: "download: throughput of undici",
          measured: throughput.median,
          interval: throughput,
          bound: 0.9,
          unit: "×"
        }),
        atMost({
          name: `resident memory in a download of ${sizeName}, above the level before`,
          label: "memory",
          measured: riseOf(WATERTIGHT.title),
          bound: MEMORY_BOUND,
          unit: "MiB"
        })
      ],
      charts: [{
        title: `Download of ${sizeName} as a stream: throughput`,
        caption: "MiB per second; more is better. Whiskers: 95 % of the median.",
        bars: subjects.map(({ subject }) => {
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
      raw: { downloads: measured.all }
    }
  }))
