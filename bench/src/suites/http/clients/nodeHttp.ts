import { create } from "axios"
import { got } from "got"
import { Agent } from "node:http"
import type { Client, Options } from "./client.ts"
import { fromPromises } from "./promises.ts"

/** Clients on `node:http`; its agent is given, since by default they keep no connection, or an unlimited number. */
const keepAlive = ({ connections }: Options): Agent => new Agent({ keepAlive: true, maxSockets: connections })

export const gotClient = (options: Options): Client => {
  const client = got.extend({ agent: { http: keepAlive(options) } })
  return fromPromises({
    get: (url) => () => client.get(url).json(),
    post: (url, body) => () => client.post(url, { body }).json()
  })
}

export const axiosClient = (options: Options): Client => {
  const client = create({ httpAgent: keepAlive(options) })
  return fromPromises({
    get: (url) => async () => (await client.get<unknown>(url)).data,
    post: (url, body) => async () => (await client.post<unknown>(url, body)).data
  })
}
