/** What is asked: it answers everybody who asked before in the next turn of the event loop, as a peer would. */
export interface Gate {
  readonly ask: (answer: () => void) => void
}

/** One turn answers all, so that what is measured is not the cost of turns. */
export const makeGate = (): Gate => {
  let waiting: Array<() => void> = []
  const open = (): void => {
    const answered = waiting
    waiting = []
    for (const answer of answered) answer()
  }
  return {
    ask: (answer) => {
      if (waiting.push(answer) === 1) setImmediate(open)
    }
  }
}
