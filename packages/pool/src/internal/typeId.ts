/** What marks a pool, across copies of this package. */
export const TypeId: unique symbol = Symbol.for("@watertight/pool/ConnectionPool")

export type TypeId = typeof TypeId
