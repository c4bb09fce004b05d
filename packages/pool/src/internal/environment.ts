/** The settings of a table from the environment: one variable for each field. */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { ConfigInvalid } from "../PoolError.ts"
import type { Decoded, Field, Table } from "./table.ts"

/** `openFor` becomes `OPEN_FOR`. */
const upperSnake = (name: string): string => name.replace(/[A-Z]/g, (capital) => `_${capital}`).toUpperCase()

// The name is one word to the provider rather than a path, so that an error spells it as the environment does.
const variable = (name: string, { about, preset, rule }: Field<unknown, unknown>) =>
  Config.primitive(`${about}: ${rule.allowed}; default ${String(preset)}`, (text) => {
    const value = rule.decode(rule.parse(text))
    return value !== undefined
      ? Either.right(value)
      : Either.left(
        ConfigError.InvalidData([], new ConfigInvalid({ field: name, value: text, allowed: rule.allowed }).message)
      )
  }).pipe(Config.nested(name), Config.option)

export const environment = <T extends Table>(table: T, prefix: string): Config.Config<Partial<Decoded<T>>> =>
  Config.map(
    Config.all(
      Object.entries(table).map(([name, field]) =>
        Config.map(variable(`${prefix}_${upperSnake(name)}`, field), (value) => [name, value] as const)
      )
    ),
    (entries) =>
      // each value came from the rule of its own field
      Object.fromEntries(
        entries.flatMap(([name, value]) => Option.isSome(value) ? [[name, value.value]] : [])
      ) as Partial<Decoded<T>>
  )
