/** Spans, and what the server is told of them: the same as over layerUndici, span by span. */
import * as Headers from "@effect/platform/Headers"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpTraceContext from "@effect/platform/HttpTraceContext"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, type Scope, Stream, Tracer } from "effect"
import type { IncomingHttpHeaders, ServerResponse } from "node:http"
import { ours, recorder, serve, type Site, theirs } from "./rig.ts"
import { plain, recorded } from "./spans.ts"

type Program = (client: HttpClient.HttpClient, url: string) => Effect.Effect<unknown, unknown>

interface Told {
  readonly spans: ReadonlyArray<Tracer.Span>
  readonly headers: ReadonlyArray<IncomingHttpHeaders>
}

const respond = (url: string, response: ServerResponse): void => {
  if (url.startsWith("/hangs")) return
  if (url.startsWith("/redirect")) response.setHeader("location", "/?moved")
  response.writeHead(url.startsWith("/redirect") ? 302 : url.startsWith("/none") ? 404 : 200, {
    "x-answer": "42",
    "set-cookie": "secret",
    date: "now",
    connection: "keep-alive",
    "keep-alive": "timeout=5",
    "content-length": 2
  }).end("ok")
}

/** The spans of a program over each client, and the headers with which its requests arrived. */
const trace = (program: Program) =>
  Effect.gen(function*() {
    const headers: Array<IncomingHttpHeaders> = []
    const site: Site = yield* serve((request, response) => {
      headers.push(request.headers)
      request.resume().on("end", () => respond(request.url ?? "", response))
    })
    const run = (client: HttpClient.HttpClient) =>
      Effect.gen(function*() {
        const before = headers.length
        const record = yield* recorded
        yield* Effect.exit(record.on(program(client, site.url)))
        const told: Told = { spans: record.spans, headers: headers.slice(before) }
        return { told, plain: record.spans.map((span) => plain(record, span)) }
      })
    const { client } = yield* ours()
    const own = yield* run(client)
    const other = yield* run(yield* theirs)
    assert.deepStrictEqual(own.plain, other.plain)
    return own.told
  })

const get: Program = (client, url) => client.get(url)

const programs: Record<string, Program> = {
  "a GET": get,
  "a query, a path and a fragment": (client, url) => client.get(`${url}/a/b?c=d#e`, { urlParams: { f: "g h" } }),
  "a body and headers": (client, url) =>
    client.post(url, {
      headers: { "x-one": "1", "x-empty": "", authorization: "Bearer secret", cookie: "secret", "x-api-key": "secret" },
      body: HttpBody.text("x")
    }),
  "an error of the server": (client, url) => HttpClient.filterStatusOk(client).get(`${url}/none`),
  "a redirect": (client, url) => HttpClient.followRedirects(client).get(`${url}/redirect`),
  "a refused connection": (client) => client.get("http://127.0.0.1:1/"),
  "a URL that is none": (client) => client.get("http://a b/"),
  "an interrupted request": (client, url) => Effect.timeout(client.get(`${url}/hangs`), "30 millis"),
  "a span around": (client, url) => client.get(url).pipe(Effect.withSpan("around")),
  "a span around that is not sampled": (client, url) =>
    client.get(url).pipe(
      Effect.withParentSpan(Tracer.externalSpan({ traceId: "a".repeat(32), spanId: "b".repeat(16), sampled: false }))
    ),
  "a span of the request's body": (client, url) =>
    client.post(url, {
      body: HttpBody.stream(
        Stream.fromEffect(Effect.succeed(Buffer.from("x")).pipe(Effect.withSpan("inside")))
      )
    }),
  "names that are redacted": (client, url) =>
    client.get(url, { headers: { "x-one": "1", "x-two": "2", authorization: "3" } }).pipe(
      Effect.locally(Headers.currentRedactedNames, ["X-One", /^x-t/u, "x-answer"])
    ),
  "withTracerPropagation": (client, url) => HttpClient.withTracerPropagation(client, false).get(url),
  "withTracerDisabledWhen": (client, url) => {
    const quiet = HttpClient.withTracerDisabledWhen(client, ({ method }) => method === "HEAD")
    return Effect.all([quiet.get(url), quiet.head(url)])
  },
  "withTracerDisabledWhen in a span": (client, url) =>
    HttpClient.withTracerDisabledWhen(client, () => true).get(url).pipe(Effect.withSpan("around")),
  "withTracerEnabled": (client, url) => client.get(url).pipe(Effect.withTracerEnabled(false)),
  "withSpanNameGenerator": (client, url) =>
    HttpClient.withSpanNameGenerator(client, (request) => `${request.method} of mine`).get(url),
  "SpanNameGenerator as a service": (client, url) =>
    client.get(url).pipe(Effect.provideService(HttpClient.SpanNameGenerator, () => "service")),
  "annotations of spans": (client, url) =>
    client.get(url).pipe(Effect.annotateSpans({ tenant: "one" }), Effect.withSpan("around")),
  "links of spans": (client, url) =>
    Effect.flatMap(Effect.makeSpan("linked"), (span) => client.get(url).pipe(Effect.linkSpans(span))),
  "retries": (client, url) => HttpClient.retry(HttpClient.filterStatusOk(client), { times: 2 }).get(`${url}/none`),
  "requests at once": (client, url) => Effect.all([client.get(url), client.get(url)]).pipe(Effect.withSpan("around"))
}

