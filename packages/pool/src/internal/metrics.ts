/**
 * The metrics of the hosts of one label. What the state knows is read off it when somebody looks, so it can never disagree with the
 * state and costs a borrow nothing; the rest is counted as it happens. They leave the registry with the last host of the label.
 */
import { globalValue } from "effect/GlobalValue"
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"
import * as MetricKey from "effect/MetricKey"
import * as MetricLabel from "effect/MetricLabel"
import * as MetricState from "effect/MetricState"
import * as MutableHashMap from "effect/MutableHashMap"
import { hasProperty } from "effect/Predicate"
import { attributes, boundaries, type MetricInfo, type MetricJson, metrics } from "../PoolMetrics.ts"
import type { CloseReason } from "../PoolStats.ts"

/** What the metrics of a pool have in common. */
export interface PoolInstruments {
  readonly pool: string
  readonly prefix: string
}

/** What is read off the state of a host. */
export interface Source {
  readonly active: number
  readonly idle: { readonly size: number }
  readonly connecting: { readonly size: number }
  readonly closing: { readonly size: number }
  readonly waiters: { readonly undialedSize: number }
  readonly settings: { readonly maxConnectionsPerHost: number }
  readonly counters: { readonly acquired: number; readonly reused: number }
}

type Labels = ReadonlyArray<readonly [name: string, value: string]>
type Read = (source: Source) => number

/** Labels need not be unique, nor the names of pools: whoever shares both shares the metrics, whichever copy made them. */
const shared = globalValue(Symbol.for("@watertight/pool/metrics"), () => new Map<string, HostMetrics>())

export class HostMetrics {
  private readonly id: string
  private readonly prefix: string
  private readonly labels: Labels
  private readonly sources = new Set<Source>()
  private readonly registered = new Map<string, Registered>()
  /** leases of hosts that are gone, so that a counter never goes back while another host of the label is left */
  private past = { acquired: 0, reused: 0 }
  private over = false

  static of(instruments: PoolInstruments, label: string): HostMetrics {
    const id = JSON.stringify([instruments.prefix, instruments.pool, label])
    const known = shared.get(id)
    if (known !== undefined) return known
    const made = new HostMetrics(id, instruments, label)
    shared.set(id, made)
    return made
  }

  private constructor(id: string, { pool, prefix }: PoolInstruments, label: string) {
    this.id = id
    this.prefix = prefix
    this.labels = [[attributes.pool, pool], [attributes.host, label]]
    const state = (value: string): Labels => [[attributes.state, value]]
    this.gauge(metrics.openConnections, (source) => source.active, state("active"))
    this.gauge(metrics.openConnections, (source) => source.idle.size, state("idle"))
    this.gauge(metrics.connecting, (source) => source.connecting.size)
    this.gauge(metrics.closing, (source) => source.closing.size)
    this.gauge(metrics.pending, (source) => source.waiters.undialedSize)
    this.gauge(metrics.limit, (source) => source.settings.maxConnectionsPerHost)
    const leases = (reused: boolean, count: (counters: Source["counters"]) => number): void => {
      const { hook } = this.counter(metrics.acquired, [[attributes.reused, String(reused)]])
      hook.get = () => MetricState.counter(count(this.past) + this.sum((source) => count(source.counters)))
    }
    leases(false, ({ acquired, reused }) => acquired - reused)
    leases(true, ({ reused }) => reused)
  }

  join(source: Source): void {
    this.sources.add(source)
  }

  /** The host is gone, and its metrics with it, unless another host has the same label. */
  leave(source: Source): void {
    if (!this.sources.delete(source)) return
    const { acquired, reused } = source.counters
    this.past = { acquired: this.past.acquired + acquired, reused: this.past.reused + reused }
    if (this.sources.size > 0) return
    shared.delete(this.id)
    this.over = true
    for (const { key } of this.registered.values()) forget(key)
  }

  opened(dialMillis: number): void {
    this.count(metrics.opened)
    this.observe(metrics.dialTime, boundaries.dialTime, dialMillis)
  }

  failed(dialMillis: number): void {
    this.count(metrics.failed)
    this.observe(metrics.dialTime, boundaries.dialTime, dialMillis)
  }

