/** What is pure: frames, lines, times, versions, endpoints. */
import { assert, describe, test } from "@effect/vitest"
import { Either } from "effect"
import * as FastCheck from "fast-check"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as ApiVersion from "../../src/container-monitor/docker/apiVersion.ts"
import * as Endpoint from "../../src/container-monitor/docker/Endpoint.ts"
import * as Frames from "../../src/container-monitor/docker/frames.ts"
import * as Lines from "../../src/container-monitor/docker/lines.ts"
import * as Timestamp from "../../src/container-monitor/docker/timestamp.ts"

const streams = FastCheck.constantFrom("stdout" as const, "stderr" as const)

/** The same bytes in other pieces. */
const cutAt = (bytes: Uint8Array, cuts: ReadonlyArray<number>): ReadonlyArray<Uint8Array> => {
  const places = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].toSorted((a, b) =>
    a - b
  )
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end))
}

describe("frames", () => {
  test("D1 frames are the same wherever the network splits them", () => {
    FastCheck.assert(FastCheck.property(
      FastCheck.array(FastCheck.record({ stream: streams, payload: FastCheck.uint8Array({ maxLength: 300 }) })),
      FastCheck.array(FastCheck.nat()),
      (frames, cuts) => {
        const bytes = Buffer.concat(frames.map((frame) => Frames.encode(frame.stream, frame.payload)))
        const decoder = Frames.decoder()
        const decoded = cutAt(bytes, cuts).flatMap(decoder.push)
        const plain = (all: ReadonlyArray<Frames.Frame>) =>
          all.map((frame) => `${frame.stream} ${Buffer.from(frame.payload).toString("hex")}`)
        assert.deepStrictEqual(plain(decoded), plain(frames))
        assert.isFalse(decoder.pending())
      }
    ))
  })

  test("a part of a frame is pending, and what the engine says of itself is passed over", () => {
    const decoder = Frames.decoder()
    const ofEngine = Buffer.from(Frames.encode("stdout", Buffer.from("error")))
    ofEngine[0] = 3
    const whole = Frames.encode("stderr", Buffer.from("a line\n"))
    assert.deepStrictEqual(decoder.push(ofEngine), [])
    assert.isFalse(decoder.pending())
    assert.deepStrictEqual(decoder.push(whole.subarray(0, 10)), [])
    assert.isTrue(decoder.pending())
    assert.strictEqual(decoder.push(whole.subarray(10)).length, 1)
  })

  test("what is no frame is told of with its bytes, and a length that no line has is refused", () => {
    assert.throws(
      () => Frames.decoder().push(Buffer.from("2026-11-21 a raw log")),
      /cannot begin with 323032362d31312d/u
    )
    const huge = Buffer.from([1, 0, 0, 0, 255, 255, 255, 255])
    assert.throws(() => Frames.decoder().push(huge), /a frame of 4294967295 bytes/u)
  })
})

const at = "2026-11-21T15:40:01.123456789Z"

describe("lines", () => {
  test("D1 D3 lines with their times are the same wherever engine and network have cut them", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.array(
          FastCheck.record({
            stream: streams,
            at: FastCheck.bigInt({ min: 0n, max: 4_000_000_000_000_000_000n }),
            text: FastCheck.oneof(
              FastCheck.string({ unit: "grapheme", maxLength: 40 }),
              FastCheck.integer({ min: 16_000, max: 70_000 }).map((size) => "æ€".repeat(size / 5))
            ).map((text) => text.replaceAll(/[\n\r]/gu, " "))
          }),
          { maxLength: 12 }
        ),
        FastCheck.array(FastCheck.nat(), { maxLength: 50 }),
        FastCheck.boolean(),
        (given, cuts, raw) => {
          const frames = given.flatMap((line) => {
            const bytes = Buffer.from(`${line.text}\n`)
            const pieces = Array.from(
              { length: Math.ceil((bytes.length - 1) / 16_384) || 1 },
              (_, index, from = index * 16_384) =>
                bytes.subarray(from, bytes.length - from <= 16_385 ? bytes.length : from + 16_384)
            )
            return pieces.map((piece) => Buffer.concat([Buffer.from(`${Timestamp.format(line.at)} `), piece]))
              .map((written) => ({ stream: raw ? "stdout" as const : line.stream, bytes: written }))
          })
          const decoder = Lines.decoder(true)
          const pieces = raw
            ? cutAt(Buffer.concat(frames.map(({ bytes }) => bytes)), cuts).map((bytes) => ({
              stream: "stdout" as const,
              bytes
            }))
            : frames
          const decoded = pieces.flatMap(({ bytes, stream }) => decoder.push(stream, bytes))
          assert.deepStrictEqual(
            decoded.map((line) => [line.stream, line.at, line.text]),
            given.map((line) => [raw ? "stdout" : line.stream, line.at, line.text])
          )
          assert.deepStrictEqual(decoder.rest(), [])
        }
      ),
      { numRuns: 200 }
    )
  })

  test("a terminal's carriage returns go, other blanks stay, and what was not ended is the rest", () => {
    const decoder = Lines.decoder(true)
    const text = (line: Lines.LogLine) => line.text
    assert.deepStrictEqual(decoder.push("stdout", Buffer.from(`${at}  a \r\n${at} \n${at} b`)).map(text), [" a ", ""])
    assert.deepStrictEqual(decoder.rest().map(text), ["b"])
    assert.throws(() => decoder.push("stdout", Buffer.from("no time\n")), /cannot begin with "no"/u)
  })

  test("a line beyond all measure is cut at the same places however it comes", () => {
    const bytes = Buffer.concat([Buffer.from(`${at} `), Buffer.alloc(6 * Lines.maxLine + 5, "x"), Buffer.from("\n")])
    const sizes = (cuts: ReadonlyArray<number>) => {
      const decoder = Lines.decoder(true)
      return cutAt(bytes, cuts).flatMap((piece) => decoder.push("stdout", piece)).map((
        line
      ) => [line.timestamp, line.text.length])
    }
    const expected = [...Array.from({ length: 6 }, () => [at, Lines.maxLine]), [at, 5]]
    assert.deepStrictEqual(sizes([]), expected)
    assert.deepStrictEqual(sizes(Array.from({ length: 150 }, (_, index) => index * 43_210)), expected)
  })
})

