/** Certificates made by openssl, once per test file: they are kept as text, and no file of theirs stays. */
import * as Effect from "effect/Effect"
import { execFile } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { promisify } from "node:util"
import { folder, PartFailed } from "./part.ts"
import { find } from "./programs.ts"

/** A certificate with its key, both PEM. */
export interface Identity {
  readonly certificate: string
  readonly key: string
}

export interface Certificates {
  /** the authority that signed all but `selfSigned` */
  readonly authority: string
  /** an authority that signed none */
  readonly otherAuthority: string
  /** for localhost and 127.0.0.1 */
  readonly localhost: Identity
  readonly aTest: Identity
  readonly bTest: Identity
  /** for localhost and 127.0.0.1, a day of the year 2020 long */
  readonly expired: Identity
  readonly selfSigned: Identity
  /** the key of `aTest`, and PKCS#12 files of it and of `expired`, all of them opened by the passphrase */
  readonly encrypted: {
    readonly key: string
    readonly pfx: Buffer
    readonly expiredPfx: Buffer
    readonly passphrase: string
  }
}

const settings = `
[ca]
default_ca = own
[own]
database = issued
new_certs_dir = .
certificate = authority.pem
private_key = authority.key
default_md = sha256
default_days = 30
policy = any
copy_extensions = copy
rand_serial = yes
unique_subject = no
[any]
commonName = supplied
`

const local = "DNS:localhost,IP:127.0.0.1"
const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]

const make: Effect.Effect<Certificates, PartFailed> = Effect.scoped(Effect.gen(function*() {
  const program = find("openssl")
  if (program === undefined) {
    return yield* new PartFailed({ part: "openssl", reason: "it is not installed", output: "" })
  }
  const cwd = yield* folder
  const openssl = (...all: ReadonlyArray<string>) =>
    Effect.tryPromise({
      try: () => promisify(execFile)(program, all, { cwd }),
      // what a failed command throws carries its outputs in the message
      catch: (error) => new PartFailed({ part: "openssl", reason: `openssl ${all[0]}`, output: String(error) })
    })
  const read = (file: string) => Fs.readFileSync(Path.join(cwd, file), "utf8")
  const identity = (name: string): Identity => ({ certificate: read(`${name}.pem`), key: read(`${name}.key`) })
  const authority = (name: string, subject: string, ...more: ReadonlyArray<string>) => {
    const files = ["-keyout", `${name}.key`, "-out", `${name}.pem`]
    return openssl("req", "-x509", ...newKey, ...files, "-days", "30", "-subj", `/CN=${subject}`, ...more)
  }
  const leaf = (name: string, subject: string, names: string, ...more: ReadonlyArray<string>) =>
    Effect.gen(function*() {
      const extensions = ["-addext", `subjectAltName=${names}`]
      const request = ["-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${subject}`, ...extensions]
      yield* openssl("req", ...newKey, ...request)
      yield* openssl(
        "ca",
        "-batch",
        "-notext",
        "-config",
        "ca.cnf",
        "-in",
        `${name}.csr`,
        "-out",
        `${name}.pem`,
        ...more
      )
      return identity(name)
    })
  Fs.writeFileSync(Path.join(cwd, "ca.cnf"), settings)
  Fs.writeFileSync(Path.join(cwd, "issued"), "")
  yield* authority("authority", "Authority of the tests")
  yield* authority("other", "Another authority")
  yield* authority("self", "localhost", "-addext", `subjectAltName=${local}`)
  const passphrase = "planted-passphrase"
  const aTest = yield* leaf("a", "a.test", "DNS:a.test")
  const dates = ["-startdate", "20200101000000Z", "-enddate", "20200102000000Z"]
  const expired = yield* leaf("expired", "localhost", local, ...dates)
  const pfx = (name: string) =>
    Effect.as(
      openssl(
        "pkcs12",
        "-export",
        "-inkey",
        `${name}.key`,
        "-in",
        `${name}.pem`,
        "-out",
        `${name}.pfx`,
        "-passout",
        `pass:${passphrase}`
      ),
      `${name}.pfx`
    ).pipe(Effect.map((file) => Fs.readFileSync(Path.join(cwd, file))))
  yield* openssl(
    "pkcs8",
    "-topk8",
    "-v2",
    "aes-128-cbc",
    "-in",
    "a.key",
    "-out",
    "locked.key",
    "-passout",
    `pass:${passphrase}`
  )
  return {
    encrypted: { key: read("locked.key"), pfx: yield* pfx("a"), expiredPfx: yield* pfx("expired"), passphrase },
    authority: read("authority.pem"),
    otherAuthority: read("other.pem"),
    localhost: yield* leaf("localhost", "localhost", local),
    aTest,
    bTest: yield* leaf("b", "b.test", "DNS:b.test"),
    expired,
    selfSigned: identity("self")
  }
}))

let made: Effect.Effect<Certificates, PartFailed> | undefined

/** The certificates of this test file, made when they are first asked for. */
export const certificates: Effect.Effect<Certificates, PartFailed> = Effect.suspend(() => {
  made ??= Effect.runSync(Effect.cached(make))
  return made
})
