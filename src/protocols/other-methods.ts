import type { App, AppContext } from './dialect.ts';

/**
 * Refuses all other methods of the paths registered so far. Run it before adding a route with a parameter in the same
 * place, or `GET …/backups/restore` would ask for a backup named "restore"; and after all routes of a path, those of
 * other dialects included.
 *
 * @param under only paths that begin so, parameters written `:x`.
 * @param answer the dialect's refusal; `allow` is the value of the `Allow` header.
 */
export function refuseOtherMethods(app: App, under: string, answer: (c: AppContext, allow: string) => Response): void {
  const methods = new Map<string, Set<string>>();
  const closed = new Set<string>();
  for (const { method, path } of app.routes) {
    // Dialects may name the parameters of a shared path differently.
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
