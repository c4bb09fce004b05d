/** What a value is, without the value: it may be a secret. PURE. */
export const kindOf = (value: unknown): string => {
  if (value === null) return "null"
  if (Array.isArray(value)) return "an array"
  if (value instanceof Uint8Array) return `${value.byteLength} bytes`
  switch (typeof value) {
    case "string":
      return `a text of ${value.length} characters`
    case "object":
      return "an object"
    case "undefined":
      return "undefined"
    default:
      return `a ${typeof value}`
  }
}
