/** Follows the logs of all containers that match, from when they start to when they are gone. */
import { Clock, Effect, Exit, FiberMap, Queue, Schedule, type Scope, Stream } from "effect"
import type { Filters, Service as Docker } from "../docker/Docker.ts"
import type { ContainerSummary } from "../docker/schemas.ts"
import type { Sink } from "../sinks/Sink.ts"
import type { Service as State, StateFailed } from "../state/State.ts"
import { type Backoff, pause } from "./backoff.ts"
import type { Cursor } from "./cursor.ts"
import * as Delivery from "./delivery.ts"
import * as EngineHealth from "./EngineHealth.ts"
import type { Entry } from "./Entry.ts"
import { follow, type Followed } from "./follower.ts"

export interface Options {
  readonly docker: Docker
  readonly state: State
  readonly sinks: ReadonlyArray<Sink>
  /** which containers; by default all */
  readonly filters?: Filters | undefined
  /** of containers that run when the monitor sees its engine for the first time, and were never followed: only so many last lines */
  readonly tail?: number | undefined
  /** entries between the logs and the sinks */
  readonly buffer?: number | undefined
  /** entries that a sink gets at once */
  readonly batch?: number | undefined
  /** how often a sink is tried before entries become dead letters */
  readonly tries?: number | undefined
  /** how often the containers are looked at, whatever events say */
  readonly reconcileMillis?: number | undefined
  readonly backoff?: Backoff | undefined
  /** how long sinks have for what is left when the monitor ends */
  readonly graceMillis?: number | undefined
}

export interface Status {
  readonly engine: {
    readonly up: boolean
    readonly outages: number
    readonly lastFailure: string | undefined
  }
  readonly containers: ReadonlyArray<Readonly<Followed>>
  readonly buffered: number
  readonly sinks: ReadonlyMap<string, Readonly<Delivery.SinkCounts>>
}

export interface Monitor {
  readonly status: Effect.Effect<Status>
}

/** Of a log that is to be read from its beginning. */
const unread: Cursor = { latest: 0n, stdout: undefined, stderr: undefined }

const betweenLooksMillis = 100

/** What an engine remembers is asked for from a little earlier: its clock may not be ours, and events that come twice do no harm. */
const eventMargin = 5_000_000_000n

interface Record {
  readonly followed: Followed
  /** the container has started once more while its fiber was about to end */
  again: boolean
}

