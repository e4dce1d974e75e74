/** Paths and answers that the route definitions share. */
import type { AppContext, DialectDeps } from '../dialect.ts';
import { jsonAnswer } from '../route-answers.ts';
import { ErrorsObject } from './schemas.ts';

export const SERVER = '/api/client/servers/{server}';
export const BACKUPS = `${SERVER}/backups` as const;
export const BACKUP = `${BACKUPS}/{backup}` as const;

export const ANY_ERROR = { default: jsonAnswer(ErrorsObject, 'Errors; `code` is stable, `detail` is for people') };

/** A URL of this node: under the operator's public address, else under the request's host. */
export function absoluteUrl(c: AppContext, ports: Pick<DialectDeps, 'publicUrl'>, path: string): string {
  return `${ports.publicUrl ?? new URL(c.req.url).origin}${path}`;
}
