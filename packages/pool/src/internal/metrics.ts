/**
 * The metrics of a host, kept in step with its state. They are read off the state after each step, not counted beside it, and
 * leave the registry with their host.
 */
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"
import * as MetricKey from "effect/MetricKey"
import * as MetricState from "effect/MetricState"
import * as MutableHashMap from "effect/MutableHashMap"
import { hasProperty } from "effect/Predicate"
import { attributes, boundaries, type MetricInfo, type MetricJson, metrics } from "../PoolMetrics.ts"
import type { CloseReason } from "../PoolStats.ts"
import type { HostState } from "./state/hostState.ts"
import type { Member } from "./state/member.ts"
import type { Waiter } from "./state/waiters.ts"

/** The names of one pool's metrics. */
export interface PoolInstruments {
  readonly pool: string
  readonly prefix: string
}

type Labels = ReadonlyArray<readonly [string, string]>
type AnyKey = MetricKey.MetricKey.Untyped

const tagged = <K extends AnyKey>(key: K, labels: Labels): K =>
  // tagging keeps the type of a key
  labels.reduce((tagging, [name, value]) => MetricKey.tagged(tagging, name, value) as K, key)

interface Gauge {
  readonly set: (value: number) => void
  readonly get: () => number
  last: number
}

export class HostMetrics {
  private readonly keys: Array<readonly [MetricInfo, AnyKey, Labels]> = []
  private readonly instruments: PoolInstruments
  private readonly labels: Labels
  private readonly active: Gauge
  private readonly idle: Gauge
  private readonly connecting: Gauge
  private readonly closing: Gauge
  private readonly pending: Gauge
  private readonly limit: Gauge
  private readonly fresh: (n: number) => void
  private readonly reused: (n: number) => void
  private readonly counters = new Map<string, (n: number) => void>()
  private readonly waits: (millis: number) => void
  private readonly dials: (millis: number) => void
  private readonly lifetimes: (millis: number) => void
  private acquiredSeen = 0
  private reusedSeen = 0

  constructor(instruments: PoolInstruments, host: string) {
    this.instruments = instruments
    this.labels = [[attributes.pool, instruments.pool], [attributes.host, host]]
    this.active = this.gauge(metrics.openConnections, [[attributes.state, "active"]])
    this.idle = this.gauge(metrics.openConnections, [[attributes.state, "idle"]])
    this.connecting = this.gauge(metrics.connecting)
    this.closing = this.gauge(metrics.closing)
    this.pending = this.gauge(metrics.pending)
    this.limit = this.gauge(metrics.limit)
    this.fresh = this.counter(metrics.acquired, [[attributes.reused, "false"]])
    this.reused = this.counter(metrics.acquired, [[attributes.reused, "true"]])
    this.waits = this.histogram(metrics.waitTime, boundaries.waitTime)
    this.dials = this.histogram(metrics.dialTime, boundaries.dialTime)
    this.lifetimes = this.histogram(metrics.lifetime, boundaries.lifetime)
  }

  /** After every step: what the state says now. Costs a few comparisons when nothing changed. */
  sync<C extends Member, W extends Waiter>(state: HostState<C, W>): void {
    assign(this.active, state.active)
    assign(this.idle, state.idle.size)
    assign(this.connecting, state.connecting.size)
    assign(this.closing, state.closing.size)
    assign(this.pending, state.waiters.undialedSize)
    assign(this.limit, state.settings.maxConnectionsPerHost)
    const { acquired, reused } = state.counters
    // A lease that was never received is taken back, and a counter cannot go down: it waits until the count is beyond it.
    if (acquired - reused > this.acquiredSeen) {
      this.fresh(acquired - reused - this.acquiredSeen)
      this.acquiredSeen = acquired - reused
    }
    if (reused > this.reusedSeen) {
      this.reused(reused - this.reusedSeen)
      this.reusedSeen = reused
    }
  }

