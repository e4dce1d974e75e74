/** Pieces that every route definition of this dialect shares: its paths, its security, its declared answers. */
import type { z } from '@hono/zod-openapi';
import { ErrorsObject } from './schemas.ts';

export const SERVER = '/api/client/servers/{server}';
export const BACKUPS = `${SERVER}/backups` as const;
export const BACKUP = `${BACKUPS}/{backup}` as const;

export const BEARER = [{ bearer: [] }];

export function jsonAnswer<Schema extends z.ZodType>(schema: Schema, description: string) {
  return { content: { 'application/json': { schema } }, description };
}

/** The one declaration of all errors: their statuses are in `errors.ts`. */
export const ANY_ERROR = { default: jsonAnswer(ErrorsObject, 'Errors; `code` is stable, `detail` is for people') };

export function optionalBody<Schema extends z.ZodType>(schema: Schema) {
  return { content: { 'application/json': { schema } }, required: false };
}
