import { Agent, fetch, Pool } from "undici"
import type { Client, Options } from "./client.ts"
import { fromPromises } from "./promises.ts"

/** `Pool.request`, one pool for each host. */
export const undiciRequest = ({ connections }: Options): Client => {
  const pools = new Map<string, Pool>()
  const poolOf = (url: string): { readonly pool: Pool; readonly path: string } => {
    const { origin, pathname } = new URL(url)
    const pool = pools.get(origin) ?? new Pool(origin, { connections })
    pools.set(origin, pool)
    return { pool, path: pathname }
  }
  return fromPromises({
    get(url) {
      const { path, pool } = poolOf(url)
      return async (signal) => {
        const { body } = await pool.request({ path, method: "GET", signal: signal ?? null })
        return body.json()
      }
    },
    post(url, payload) {
      const { path, pool } = poolOf(url)
      return async () => {
        const { body } = await pool.request({ path, method: "POST", body: payload })
        return body.json()
      }
    },
    async download(url) {
      const { path, pool } = poolOf(url)
      const { body } = await pool.request({ path, method: "GET" })
      return body
    }
  })
}

/** `fetch` of the undici that is installed, with an agent of the same size. */
export const undiciFetch = ({ connections }: Options): Client => {
  const dispatcher = new Agent({ connections })
  return fromPromises({
    get: (url) => async () => (await fetch(url, { dispatcher })).json(),
    post: (url, body) => async () => (await fetch(url, { dispatcher, method: "POST", body })).json(),
    async download(url) {
      const { body } = await fetch(url, { dispatcher })
      if (body === null) throw new Error("the download has no body")
      return body
    }
  })
}
