/** The harness proves itself here, by Node's own clients alone. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { Resolver } from "node:dns/promises"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Apache from "./parts/apache.ts"
import { certificates } from "./parts/certificates.ts"
import * as Descriptors from "./parts/descriptors.ts"
import * as Dnsmasq from "./parts/dnsmasq.ts"
import * as Haproxy from "./parts/haproxy.ts"
import * as Lighttpd from "./parts/lighttpd.ts"
import * as Nginx from "./parts/nginx.ts"
import { agent, certificateNames, request, text } from "./parts/nodeClient.ts"
import { accepts, folder, freePort, start } from "./parts/part.ts"
import { lacks } from "./parts/programs.ts"
import { hashOf, indexText } from "./parts/site.ts"
import { until } from "./parts/waiting.ts"

const echoOf = (body: string | Buffer) =>
  // written by nginx in the format of `Nginx.Echo`
  JSON.parse(String(body)) as Nginx.Echo

/** Which of these requests, sent one after the other with a keep-alive agent, went over a used connection. */
const reuse = (url: string, count: number, options: { readonly ca?: string } = {}) =>
  Effect.gen(function*() {
    const keeping = yield* agent(url.startsWith("https:"))
    const answers = yield* Effect.replicateEffect(request(url, { ...options, agent: keeping }), count)
    return answers.map((answer) => answer.reused)
  })

