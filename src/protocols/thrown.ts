/** Turns a thrown value into a Failure, an HTTP status and a log entry, for every dialect. */
import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { Failure, type FailureCode } from '../base/failure.ts';
import type { Log } from '../base/log/log.ts';
import { printableText } from '../base/files/paths.ts';
import type { AppContext } from './dialect.ts';

/** The HTTP status of a failure's code, unless a protocol says otherwise. */
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
  preview_outdated: 409,
  not_running: 409,
  // Another caller's wish, and no fault of this node.
  cancelled: 409,
  too_large: 413,
  archive_damaged: 422,
  draining: 503,
  store_unreachable: 503,
  insufficient_storage: 507,
  interrupted: 500,
  config_invalid: 500,
  internal: 500,
};

/** The status for a failure; 429 where the caller, or all together, ask for too much at a time. */
export function statusOf(failure: Failure): ContentfulStatusCode {
  return isTooMany(failure) ? 429 : STATUS_OF[failure.code];
}

/** True for a `server_busy` that says so of requests, not of a server: its facts have `tooMany`. */
export function isTooMany(error: unknown): boolean {
  return error instanceof Failure && error.code === 'server_busy' && error.facts['tooMany'] === true;
}

/** The message for unexpected errors. */
export const UNFORESEEN = 'Cannot answer the request: an unexpected error occurred';

/** A Failure as it is; a library's refusal of the request as `invalid_request` or `too_large`; otherwise `internal`. */
export function failureOf(thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown;
  if (thrown instanceof HTTPException && thrown.status < 500) {
    const code = thrown.status === 413 ? 'too_large' : 'invalid_request';
    return new Failure(code, thrown.message, { cause: thrown });
  }
  return new Failure('internal', UNFORESEEN, { cause: thrown });
}

/** @param status of the answer; from 500 on it is logged as an error. */
export function logThrown(c: AppContext, thrown: unknown, status: number, log: Log): void {
  const { method, path } = c.req;
  const { code } = failureOf(thrown);
  const facts = { requestId: c.get('requestId'), method, path: printableText(path), code, error: thrown };
  // The client hung up: errors that follow from that are no fault of this node.
  if (c.req.raw.signal.aborted) log.debug('Request abandoned', facts);
  // The runner has already logged the end of this request's job; do not log the failure twice.
  else if (c.get('job') !== undefined && thrown instanceof Failure) log.debug('Request failed with its job', facts);
  else if (status >= 500) log.error('Request failed', facts);
  else log.debug('Request refused', facts);
}
