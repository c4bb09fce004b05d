import { NodeRuntime } from "@effect/platform-node"
import { Console } from "effect"

NodeRuntime.runMain(Console.log("Watertight: the example program is not written yet."))
