/** What a thrown thing means to a caller, and what of it goes to the log: the same in every dialect. */
import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { Failure, type FailureCode } from '../base/failure.ts';
import type { Log } from '../base/log.ts';
import { printableText } from '../base/paths.ts';
import type { AppContext } from './dialect.ts';

/** What a failure's code means in HTTP, where a protocol does not say otherwise. */
export const STATUS_OF: Readonly<Record<FailureCode, ContentfulStatusCode>> = {
  invalid_request: 400,
  backup_not_ready: 400,
  backup_failed: 400,
  server_suspended: 400,
  too_many_backups: 400,
  unauthorized: 401,
  forbidden: 403,
  backup_locked: 403,
  server_not_found: 404,
  backup_not_found: 404,
  path_not_found: 404,
  job_not_found: 404,
  backup_exists: 409,
  server_busy: 409,
  not_running: 409,
  too_large: 413,
  archive_damaged: 422,
  draining: 503,
  store_unreachable: 503,
  insufficient_storage: 507,
  cancelled: 500,
  interrupted: 500,
  config_invalid: 500,
  internal: 500,
};

/** What a caller is told of an error that nobody foresaw. */
export const UNFORESEEN = 'Cannot answer the request: an unexpected error occurred';

/** A Failure as it is, a library's refusal of the request, or `internal`. */
export function failureOf(thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown;
  if (thrown instanceof HTTPException && thrown.status < 500) {
    const code = thrown.status === 413 ? 'too_large' : 'invalid_request';
    return new Failure(code, thrown.message, { cause: thrown });
  }
  return new Failure('internal', UNFORESEEN, { cause: thrown });
}

/** @param status what the dialect answers with; from 500 on the operator has to know. */
export function logThrown(c: AppContext, thrown: unknown, status: number, log: Log): void {
  const { method, path } = c.req;
  const { code } = failureOf(thrown);
  const facts = { requestId: c.get('requestId'), method, path: printableText(path), code, error: thrown };
  // Nobody reads the answer to a client that hung up; what its going broke off is no fault of ours.
  if (c.req.raw.signal.aborted) log.debug('Request abandoned', facts);
  else if (status >= 500) log.error('Request failed', facts);
  else log.debug('Request refused', facts);
}
