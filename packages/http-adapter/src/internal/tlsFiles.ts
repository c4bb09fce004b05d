/** An identity that lies in files: which ones, and how they are read. */
import { PoolError, Settings } from "@watertight/pool"
import * as Either from "effect/Either"
import { readFileSync } from "node:fs"
import { readFile } from "node:fs/promises"
import type { TlsFilesOptions, TlsOptions } from "../HttpTls.ts"
import { isRecord, refuse } from "./tlsPlain.ts"

/** Options with the paths of files. They may hold a passphrase, so nobody sees them. */
export class TlsFiles {
  readonly #options: TlsFilesOptions

  constructor(options: TlsFilesOptions) {
    this.#options = options
  }

  static optionsOf(files: TlsFiles): TlsFilesOptions {
    return files.#options
  }

  toJSON(): unknown {
    const { ca, cert, key, pfx } = this.#options
    return { _id: "TlsFiles", ca, cert, key, pfx }
  }
}

const names = ["ca", "cert", "key", "pfx"] as const

/** What is to be read, and what goes with it. */
export interface Reading {
  readonly paths: { readonly [Name in (typeof names)[number]]?: string | ReadonlyArray<string> }
  readonly others: TlsOptions
  /** in milliseconds */
  readonly refresh: number
}

const isPath = (value: unknown): boolean => typeof value === "string" && value.trim() !== ""

export const readingOf = (files: TlsFiles, field: string): Either.Either<Reading, PoolError.ConfigInvalid> => {
  const options: unknown = TlsFiles.optionsOf(files)
  if (!isRecord(options)) return refuse(field, Settings.kindOf(options), "an object with the paths of files")
  const { refresh = "30 seconds", ...rest } = options
  const millis = Settings.positive.decode(refresh)
  if (millis === undefined) return refuse(`${field}.refresh`, refresh, Settings.positive.allowed)
  const paths: Record<string, unknown> = {}
  const others: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(rest)) {
    if (value === undefined) continue
    if (!names.some((one) => one === name)) {
      others[name] = value
      continue
    }
    const several = name === "ca" && Array.isArray(value)
    if (!(several ? value.every(isPath) : isPath(value))) {
      return refuse(`${field}.${name}`, Settings.kindOf(value), "the path of a file")
    }
    paths[name] = value
  }
  if (Object.keys(paths).length === 0) return refuse(field, "no file", `at least one of ${names.join(", ")}`)
  // paths are texts, which was looked at; the others are looked at with what is in the files
  return Either.right({ paths: paths as Reading["paths"], others: others as TlsOptions, refresh: millis })
}

const failed = (field: string, name: string, path: string, error: unknown) => {
  const code = error instanceof Error && "code" in error ? String(error.code) : String(error)
  const allowed = `the path of a file that can be read (${code})`
  return new PoolError.ConfigInvalid({ field: `${field}.${name}`, value: path, allowed })
}

/** As when a host first needs them: whoever asks cannot wait. */
export const readNow = (
  { others, paths }: Reading,
  field: string
): Either.Either<TlsOptions, PoolError.ConfigInvalid> =>
  Either.gen(function*() {
    const found: Record<string, unknown> = { ...others }
    for (const [name, path] of Object.entries(paths)) {
      const read = (one: string) =>
        Either.try({ try: (): Buffer => readFileSync(one), catch: (error) => failed(field, name, one, error) })
      found[name] = typeof path === "string" ? yield* read(path) : yield* Either.all(path.map(read))
    }
    return found
  })

/** The same without anybody waiting. */
export const read = async ({ others, paths }: Reading, field: string): Promise<TlsOptions> => {
  const found = await Promise.all(
    Object.entries(paths).map(async ([name, path]) => {
      const one = (place: string): Promise<Buffer> =>
        readFile(place).catch((error: unknown) => Promise.reject(failed(field, name, place, error)))
      return [name, typeof path === "string" ? await one(path) : await Promise.all(path.map(one))] as const
    })
  )
  return { ...others, ...Object.fromEntries(found) }
}
