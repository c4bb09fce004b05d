// A program in a process group of its own survives a kill of its parent's group: without this it would hold its ports.
import { isMainThread } from "node:worker_threads"

if (isMainThread) {
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    process.kill(process.pid, "SIGTERM")
  }, 500).unref()
}