  closed(reason: CloseReason, lifeMillis: number): void {
    this.count(metrics.closed, [[attributes.reason, reason]])
    this.observe(metrics.lifetime, boundaries.lifetime, lifeMillis)
  }

  abandoned(): void {
    this.count(metrics.abandoned)
  }

  refused(error: string): void {
    this.count(metrics.refused, [[attributes.error, error]])
  }

  leaked(): void {
    this.count(metrics.leaks)
  }

  waited(millis: number): void {
    this.observe(metrics.waitTime, boundaries.waitTime, millis)
  }

  toJSON(): ReadonlyArray<MetricJson> {
    return Array.from(this.registered.values(), ({ hook, info, labels }) => ({
      name: `${this.prefix}.${info.name}`,
      type: info.type,
      attributes: Object.fromEntries(labels),
      value: plain(hook.get())
    }))
  }

  private sum(read: Read): number {
    let total = 0
    for (const source of this.sources) total += read(source)
    return total
  }

  private gauge(info: MetricInfo, read: Read, extra: Labels = []): void {
    const { hook } = this.register(info, extra, (name) => MetricKey.gauge(name, { description: info.description }))
    hook.get = () => MetricState.gauge(this.sum(read))
  }

  private counter(info: MetricInfo, extra: Labels = []): Registered {
    const options = { description: info.description, incremental: true } as const
    return this.register(info, extra, (name) => MetricKey.counter(name, options))
  }

  /** A close that had been given up may end after its host is gone: nothing is registered anew for that. */
  private count(info: MetricInfo, extra: Labels = []): void {
    if (!this.over) this.counter(info, extra).hook.update(1)
  }

  private observe(info: MetricInfo, bounds: ReadonlyArray<number>, millis: number): void {
    if (this.over) return
    const make = (name: string) => MetricKey.histogram(name, MetricBoundaries.fromIterable(bounds), info.description)
    this.register(info, [], make).hook.update(millis / 1000)
  }

  /** Registered when first used: most hosts never meet most reasons. */
  private register(info: MetricInfo, extra: Labels, make: (name: string) => MetricKey.MetricKey.Untyped): Registered {
    const id = extra.length === 0 ? info.name : `${info.name} ${String(extra[0]?.[1])}`
    const known = this.registered.get(id)
    if (known !== undefined) return known
    const labels = [...this.labels, ...extra]
    const tags = labels.map(([name, value]) => MetricLabel.make(name, value))
    const key = MetricKey.taggedWithLabels(make(`${this.prefix}.${info.name}`), tags)
    // A hook's own type is that of its key, which is one of three here; all of them take numbers.
    const hook = Metric.globalMetricRegistry.get(key) as unknown as Hook
    const registered = { info, labels, key, hook }
    this.registered.set(id, registered)
    return registered
  }
}

interface Registered {
  readonly info: MetricInfo
  readonly labels: Labels
  readonly key: MetricKey.MetricKey.Untyped
  readonly hook: Hook
}

/** The registry's entry of a metric. `get` is what a snapshot calls, so replacing it makes the metric one that is derived. */
interface Hook {
  get: () => MetricState.MetricState.Untyped
  readonly update: (value: number) => void
}

const plain = (state: MetricState.MetricState.Untyped): MetricJson["value"] =>
  MetricState.isCounterState(state)
    ? Number(state.count)
    : MetricState.isGaugeState(state)
    ? Number(state.value)
    : MetricState.isHistogramState(state)
    ? { count: state.count, sum: state.sum, min: state.min, max: state.max }
    : 0

/**
 * Effect's registry has no way to take a metric out, and a pool whose hosts come and go would fill it. Its map is private, so
 * this looks whether it is there as it was in 3.22; were it not, the metric would stay at its last value.
 */
const forget = (key: MetricKey.MetricKey.Untyped): void => {
  const { map } = Metric.globalMetricRegistry as unknown as {
    readonly map?: MutableHashMap.MutableHashMap<MetricKey.MetricKey.Untyped, unknown>
  }
  if (hasProperty(map, Symbol.for("effect/MutableHashMap"))) {
    MutableHashMap.remove(map as MutableHashMap.MutableHashMap<MetricKey.MetricKey.Untyped, unknown>, key)
  }
}
