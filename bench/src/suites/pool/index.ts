import { Effect } from "effect"
import { mergeReports, type Suite } from "../../suite.ts"
import { borrow } from "./borrow.ts"
import { fibers } from "./fibers.ts"
import { footprint } from "./footprint.ts"
import { queue } from "./queue.ts"
import { scale } from "./scale.ts"

/** Full collections, which undo optimised code, come last: they would slow down what is timed after them. */
const experiments = [borrow, queue, scale, fibers, footprint]

export const poolSuite: Suite = {
  name: "pool",
  description: "borrowing, queueing, size, memory and fibers of the pool beside its peers",
  conditions:
    "Measured with a young generation of 256 MiB (`--max-semi-space-size=256`). The figure for 10,000 waiters depends on it: " +
    "with V8's 16 MiB it missed its bound of 2× in every run made (3× to 5×).",
  peers: ["@watertight/pool", "effect", "generic-pool", "tarn"],
  run: (options) => Effect.map(Effect.forEach(experiments, (experiment) => experiment(options)), mergeReports)
}
