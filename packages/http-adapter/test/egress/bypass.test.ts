/** Ways round a policy that others have found in other clients. Each leads to a server that must not be reached. */
import { HttpClient, HttpClientRequest } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as OS from "node:os"
import * as Path from "node:path"
import { EgressPolicy, Origin, PooledHttpClient, Resolver } from "../../src/index.ts"
import { answer, ours, recorder } from "../client/rig.ts"
import { causeIn } from "../testHttpRig.ts"

const publicOnly = { egress: EgressPolicy.publicOnly }

/** Only 127.0.0.2 is private here, so that there is something to reach. */
const loopbackBut2 = {
  egress: EgressPolicy.make([EgressPolicy.deny({ addresses: ["127.0.0.2"] })], { otherwise: "allow" })
}

const denied = (client: HttpClient.HttpClient, url: string) =>
  Effect.map(causeIn(client.get(url)), (cause) => {
    assert.strictEqual(cause["tag"], "EgressDenied", url)
    assert.strictEqual(cause["reason"], "InvalidUrl", url)
    return cause
  })

describe("publicOnly refuses", () => {
  const spellings = [
    "127.0.0.1, 127.1, 127.0.1, 2130706433, 0x7f000001, 0x7f.1, 0177.0.0.1, 017700000001, 127.0.0.1., 0, ",
    "0.0.0.0, 0x0, [::], [::1], [0:0:0:0:0:0:0:1], [::ffff:127.0.0.1], [::ffff:7f00:1], [::127.0.0.1], ",
    "[64:ff9b::127.0.0.1], [2002:7f00:1::], [::ffff:0:127.0.0.1], [0000::1], [::FFFF:7F00:0001], ",
    "localhost, LOCALHOST, localhost., a.localhost, ①②⑦.⓪.⓪.①, loc%61lhost, 127。0。0。1, １２７.1, ",
    "public.test@127.0.0.1, public.test:80@127.0.0.1, user:pass@localhost, 127.0.0.1#@public.test, ",
    "127.0.0.1?@public.test, 127.0.0.1\\@public.test, 169.254.169.254, 0xa9fea9fe, ",
    "metadata.google.internal, [fd00:ec2::254]"
  ].join("").split(", ")
  for (const spelling of spellings) {
    it.scopedLive(spelling, () =>
      Effect.gen(function*() {
        const site = yield* recorder()
        const { client, pool } = yield* ours(
          publicOnly,
          Resolver.layer({ resolve: () => Effect.die("nothing is resolved") })
        )
        const port = new URL(site.url).port
        const at = spelling.search(/[#?\\]/)
        const url = at === -1
          ? `http://${spelling}:${port}/`
          : `http://${spelling.slice(0, at)}:${port}${spelling.slice(at)}`
        yield* denied(client, url)
        assert.strictEqual(site.accepted(), 0)
        assert.deepStrictEqual((yield* pool.stats).hosts, [])
      }))
  }

  it.scopedLive("what a resolver of one's own makes of a name, in whatever form", () =>
    Effect.gen(function*() {
      const site = yield* recorder()
      const port = new URL(site.url).port
      for (
        const address of [
          "127.0.0.1",
          "::ffff:127.0.0.1",
          "127.1",
          "2130706433",
          "localhost",
          "0",
          "",
          "unix:/run/x.sock"
        ]
      ) {
        const { client } = yield* ours(publicOnly, Resolver.layerStatic({ "users.test": [address] }))
        yield* denied(client, `http://users.test:${port}/`)
      }
      assert.strictEqual(site.accepted(), 0)
    }))

  it.scopedLive("origins that no URL has been through", () =>
    Effect.gen(function*() {
      const site = yield* recorder()
      const port = Number(new URL(site.url).port)
      const { pool } = yield* ours(publicOnly)
      for (
        const host of [
          "2130706433",
          "0x7f.1",
          "127.1",
          "LocalHost",
          "[::1]",
          "::1%lo",
          "127.0.0.1",
          "lo\u{e7}alhost.localhost"
        ]
      ) {
        const error = yield* Effect.flip(Effect.scoped(pool.acquire(Origin.make({ host, port }))))
        assert.include(["EgressDenied", "ResolveFailed"], error._tag, host)
      }
      assert.strictEqual(site.accepted(), 0)
    }))
})

describe("every hop of a redirect is asked about", () => {
  const targets = ["http://127.0.0.2", "http://127.2", "http://0x7f000002", "http://[::ffff:127.0.0.2]", "//2130706434"]
  for (const target of targets) {
    it.scopedLive(target, () =>
      Effect.gen(function*() {
        const site = yield* answer(({ url }, response) => {
          const port = new URL(site.url).port
          response.writeHead(302, { location: url === "/" ? "/again" : `${target}:${port}/secret` })
          response.end()
        })
        const { client } = yield* ours(loopbackBut2)
        const cause = yield* denied(HttpClient.followRedirects(client, 5), site.url)
        assert.include(["127.0.0.2", "::ffff:7f00:2"], cause["address"])
      }))
  }

  it.scopedLive("to a name that leads there as well", () =>
    Effect.gen(function*() {
      const site = yield* answer((_, response) => {
        response.writeHead(307, { location: `http://inside.test:${new URL(site.url).port}/` })
        response.end()
      })
      const { client } = yield* ours(loopbackBut2, Resolver.layerStatic({ "inside.test": ["127.0.0.2"] }))
      const cause = yield* denied(HttpClient.followRedirects(client, 5), site.url)
      assert.strictEqual(cause["rule"], "rule 1: address 127.0.0.2")
      assert.strictEqual(cause["host"], `http://inside.test:${new URL(site.url).port}`)
    }))
})

describe("a Unix socket", () => {
  it.scopedLive("is refused by publicOnly, by option and by URL, unless a rule allows it", () =>
    Effect.gen(function*() {
      const path = Path.join(OS.tmpdir(), `watertight-egress-${process.pid}.sock`)
      const site = yield* recorder(path)
      const { client } = yield* ours(publicOnly)
      const bySocket = HttpClientRequest.get("http://93.184.216.34/")
      const cause = yield* causeIn(
        client.execute(bySocket).pipe(PooledHttpClient.withOptions({ socketPath: path }))
      )
      assert.deepInclude(cause, { tag: "EgressDenied", address: `unix:${path}`, rule: "Unix sockets: any Unix socket" })
      yield* denied(client, `http+unix://${encodeURIComponent(path)}/`)
      assert.strictEqual(site.accepted(), 0)
      const allowed = yield* ours({
        egress: EgressPolicy.withRules(EgressPolicy.publicOnly, [EgressPolicy.allow({ unix: [path] })])
      })
      assert.strictEqual((yield* allowed.client.get(`http+unix://${encodeURIComponent(path)}/`)).status, 200)
      yield* denied(allowed.client, `http+unix://${encodeURIComponent(path + "2")}/`)
    }))

  it.scopedLive("is not reached by a rule that allows its host", () =>
    Effect.gen(function*() {
      const path = Path.join(OS.tmpdir(), `watertight-egress-host-${process.pid}.sock`)
      const site = yield* recorder(path)
      const { client } = yield* ours({ egress: EgressPolicy.make([EgressPolicy.allow({ hosts: ["docker"] })]) })
      const cause = yield* causeIn(
        client.get("http://docker/").pipe(PooledHttpClient.withOptions({ socketPath: path }))
      )
      assert.strictEqual(cause["tag"], "EgressDenied")
      assert.strictEqual(site.accepted(), 0)
    }))
})
