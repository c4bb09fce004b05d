import { defineConfig } from "vitest/config"
import { SummaryReporter } from "./scripts/summary-reporter.ts"

export default defineConfig({
  test: {
    include: ["{packages/*,bench,scripts}/test/**/*.test.ts"],
    // Most tests wait for something or somebody, so a worker for each core is not too many.
    maxWorkers: "100%",
    // Tests of sockets, descriptors and live fibers count what the whole process holds.
    sequence: { concurrent: false },
    testTimeout: 20_000,
    hookTimeout: 20_000,
    passWithNoTests: false,
    reporters: ["default", new SummaryReporter()]
  }
})
