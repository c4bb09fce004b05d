/** `@watertight/stdio-adapter`: servers on stdio, such as MCP servers, on the leak-proof connection pool. */
export * as Protocol from "./Protocol.ts"
export * as StdioConfig from "./StdioConfig.ts"
export * as StdioError from "./StdioError.ts"
export * as StdioPool from "./StdioPool.ts"
export * as StdioServer from "./StdioServer.ts"
