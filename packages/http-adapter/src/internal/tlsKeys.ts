/** The identities of one pool, wherever they come from: options, files, and one on top of another. */
import type { PoolError } from "@watertight/pool"
import * as Either from "effect/Either"
import type { HttpProxy } from "../HttpProxy.ts"
import { hiddenOf } from "./proxy.ts"
import { type Reading, readingOf, readNow, TlsFiles } from "./tlsFiles.ts"
import { contentOf, type Identity, TlsIdentities } from "./tlsIdentities.ts"
import { onTop, plainOf, type PlainTls } from "./tlsPlain.ts"

/** What was given for TLS, decoded. What it is may change. */
export class TlsChoice {
  readonly field: string
  private identity: Identity

  constructor(field: string, identity: Identity) {
    this.field = field
    this.identity = identity
  }

  get current(): Identity {
    return this.identity
  }

  become(identity: Identity): void {
    this.identity = identity
  }
}

const noOptions = {}

/** Files that are looked at again and again. */
export interface Followed {
  readonly reading: Reading
  readonly choice: TlsChoice
}

export class TlsKeys {
  private readonly identities: TlsIdentities
  private readonly follow: (files: Followed) => void
  private readonly byOptions = new WeakMap<object, TlsChoice>()
  private readonly byFiles = new Map<string, TlsChoice>()
  private readonly both = new WeakMap<Identity, WeakMap<Identity, Identity>>()

  /** `follow` is called once for files that have not been seen before. */
  constructor(now: () => number, follow: (files: Followed) => void) {
    this.identities = new TlsIdentities(now)
    this.follow = follow
  }

  /** The same for equal options. */
  choice(given: unknown, field: string): Either.Either<TlsChoice, PoolError.ConfigInvalid> {
    if (given instanceof TlsChoice) return Either.right(given)
    const known = typeof given === "object" && given !== null ? this.byOptions.get(given) : undefined
    if (known !== undefined) return Either.right(known)
    const made = given instanceof TlsFiles
      ? this.ofFiles(given, field)
      : Either.map(this.ofOptions(given, field), (identity) => new TlsChoice(field, identity))
    if (Either.isRight(made) && typeof given === "object" && given !== null) this.byOptions.set(given, made.right)
    return made
  }

  ofOptions(given: unknown, field: string): Either.Either<Identity, PoolError.ConfigInvalid> {
    return Either.flatMap(plainOf(given, field), (plain) => this.identities.of(plain, field))
  }

  /** An identity on top of the settings of a host. */
  onTop(below: TlsChoice, above: TlsChoice): Either.Either<Identity, PoolError.ConfigInvalid> {
    const known = this.both.get(below.current)?.get(above.current)
    if (known !== undefined) return Either.right(known)
    const plain: PlainTls = onTop(below.current.options, above.current.options)
    return Either.map(this.identities.of(plain, above.field), (identity) => {
      const of = this.both.get(below.current) ?? new WeakMap<Identity, Identity>()
      this.both.set(below.current, of.set(above.current, identity))
      return identity
    })
  }

  /** As whom we speak to a proxy that is spoken to by TLS. */
  ofProxy(proxy: HttpProxy, field: string): Either.Either<Identity | undefined, PoolError.ConfigInvalid> {
    return proxy.scheme === "http"
      ? Either.right(undefined)
      : Either.map(this.choice(hiddenOf(proxy).tls ?? noOptions, field), (choice) => choice.current)
  }

  private ofFiles(files: TlsFiles, field: string): Either.Either<TlsChoice, PoolError.ConfigInvalid> {
    return Either.gen(this, function*() {
      const reading = yield* readingOf(files, field)
      const { others: { passphrase, ...others }, paths, refresh } = reading
      const name = contentOf({
        ...others,
        ...plainOf({ passphrase }, field).pipe(Either.getOrElse(() => ({}))),
        refresh,
        paths: Object.entries(paths)
      })
      const known = this.byFiles.get(name)
      if (known !== undefined) return known
      const identity = yield* this.ofOptions(yield* readNow(reading, field), field)
      const choice = new TlsChoice(field, identity)
      this.byFiles.set(name, choice)
      this.follow({ reading, choice })
      return choice
    })
  }
}
