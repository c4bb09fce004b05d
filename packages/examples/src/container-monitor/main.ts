/** `npm run monitor`: see `--help`. */
import { NodeRuntime } from "@effect/platform-node"
import { Effect, Either } from "effect"
import * as Arguments from "./cli/arguments.ts"
import { list, replay } from "./cli/deadLetters.ts"
import { say } from "./cli/parts.ts"
import { run } from "./cli/run.ts"

const commandOf = (args: Arguments.Arguments) => {
  switch (args.command) {
    case "help":
      return Effect.sync(() => void process.stdout.write(Arguments.help))
    case "list":
      return list(args)
    case "replay":
      return replay(args)
    case "run":
      return run(args)
  }
}

const program = Either.match(Arguments.parse(process.argv.slice(2)), {
  onLeft: (error) =>
    Effect.zipRight(
      say(`${error.message}\nTry --help.`),
      Effect.sync(() => {
        process.exitCode = 2
      })
    ),
  onRight: (args) =>
    Effect.catchAll(Effect.scoped(commandOf(args)), (error) =>
      Effect.zipRight(
        say(error.message),
        Effect.sync(() => {
          process.exitCode = 1
        })
      ))
})

NodeRuntime.runMain(program)
