import type { App, AppContext } from './dialect.ts';

/**
 * Answers every other method of the paths registered so far. Must run before a route with a parameter in the same
 * place is added, or `GET …/backups/restore` would ask for a backup named "restore"; and not before a path has all
 * its routes, those of other dialects included.
 *
 * @param under only paths that begin so, parameters written `:x`.
 * @param answer the dialect's own refusal; `allow` is the value of the `Allow` header.
 */
export function refuseOtherMethods(app: App, under: string, answer: (c: AppContext, allow: string) => Response): void {
  const methods = new Map<string, Set<string>>();
  const closed = new Set<string>();
  for (const { method, path } of app.routes) {
    // Dialects that share a path may name its parameters differently.
    const shape = path.replace(/:[^/]+/g, ':x');
    if (method === 'ALL') closed.add(shape);
    else methods.set(shape, (methods.get(shape) ?? new Set()).add(method));
  }
  for (const [path, taken] of methods) {
    if (closed.has(path) || !path.startsWith(under)) continue;
    // Hono answers HEAD with the GET route.
    const allow = [...taken, ...(taken.has('GET') ? ['HEAD'] : [])].sort().join(', ');
    app.all(path, (c) => answer(c, allow));
  }
}