describe("times and versions", () => {
  test("D3 times keep all nine digits", () => {
    FastCheck.assert(FastCheck.property(FastCheck.bigInt({ min: 0n, max: 253_402_300_799_999_999_999n }), (nanos) => {
      assert.strictEqual(Timestamp.parse(Timestamp.format(nanos)), nanos)
      assert.strictEqual(Timestamp.fromSeconds(Timestamp.inSeconds(nanos)), nanos)
    }))
    assert.strictEqual(
      Timestamp.parse("2026-11-21T16:40:01.5+01:00"),
      Timestamp.parse("2026-11-21T15:40:01.500000000Z")
    )
    for (const wrong of ["", "yesterday", "2026-11-21", "2026-13-41T15:40:01Z"]) {
      assert.isUndefined(Timestamp.parse(wrong))
    }
  })

  test("D1 the newest version that both speak is chosen, by its numbers", () => {
    assert.strictEqual(ApiVersion.choose({ max: "1.41", min: "1.12" }), "1.41")
    assert.strictEqual(ApiVersion.choose({ max: "1.99", min: "1.44" }), ApiVersion.ours.max)
    assert.strictEqual(ApiVersion.choose({ max: "2.1", min: "1.51" }), "1.51")
    assert.isUndefined(ApiVersion.choose({ max: "1.9" }))
    assert.isUndefined(ApiVersion.choose({ max: "1.99", min: "1.60" }))
    assert.isUndefined(ApiVersion.choose({ max: "newest" }))
  })
})

describe("endpoints", () => {
  const of = (environment: Endpoint.Environment) => Either.getOrThrow(Endpoint.fromEnvironment(environment))

  test("D1 the engine is where the docker command line would look for it", () => {
    assert.deepInclude(of({}), { socketPath: "/var/run/docker.sock", url: "http://docker", tls: undefined })
    assert.deepInclude(of({ DOCKER_HOST: "unix:///run/user/1000/docker.sock" }), {
      socketPath: "/run/user/1000/docker.sock"
    })
    assert.deepInclude(of({ DOCKER_HOST: "tcp://:2375" }), { url: "http://localhost:2375", socketPath: undefined })
    assert.deepInclude(of({ DOCKER_HOST: "tcp://[::1]" }), { url: "http://[::1]:2375" })
    assert.deepInclude(of({ DOCKER_HOST: "tcp://engine.test:80/behind/" }), { url: "http://engine.test:80/behind" })
    assert.deepInclude(of({ DOCKER_API_VERSION: "1.40" }), { apiVersion: "1.40" })
    const secure = of({ DOCKER_HOST: "tcp://engine.test", DOCKER_TLS_VERIFY: "1", DOCKER_CONFIG: "/nowhere" })
    assert.strictEqual(secure.url, "https://engine.test:2376")
    assert.isDefined(secure.tls)
  })

  test("D1 certificates are read from where they are said to be, and all three must be there", () => {
    const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "certificates-"))
    const environment = { DOCKER_HOST: "tcp://engine.test:2376", DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: folder }
    try {
      for (const name of ["ca.pem", "cert.pem"]) Fs.writeFileSync(Path.join(folder, name), "")
      const refused = Either.flip(Endpoint.fromEnvironment(environment)).pipe(Either.getOrThrow)
      assert.match(refused.message, /^DOCKER_CERT_PATH: .*key\.pem is not there$/u)
      Fs.writeFileSync(Path.join(folder, "key.pem"), "")
      assert.isDefined(of(environment).tls)
    } finally {
      Fs.rmSync(folder, { recursive: true })
    }
  })

  test("D1 a host of another kind is refused, and what is allowed is told", () => {
    for (
      const DOCKER_HOST of [
        "ssh://me@there",
        "npipe:////./pipe/docker_engine",
        "unix://",
        "engine.test:2375",
        "tcp://",
        "tcp://a b"
      ]
    ) {
      const refused = Either.flip(Endpoint.fromEnvironment({ DOCKER_HOST })).pipe(Either.getOrThrow)
      assert.match(refused.message, /^DOCKER_HOST: .* is not allowed; allowed: unix:\/\/\/path, tcp:/u)
    }
  })
})