  /** Where the metrics do not say what the state says; for the invariants. */
  differences<C extends Member, W extends Waiter>(state: HostState<C, W>): ReadonlyArray<string> {
    const faults: Array<string> = []
    const same = (name: string, said: number, is: number): void => {
      if (said !== is) faults.push(`${name} says ${said}, the state ${is}`)
    }
    same("active", this.active.get(), state.active)
    same("idle", this.idle.get(), state.idle.size)
    same("connecting", this.connecting.get(), state.connecting.size)
    same("closing", this.closing.get(), state.closing.size)
    same("pending", this.pending.get(), state.waiters.undialedSize)
    same("limit", this.limit.get(), state.settings.maxConnectionsPerHost)
    return faults
  }

  opened(dialMillis: number): void {
    this.count(metrics.opened)
    this.dials(dialMillis)
  }

  failed(dialMillis: number): void {
    this.count(metrics.failed)
    this.dials(dialMillis)
  }

  closed(reason: CloseReason, lifeMillis: number): void {
    this.count(metrics.closed, attributes.reason, reason)
    this.lifetimes(lifeMillis)
  }

  abandoned(): void {
    this.count(metrics.abandoned)
  }

  refused(error: string): void {
    this.count(metrics.refused, attributes.error, error)
  }

  leaked(): void {
    this.count(metrics.leaks)
  }

  waited(millis: number): void {
    this.waits(millis)
  }

  /** The host is gone, and so are its metrics. */
  remove(): void {
    for (const [, key] of this.keys) forget(key)
    this.keys.length = 0
  }

  toJSON(): ReadonlyArray<MetricJson> {
    return this.keys.map(([info, key, labels]) => ({
      name: `${this.instruments.prefix}.${info.name}`,
      type: info.type,
      attributes: Object.fromEntries(labels),
      // a key's registry entry has a state's type, which an untyped key has lost
      value: plain(Metric.globalMetricRegistry.get(key).get() as MetricState.MetricState.Untyped)
    }))
  }

  private count(info: MetricInfo, attribute?: string, value = ""): void {
    // A close that was given up may end after its host: nothing must come back into the registry then.
    if (this.keys.length === 0) return
    const id = `${info.name} ${value}`
    let counter = this.counters.get(id)
    if (counter === undefined) {
      counter = this.counter(info, attribute === undefined ? [] : [[attribute, value]])
      this.counters.set(id, counter)
    }
    counter(1)
  }

  private gauge(info: MetricInfo, extra: Labels = []): Gauge {
    const key = this.register(info, MetricKey.gauge(this.name(info), { description: info.description }), extra)
    const hook = Metric.globalMetricRegistry.get(key)
    return { set: (value) => hook.update(value), get: () => hook.get().value, last: 0 }
  }

  private counter(info: MetricInfo, extra: Labels = []): (n: number) => void {
    const options = { description: info.description, incremental: true } as const
    const key = this.register(info, MetricKey.counter(this.name(info), options), extra)
    const hook = Metric.globalMetricRegistry.get(key)
    return (n) => hook.update(n)
  }

  private histogram(info: MetricInfo, bounds: ReadonlyArray<number>): (millis: number) => void {
    const within = MetricBoundaries.fromIterable(bounds)
    const key = this.register(info, MetricKey.histogram(this.name(info), within, info.description), [])
    const hook = Metric.globalMetricRegistry.get(key)
    return (millis) => hook.update(millis / 1000)
  }

  private name(info: MetricInfo): string {
    return `${this.instruments.prefix}.${info.name}`
  }

  private register<K extends AnyKey>(info: MetricInfo, key: K, extra: Labels): K {
    const labels = [...this.labels, ...extra]
    const whole = tagged(key, labels)
    this.keys.push([info, whole, labels])
    return whole
  }
}

const assign = (gauge: Gauge, value: number): void => {
  if (gauge.last === value) return
  gauge.last = value
  gauge.set(value)
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
const forget = (key: AnyKey): void => {
  const { map } = Metric.globalMetricRegistry as unknown as {
    readonly map?: MutableHashMap.MutableHashMap<AnyKey, unknown>
  }
  if (map !== undefined && hasProperty(map, Symbol.for("effect/MutableHashMap"))) MutableHashMap.remove(map, key)
}
