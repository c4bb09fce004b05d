import type { ResolveHook } from "node:module"

/**
 * Within the workspace a package's `exports` name its TypeScript sources; here they become the JavaScript that its
 * users install. What runs the sources directly (tsx) wraps every inner function to keep its name, which made a function
 * that returns closures sixty times slower: no such code may be timed.
 */
export const resolve: ResolveHook = async (specifier, context, nextResolve) => {
  const resolved = await nextResolve(specifier, context)
  const url = resolved.url.replace(/(\/packages\/[^/]+)\/src\/(.+)\.[tj]s$/, "$1/dist/$2.js")
  return { ...resolved, url, format: url === resolved.url ? resolved.format : "module" }
}
