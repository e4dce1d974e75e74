/** Errors of the first generation: `{ error: <reason phrase>, message }`. The panel shows the message. */
import { STATUS_CODES } from 'node:http';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Log } from '../../base/log/log.ts';
import { printableText } from '../../base/files/paths.ts';
import type { AppContext } from '../dialect.ts';
import { failureOf, logThrown, statusOf as statusOfFailure } from '../thrown.ts';

export function statusOf(thrown: unknown): ContentfulStatusCode {
  return statusOfFailure(failureOf(thrown));
}

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
