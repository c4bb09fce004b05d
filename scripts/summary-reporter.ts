import type { Reporter, TestModule, TestSuite, Vitest } from "vitest/node"

/** Ends the output of a run with one line that scripts can read: `N passed, N failed, N skipped`. */
export class SummaryReporter implements Reporter {
  private vitest: Vitest | undefined

  onInit(vitest: Vitest): void {
    this.vitest = vitest
  }

  onTestRunEnd(modules: ReadonlyArray<TestModule>, unhandledErrors: ReadonlyArray<unknown>): void {
    let passed = 0
    let skipped = 0
    // Errors outside any test (a file that does not load, a hook, a stray rejection) fail the run too.
    let failed = unhandledErrors.length + modules.filter(hasOwnErrors).length
    for (const module of modules) {
      failed += [...module.children.allSuites()].filter(hasOwnErrors).length
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        if (state === "passed") passed++
        else if (state === "failed") failed++
        else skipped++
      }
    }
    if (passed + failed === 0) {
      console.error("No test ran: no title matches.")
      process.exitCode = 1
    }
    // The default reporter still has its own summary to print when this hook runs.
    this.vitest?.onClose(() => {
      console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`)
    })
  }
}

const hasOwnErrors = (suite: TestModule | TestSuite) => suite.errors().length > 0
