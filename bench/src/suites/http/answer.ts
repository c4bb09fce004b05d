/** What the server answers to every GET and POST of the benchmark: some 250 bytes of JSON, as an API would. */
export const ANSWER = JSON.stringify({
  id: 4711,
  name: "Ada Lovelace",
  email: "ada@example.org",
  active: true,
  roles: ["author", "reader", "admin"],
  address: { street: "12 St James's Square", city: "London", country: "GB", location: [51.5074, -0.1278] },
  created: "2026-01-02T03:04:05.678Z",
  visits: 1234
})

/** Throws unless it is what the server sent, parsed: every client does the same work. */
export const expectAnswer = (value: unknown): void => {
  if (typeof value !== "object" || value === null || !("id" in value) || value.id !== 4711) {
    throw new Error(`this is not the answer of the server: ${JSON.stringify(value)}`)
  }
}