/** Runs until the scope closes. Then logs are read no further, and what has been read is delivered. */
export const make = (options: Options): Effect.Effect<Monitor, StateFailed, Scope.Scope> =>
  Effect.gen(function*() {
    const { docker, filters, sinks, state, tail } = options
    const backoff = options.backoff ?? { firstMillis: 100, mostMillis: 30_000 }
    const cursors = new Map<string, Cursor>(yield* state.cursors)
    const queue = yield* Queue.bounded<Entry | Delivery.End>(options.buffer ?? 1000)
    const delivery = Delivery.make(queue, {
      sinks,
      state,
      backoff,
      batch: options.batch ?? 200,
      tries: options.tries ?? 5
    })
    // What is made first ends last: the delivery goes on until those who fill the buffer have ended.
    yield* Effect.acquireRelease(
      Effect.forkDaemon(delivery.run),
      (fiber) =>
        Queue.offer(queue, Delivery.end).pipe(
          Effect.zipRight(fiber.await),
          Effect.interruptible,
          Effect.timeoutOption(options.graceMillis ?? 5000),
          Effect.zipRight(fiber.interruptAsFork(fiber.id()))
        )
    )
    const health = yield* EngineHealth.make(docker.ping, backoff)
    const fibers = yield* FiberMap.make<string>()
    const records = new Map<string, Record>()
    // Containers that have stopped, and whose logs were read to the end.
    const finished = new Set<string>()
    let isFirstLook = true

    const surroundings = {
      docker,
      health,
      backoff,
      offer: (entries: ReadonlyArray<Entry>) => Queue.offerAll(queue, entries)
    }

    const supervised = (id: string, record: Record): Effect.Effect<void> =>
      follow(surroundings, record.followed).pipe(
        Effect.onExit((exit) =>
          Effect.suspend(() => {
            if (record.followed.cursor !== undefined) cursors.set(id, record.followed.cursor)
            if (Exit.isSuccess(exit) && record.again) return Effect.void
            records.delete(id)
            if (Exit.isSuccess(exit)) finished.add(id)
            // The next look will see that nobody follows it.
            return Exit.isFailure(exit) && !Exit.isInterrupted(exit)
              ? Effect.logError(`${record.followed.source.name}: the follower died`, exit.cause)
              : Effect.void
          })
        ),
        Effect.zipRight(Effect.suspend(() => {
          if (!record.again) return Effect.void
          record.again = false
          return supervised(id, record)
        }))
      )

    const begin = (container: ContainerSummary) =>
      Effect.suspend(() => {
        const { Id: id, Image: image, name } = container
        if (records.has(id)) return Effect.void
        const record: Record = {
          again: false,
          followed: {
            source: { id, name, image },
            state: "waiting",
            cursor: cursors.get(id),
            // Who starts later is read from its first line.
            tail: isFirstLook ? tail : undefined,
            lines: 0,
            retries: 0,
            lastFailure: undefined
          }
        }
        records.set(id, record)
        return FiberMap.run(fibers, id, supervised(id, record))
      })

    const look = Effect.gen(function*() {
      const now = BigInt(yield* Clock.currentTimeMillis) * 1_000_000n
      const containers = yield* docker.containers({ all: true, filters })
      const beginning: Array<ContainerSummary> = []
      for (const container of containers) {
        const running = container.State === "running" || container.State === "paused"
        if (running) finished.delete(container.Id)
        else if (isFirstLook && !cursors.has(container.Id)) {
          // What one that nobody knows had written before the monitor came is none of its business.
          cursors.set(container.Id, { latest: now, stdout: undefined, stderr: undefined })
          finished.add(container.Id)
        }
        if ((running || !finished.has(container.Id)) && !records.has(container.Id)) beginning.push(container)
      }
      // Should the monitor end before their first line, the next one has to know that they are to be read, also if they have stopped by
      // then. It is saved before there can be a line, whose position it would hide.
      const unknown = beginning.filter(({ Id }) => !cursors.has(Id))
      yield* Effect.catchAll(
        state.saveCursors(new Map(unknown.map(({ Id }) => [Id, unread]))),
        ({ message }) => Effect.logWarning(message)
      )
      yield* Effect.forEach(beginning, begin, { discard: true })
      const there = new Set(containers.map(({ Id }) => Id))
      for (const id of [...finished, ...cursors.keys()]) {
        if (there.has(id) || records.has(id)) continue
        finished.delete(id)
        cursors.delete(id)
      }
      isFirstLook = false
    })

    // However many events there are, they are one reason to look.
    const reasons = yield* Queue.sliding<"event" | "time">(1)
    const looking = Effect.gen(function*() {
      for (let failures = 0;;) {
        const outcome = yield* Effect.either(look)
        if (outcome._tag === "Right") {
          failures = 0
          // Where hundreds start and die, one look sees many of them.
          yield* Effect.sleep(betweenLooksMillis)
          yield* Queue.take(reasons)
        } else {
          yield* health.trouble(outcome.left)
          yield* pause(backoff, failures)
          yield* health.available
          failures += 1
        }
      }
    })
    // From when on events may have been missed. None is while one listens, since the engine sends all of them.
    let heardUntil: bigint | undefined
    const listen = (since: bigint | undefined) =>
      docker.events({ since, filters: { type: ["container"], event: ["start", "die", "destroy"] } })
    const listening = Effect.suspend(() => Effect.succeed(listen(heardUntil))).pipe(
      Stream.unwrap,
      Stream.runForEach(({ Action, Actor, time }) =>
        Effect.suspend(() => {
          if (time !== undefined) heardUntil = BigInt(Math.floor(time)) * 1_000_000_000n - eventMargin
          if (Action === "start") {
            finished.delete(Actor.ID)
            const record = records.get(Actor.ID)
            if (record !== undefined) record.again = true
          }
          return Queue.offer(reasons, "event")
        })
      ),
      // Whatever happened while nobody listened, the next look has to find.
      Effect.ensuring(Effect.suspend(() => {
        finished.clear()
        return Queue.offer(reasons, "event")
      }))
    )
    const listeningAgain = Effect.gen(function*() {
      for (let failures = 0;;) {
        const began = yield* Clock.currentTimeMillis
        const outcome = yield* Effect.either(listening)
        if (outcome._tag === "Left") yield* health.trouble(outcome.left)
        heardUntil ??= BigInt(began) * 1_000_000n - eventMargin
        failures = (yield* Clock.currentTimeMillis) - began > backoff.mostMillis ? 0 : failures + 1
        yield* pause(backoff, failures)
        yield* health.available
      }
    })

    yield* Effect.forkScoped(listeningAgain)
    yield* Effect.forkScoped(looking)
    yield* Effect.forkScoped(
      Effect.schedule(Queue.offer(reasons, "time"), Schedule.spaced(options.reconcileMillis ?? 10_000))
    )

    return {
      status: Effect.map(Queue.size(queue), (buffered) => ({
        engine: { up: health.isUp(), outages: health.outages(), lastFailure: health.lastFailure() },
        containers: [...records.values()].map(({ followed }) => followed),
        buffered: Math.max(0, buffered),
        sinks: delivery.counts
      }))
    }
  })
