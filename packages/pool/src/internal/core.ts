/** What the parts of one pool share. */
import type * as Clock from "effect/Clock"
import type * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as MutableHashMap from "effect/MutableHashMap"
import type { Connector } from "../Connector.ts"
import type { HostOptions, Options } from "../PoolConfig.ts"
import type { Alarm } from "./alarm.ts"
import type { Caller } from "./caller.ts"
import type { Connection } from "./connection.ts"
import type { EventHub } from "./events.ts"
import type { Fibers } from "./fibers.ts"
import type { Borrow } from "./lease.ts"
import type { HostMetrics, PoolInstruments } from "./metrics.ts"
import type { Settings } from "./settings.ts"
import type { Decisions } from "./state/decision.ts"
import type { Dial } from "./state/dial.ts"
import type { HostState } from "./state/hostState.ts"
import type { List } from "./state/list.ts"
import type { Slots } from "./state/slots.ts"
import type { Total } from "./state/total.ts"
import type { Timekeeper, Timer } from "./timekeeper.ts"

/** The state of a host, with what the effects hang on its connections and waiters. */
export type State<K, Conn, E> = HostState<Connection<K, Conn, E>, Caller<K, Conn, E>>

export interface Host<in out K, in out Conn, in out E> {
  readonly core: Core<K, Conn, E>
  readonly key: K
  readonly label: string
  readonly state: State<K, Conn, E>
  /** As many permits as the host may have sockets. It never makes anybody wait: it bears witness, see `permits.ts`. */
  readonly permits: Effect.Semaphore
  /** the leases at work, the oldest first */
  readonly leases: List<Borrow<K, Conn, E>>
  readonly metrics: HostMetrics
  /** told after every step; see `watch` */
  watchers: Set<() => void> | undefined
  /** they are being told */
  telling: boolean
  /** when the first of its waiters gives up, and the timer for it */
  patience: number
  patienceTimer: Timer | undefined
  /** when its addresses are to be asked for again */
  refreshAt: number
  /** for how long they hold, as the resolver says */
  timeToLive: number
  /** before that, the replenisher has no business here: it has just tried */
  replenishAt: number
  /** the last failure of a dial or of the resolver, in words */
  lastFailure: { readonly at: number; readonly text: string } | undefined
}

export type Out<K, Conn, E> = Decisions<Connection<K, Conn, E>, Caller<K, Conn, E>>

/** How what the state decides is carried out; put together in `pool.ts`, so that no part depends on all the others. */
export interface Actions<in out K, in out Conn, in out E> {
  readonly serve: (host: Host<K, Conn, E>, caller: Caller<K, Conn, E>, connection: Connection<K, Conn, E>) => void
  readonly open: (host: Host<K, Conn, E>, connection: Connection<K, Conn, E>) => void
  readonly cancel: (host: Host<K, Conn, E>, connection: Connection<K, Conn, E>) => void
  readonly race: (host: Host<K, Conn, E>, dial: Dial) => void
  readonly close: (host: Host<K, Conn, E>, connection: Connection<K, Conn, E>) => void
  readonly check: (host: Host<K, Conn, E>, connection: Connection<K, Conn, E>) => void
  readonly resolve: (host: Host<K, Conn, E>) => void
  readonly takeTurns: (core: Core<K, Conn, E>) => void
}

/** One alarm per loop. */
export interface Alarms {
  readonly evictor: Alarm
  readonly healthChecker: Alarm
  readonly dnsRefresher: Alarm
  readonly replenisher: Alarm
  readonly leakDetector: Alarm
}

export interface Core<in out K, in out Conn, in out E> {
  readonly connector: Connector<K, Conn, E>
  readonly actions: Actions<K, Conn, E>
  readonly clock: Clock.Clock
  settings: Settings
  /** the options that the settings were made of */
  given: Partial<Options<K>>
  overrides: ((key: K) => Partial<HostOptions>) | undefined
  readonly hosts: MutableHashMap.MutableHashMap<K, Host<K, Conn, E>>
  readonly total: Total<State<K, Conn, E>>
  readonly checks: Slots
  /** told when a check has ended and its slot is free */
  onCheckSlot: (() => void) | undefined
  readonly resolves: Slots
  /** hosts that wait for one of `resolves`, in order */
  readonly toResolve: Set<Host<K, Conn, E>>
  readonly fibers: Fibers
  /** those that only sleep, for the alarms */
  readonly sleepers: Fibers
  readonly timekeeper: Timekeeper
  readonly alarms: Alarms
  readonly events: EventHub
  readonly instruments: PoolInstruments
  loops: ReadonlyArray<Fiber.RuntimeFiber<never>>
  /** rounds of loops that died */
  failedRounds: number
  /** when the loops last showed that time passes as it should */
  heartbeat: number
  /** a turn over the hosts in line is under way */
  turning: boolean
  closed: boolean
  connectionIds: number
}

export const now = <K, Conn, E>(core: Core<K, Conn, E>): number => core.clock.unsafeCurrentTimeMillis()