describe("as over layerUndici", () => {
  for (const [name, program] of Object.entries(programs)) {
    it.scopedLive(name, () => Effect.asVoid(trace(program)))
  }
})

describe("a name that was given where the client was built", () => {
  it.scopedLive("holds unless another one is given where it is used", () =>
    Effect.gen(function*() {
      const { url } = yield* recorder()
      const names = (made: Effect.Effect<HttpClient.HttpClient, unknown, Scope.Scope>) =>
        Effect.gen(function*() {
          const client = yield* Effect.provideService(made, HttpClient.SpanNameGenerator, () => "built")
          const record = yield* recorded
          yield* record.on(client.get(url))
          yield* record.on(Effect.provideService(client.get(url), HttpClient.SpanNameGenerator, () => "used"))
          yield* record.on(HttpClient.withSpanNameGenerator(client, () => "with").get(url))
          return record.spans.map(({ name }) => name)
        })
      const own = yield* names(Effect.map(ours(), ({ client }) => client))
      assert.deepStrictEqual(own, ["built", "used", "with"])
      assert.deepStrictEqual(own, yield* names(theirs))
    }))
})

describe("what the server is told of the span", () => {
  it.scopedLive("is the span's identity, in both ways of writing it", () =>
    Effect.gen(function*() {
      const { headers: [headers], spans } = yield* trace((client, url) =>
        get(client, url).pipe(Effect.withSpan("around"))
      )
      const span = spans.find(({ kind }) => kind === "client")
      const around = spans.find(({ name }) => name === "around")
      assert(span !== undefined && around !== undefined && headers !== undefined)
      assert.strictEqual(headers["traceparent"], `00-${span.traceId}-${span.spanId}-01`)
      assert.strictEqual(headers["b3"], `${span.traceId}-${span.spanId}-1-${around.spanId}`)
      const read = Option.getOrThrow(HttpTraceContext.fromHeaders(Headers.fromInput(headers)))
      assert.deepInclude(read, { traceId: span.traceId, spanId: span.spanId, sampled: true })
    }))

  it.scopedLive("replaces what the request says", () =>
    Effect.gen(function*() {
      const told = yield* trace((client, url) => client.get(url, { headers: { traceparent: "mine", b3: "mine" } }))
      assert.notInclude(Object.values(told.headers[0] ?? {}), "mine")
    }))

  const silent: Record<string, Program> = {
    "without propagation": (client, url) => get(HttpClient.withTracerPropagation(client, false), url),
    "without a tracer": (client, url) => Effect.withTracerEnabled(get(client, url), false),
    "when the tracer is disabled for it": (client, url) =>
      get(HttpClient.withTracerDisabledWhen(client, () => true), url)
  }
  for (const [name, program] of Object.entries(silent)) {
    it.scopedLive(`is nothing ${name}`, () =>
      Effect.gen(function*() {
        const told = yield* trace((client, url) => program(client, url).pipe(Effect.withSpan("around")))
        assert.doesNotHaveAnyKeys(told.headers[0], ["traceparent", "b3"])
        assert.strictEqual(told.headers.length, 1)
      }))
  }
})
