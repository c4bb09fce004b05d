/** `@watertight/http-adapter`: HTTP on the leak-proof connection pool. */
export * as Aggregator from "./Aggregator.ts"
export * as HttpAdapterConfig from "./HttpAdapterConfig.ts"
export * as HttpError from "./HttpError.ts"
export * as HttpPool from "./HttpPool.ts"
export { PoolLayer } from "./HttpPool.ts"
export * as Origin from "./Origin.ts"
export * as PooledHttpClient from "./PooledHttpClient.ts"
export * as Resolver from "./Resolver.ts"
