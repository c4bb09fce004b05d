/** What a test has told the network, and what the network counts: plain data, changed in synchronous steps. */
import type * as Duration from "effect/Duration"
import { type Address, type Fault, Signal } from "../Connector.ts"
import { Course, Gauge } from "./course.ts"
import { Refused, Socket } from "./socket.ts"

/** What every host is like until a test says otherwise. */
export interface Presets {
  readonly addresses: ReadonlyArray<Address>
  readonly capacity: number
  readonly delayOpen: Duration.Duration
}

/** One host of the network. */
export class Host {
  readonly key: string
  addresses: ReadonlyArray<Address>
  capacity: number
  ttl: Duration.DurationInput | undefined
  fault: Fault = "peer"
  dialsUninterruptibly = false
  keepsOnInterrupt = false
  readonly resolving: Course = new Course()
  readonly opening: Course
  readonly closing: Course = new Course()
  readonly checking: Course = new Course()
  readonly throwsFrom: Set<Refused["operation"]> = new Set()
  /** what one address does on top of what its host does */
  readonly openingAt: Map<Address, Course> = new Map()
  /** dialing, open or closing, in the order of dialing */
  readonly sockets: Set<Socket> = new Set()
  readonly openNow: Gauge = new Gauge()
  readonly dialing: Gauge = new Gauge()
  resolved = 0

  constructor(key: string, presets: Presets) {
    this.key = key
    this.addresses = presets.addresses
    this.capacity = presets.capacity
    this.opening = new Course(presets.delayOpen)
  }

  at(address: Address): Course {
    return upsert(this.openingAt, address, () => new Course())
  }

  refusal(operation: Refused["operation"], address?: Address): Refused {
    return new Refused({ key: this.key, address, operation, fault: this.fault })
  }
}

/** All hosts, and the life of every socket. */
export class World {
  private readonly presets: Presets
  private readonly hosts = new Map<string, Host>()
  readonly openNow: Gauge = new Gauge()
  readonly resolving: Gauge = new Gauge()
  readonly checking: Gauge = new Gauge()
  dialed = 0
  opened = 0
  closed = 0
  checks = 0

  constructor(presets: Presets) {
    this.presets = presets
  }

  host(key: string): Host {
    return upsert(this.hosts, key, () => new Host(key, this.presets))
  }

  /** A socket is there from now on, whatever becomes of its handshake. */
  dial(host: Host, address: Address, report: (signal: Signal) => void): Socket {
    this.dialed += 1
    const socket = new Socket(this.dialed, host.key, address, report)
    host.sockets.add(socket)
    host.openNow.up()
    this.openNow.up()
    return socket
  }

  /** The handshake is done, unless the socket was closed under it. */
  connect(socket: Socket): boolean {
    if (socket.phase !== "dialing" || socket.peerClosed) return false
    socket.phase = "open"
    socket.connected = true
    this.opened += 1
    return true
  }

  /** This side closes: the socket is still there. */
  beginClose(socket: Socket): void {
    socket.phase = "closing"
  }

  /** The socket is gone. */
  endClose(socket: Socket): void {
    const host = this.host(socket.key)
    if (!socket.peerClosed) this.countClosed(socket)
    socket.phase = "closed"
    host.sockets.delete(socket)
    host.openNow.down()
    this.openNow.down()
  }

  /** The peer closes, once: nothing can be done with the socket any more but to close it here too. */
  closeFromPeer(socket: Socket, reason: string): void {
    if (socket.peerClosed || socket.phase === "closed") return
    socket.peerClosed = true
    this.countClosed(socket)
    socket.report(Signal.Closed({ reason }))
  }

  private countClosed(socket: Socket): void {
    if (socket.connected) this.closed += 1
  }
}

const upsert = <K, V>(map: Map<K, V>, key: K, make: () => V): V => {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}
