/** Pieces that every native route definition shares: its security, its declared answers, its refusal of methods. */
import type { z } from '@hono/zod-openapi';
import type { App } from '../dialect.ts';
import { answerFault } from './errors.ts';
import { ErrorObject } from './schemas.ts';

export const BACKUPS = '/api/servers/{server}/backups';

export const BEARER = [{ bearer: [] }];

export function jsonAnswer<Schema extends z.ZodType>(schema: Schema, description: string) {
  return { content: { 'application/json': { schema } }, description };
}

/** The one declaration of all errors: their statuses are in `errors.ts`. */
export const ANY_ERROR = { default: jsonAnswer(ErrorObject, 'An error; `code` is stable, `error` is for people') };

export function optionalBody<Schema extends z.ZodType>(schema: Schema) {
  return { content: { 'application/json': { schema } }, required: false };
}

export function requiredBody<Schema extends z.ZodType>(schema: Schema) {
  return { content: { 'application/json': { schema } }, required: true };
}

/**
 * Answers every other method of the paths registered so far with 405 and `Allow`. Must run before a route with a
 * parameter in the same place is added, or `GET …/backups/restore` would ask for a backup named "restore"; and not
 * before a path has all its routes, those of other dialects included.
 *
 * @param under only paths that begin so, parameters written `:x`; all without it.
 */
export function refuseOtherMethods(app: App, under = '/'): void {
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
    app.all(path, (c) => answerFault(c, 'method_not_allowed', { Allow: allow }));
  }
}