/** A connection that has carried a request; true once the server has closed it. */
const idleConnection = (port: number) =>
  Effect.gen(function*() {
    const socket = yield* Effect.acquireRelease(
      Effect.sync(() => Net.connect({ host: "127.0.0.1", port })),
      (made) => Effect.sync(() => made.destroy())
    )
    let answered = false
    let closed = false
    socket.once("data", () => {
      answered = true
    })
    socket.once("close", () => {
      closed = true
    })
    socket.write("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
    yield* until("an answer", Effect.sync(() => answered))
    return Effect.sync(() => closed)
  })

describe.skipIf(lacks("nginx", "openssl"))("nginx", () => {
  it.scopedLive("serves over TCP, a Unix socket and TLS, and tells what it has seen", () =>
    Effect.gen(function*() {
      const nginx = yield* Nginx.start({ bigBytes: 1_000_000 })
      const { authority: ca, otherAuthority } = yield* certificates
      assert.strictEqual(yield* text(`${nginx.origin}/`), indexText)
      const posted = yield* request(
        `${nginx.origin}/echo?a=1`,
        { method: "POST", headers: { "x-test": "yes" } },
        "body"
      )
      const { connection, worker, ...echo } = echoOf(posted.body)
      const uri = "/echo?a=1"
      const expected = {
        server: "plain",
        nth: 1,
        method: "POST",
        uri,
        host: "127.0.0.1",
        sni: "",
        tls: "",
        resumed: "",
        client: "",
        header: "yes"
      }
      assert.deepStrictEqual(echo, expected)
      assert.notStrictEqual(worker, nginx.pid)
      const big = yield* request(`${nginx.origin}/big`)
      assert.strictEqual(big.body.length, nginx.site.bigBytes)
      assert.strictEqual(hashOf(big.body), nginx.site.bigHash)
      assert.strictEqual(echoOf(yield* text("http://x/echo", { socketPath: nginx.socketPath })).server, "unix")
      assert.strictEqual(echoOf(yield* text(`https://localhost:${nginx.tlsPort}/echo`, { ca })).server, "localhost")
      assert.strictEqual(yield* certificateNames(nginx.tlsPort, "a.test", ca), "DNS:a.test")
      assert.strictEqual(yield* certificateNames(nginx.tlsPort, "b.test", ca), "DNS:b.test")
      assert.match(
        String(yield* Effect.flip(certificateNames(nginx.tlsPort, "a.test", otherAuthority))),
        /certificate/u
      )
      yield* until("all requests in the log", Effect.map(nginx.seen, (all) => all.length === 5))
      const seen = (yield* nginx.seen).find((one) => one.method === "POST")
      assert.deepStrictEqual(seen, { connection, nth: 1, method: "POST", uri: "/echo?a=1", status: 200 })
      assert.strictEqual(yield* nginx.connections, 5)
    }))

  it.scopedLive("closes after so many requests, after so much idleness, and its idle ones on a reload", () =>
    Effect.gen(function*() {
      const strict = yield* Nginx.start({ keepaliveTimeout: "1s", keepaliveRequests: 3 })
      assert.deepStrictEqual(yield* reuse(`${strict.origin}/`, 5), [false, true, true, false, true])
      yield* until("nginx closes an idle connection", yield* idleConnection(strict.port))
      const patient = yield* Nginx.start()
      const closed = yield* idleConnection(patient.port)
      yield* patient.reload
      yield* until("nginx closes an idle connection for its reload", closed)
    }))

  it.scopedLive("sends /slow slowly: its head is there long before its end", () =>
    Effect.gen(function*() {
      const nginx = yield* Nginx.start()
      const slow = yield* Effect.either(
        request(`${nginx.origin}/slow`, { timeout: 1 }).pipe(Effect.timeout("200 millis"))
      )
      assert.strictEqual(slow._tag, "Left")
      yield* until("the log tells of the broken request", Effect.map(nginx.seen, (all) => all.length === 1))
      assert.strictEqual((yield* nginx.seen)[0]?.status, 200)
    }))
})

describe.skipIf(lacks("haproxy", "nginx", "openssl"))("haproxy", () => {
  it.scopedLive("balances over its servers, by TLS too, and takes one out of service", () =>
    Effect.gen(function*() {
      const one = yield* Nginx.start()
      const two = yield* Nginx.start()
      const haproxy = yield* Haproxy.start({ servers: { one: one.port, two: two.port }, keepAliveTimeout: "1s" })
      const { authority: ca } = yield* certificates
      const counts = Effect.all([one.seen, two.seen]).pipe(Effect.map((all) => all.map((seen) => seen.length)))
      assert.deepStrictEqual(yield* reuse(`${haproxy.origin}/`, 2), [false, true])
      assert.deepStrictEqual(yield* reuse(`https://localhost:${haproxy.tlsPort}/`, 2, { ca }), [false, true])
      yield* until("two requests for each", Effect.map(counts, ([first, second]) => first === 2 && second === 2))
      yield* haproxy.set("one", "maint")
      yield* reuse(`${haproxy.origin}/`, 4)
      yield* until("four more for the other", Effect.map(counts, ([first, second]) => first === 2 && second === 6))
      yield* haproxy.set("two", "maint")
      assert.strictEqual((yield* request(`${haproxy.origin}/`)).status, 503)
      assert.match((yield* Effect.flip(haproxy.set("three", "maint"))).message, /No such server/u)
      yield* until("haproxy closes an idle connection", yield* idleConnection(haproxy.port))
      assert.strictEqual(yield* haproxy.connections, 5)
      yield* until("none is open", Effect.map(haproxy.openConnections, (open) => open === 0))
    }))
})

describe.skipIf(lacks("lighttpd"))("lighttpd", () => {
  it.scopedLive("closes after so many requests more, and after so much idleness", () =>
    Effect.gen(function*() {
      const lighttpd = yield* Lighttpd.start({ maxKeepAliveRequests: 3, maxKeepAliveIdle: 1 })
      assert.strictEqual(yield* text(`${lighttpd.origin}/`), indexText)
      assert.deepStrictEqual(yield* reuse(`${lighttpd.origin}/`, 6), [false, true, true, true, false, true])
      yield* until("lighttpd closes an idle connection", yield* idleConnection(lighttpd.port))
    }))
})

describe.skipIf(lacks("apache2"))("Apache", () => {
  it.scopedLive("announces how long a connection lasts, and keeps to it", () =>
    Effect.gen(function*() {
      const apache = yield* Apache.start({ keepAliveTimeout: 2, maxKeepAliveRequests: 3 })
      // Node gives a connection up a second before the server has announced to.
      const kept = yield* request(`${apache.origin}/`, { agent: yield* agent() })
      assert.strictEqual(kept.headers["keep-alive"], "timeout=2, max=3")
      assert.strictEqual(kept.body.toString(), indexText)
      assert.deepStrictEqual(yield* reuse(`${apache.origin}/`, 5), [false, true, true, true, false])
      yield* until("Apache closes an idle connection", yield* idleConnection(apache.port))
    }))
})

describe.skipIf(lacks("dnsmasq"))("dnsmasq", () => {
  it.scopedLive("answers with the records of the moment, with a TTL of one second", () =>
    Effect.gen(function*() {
      const dnsmasq = yield* Dnsmasq.start({ "pool.test": ["127.0.0.2"] })
      const resolver = new Resolver()
      resolver.setServers([dnsmasq.server])
      const resolve = Effect.tryPromise(() => resolver.resolve4("pool.test", { ttl: true }))
      assert.deepStrictEqual(yield* resolve, [{ address: "127.0.0.2", ttl: 1 }])
      yield* dnsmasq.change({ "pool.test": ["127.0.0.3", "127.0.0.4"] })
      const addresses = (yield* resolve).map((one) => one.address)
      assert.sameMembers(addresses, ["127.0.0.3", "127.0.0.4"])
      yield* dnsmasq.change({})
      assert.match(String((yield* Effect.flip(resolve)).cause), /ENOTFOUND/u)
    }))
})

describe.skipIf(lacks("nginx", "openssl"))("a part", () => {
  it.scopedLive("ends with its scope: no process, no port, no file, no descriptor", () =>
    Effect.gen(function*() {
      yield* certificates
      const before = yield* Descriptors.byKind
      const scope = yield* Scope.make()
      const nginx = yield* Scope.extend(Nginx.start(), scope)
      assert.deepStrictEqual(yield* Descriptors.byKind, before)
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(nginx.ended())
      assert.isFalse(yield* accepts({ host: "127.0.0.1", port: nginx.port }))
      assert.isFalse(Fs.existsSync(nginx.site.root))
    }))

  it.scopedLive("that cannot start says why; one that hangs when it is stopped is killed", () =>
    Effect.gen(function*() {
      const own = yield* folder
      const broken = {
        program: "nginx",
        arguments: ["-c", `${own}/none.conf`],
        folder: own,
        ready: Effect.succeed(false)
      }
      assert.match((yield* Effect.flip(start(broken))).message, /ended at once[^]*No such file/u)
      const absent = yield* Effect.flip(start({ ...broken, program: "no-such-program" }))
      assert.strictEqual(absent.message, "no-such-program: it is not installed")
      const scope = yield* Scope.make()
      const stubborn = {
        program: "sh",
        arguments: ["-c", "trap '' TERM; while :; do sleep 1; done"],
        folder: own,
        patienceMillis: 100
      }
      const part = yield* Scope.extend(start({ ...stubborn, ready: Effect.succeed(true) }), scope)
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(part.ended())
    }))
})

it.effect.skipIf(!Descriptors.available)(
  "descriptors are counted by kind, and the wait for a count is one in real time",
  () =>
    Effect.gen(function*() {
      const before = yield* Descriptors.sockets
      const port = yield* freePort
      const server = Net.createServer().listen(port, "127.0.0.1")
      yield* Descriptors.awaitSockets(before + 1)
      server.close()
      yield* Descriptors.awaitSockets(before)
      const never = yield* Effect.exit(Descriptors.awaitSockets(before + 1, 50))
      assert.match(String(never), new RegExp(`sockets of this process: ${before}, never ${before + 1}`, "u"))
    })
)
