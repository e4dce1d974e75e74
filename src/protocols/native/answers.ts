/** Pieces that every native route definition shares: its security and its declared answers. */
import type { z } from '@hono/zod-openapi';
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
