/** `@watertight/pool`: a leak-proof connection pool for Effect. */
export * as ConnectionPool from "./ConnectionPool.ts"
export * as Connector from "./Connector.ts"
export * as Lease from "./Lease.ts"
export * as PoolConfig from "./PoolConfig.ts"
export * as PoolError from "./PoolError.ts"
export * as PoolEvent from "./PoolEvent.ts"
export * as PoolMetrics from "./PoolMetrics.ts"
export * as PoolStats from "./PoolStats.ts"
