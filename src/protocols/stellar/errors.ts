/** Errors in the words of the first generation: `{ error: <reason phrase>, message }`. The panel shows the message. */
import { STATUS_CODES } from 'node:http';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { FailureCode } from '../../base/failure.ts';
import type { Log } from '../../base/log.ts';
import { printableText } from '../../base/paths.ts';
import type { AppContext } from '../dialect.ts';
import { failureOf, logThrown } from '../thrown.ts';

/** The panel takes any status from 400 on as a failure; these are the ones that say which. */
const STATUS_OF: Readonly<Record<FailureCode, ContentfulStatusCode>> = {
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

export function statusOf(thrown: unknown): ContentfulStatusCode {
  return STATUS_OF[failureOf(thrown).code];
}

/** Notes what was thrown, and answers it. */
export function logged(
  c: AppContext,
  thrown: unknown,
  log: Log,
  answer: (c: AppContext, thrown: unknown) => Response,
): Response {
  logThrown(c, thrown, statusOf(thrown), log);
  return answer(c, thrown);
}

export function answerError(c: AppContext, thrown: unknown): Response {
  const status = statusOf(thrown);
  if (status === 401) c.header('WWW-Authenticate', 'Bearer');
  return c.json({ error: STATUS_CODES[status] ?? 'Error', message: printableText(failureOf(thrown).message) }, status);
}
