/**
 * Turns a failure into a status and a JSON:API body: `{ errors: [{ code, status, detail }] }`, `status` as text. Codes
 * are from the documentation's table, else from the live panel. Unexpected errors get no text of their own.
 */
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { z } from '@hono/zod-openapi';
import { Failure, type FailureCode } from '../../base/failure.ts';
import { printableText } from '../../base/files/paths.ts';
import type { AppContext } from '../dialect.ts';
import { failureOf, isTooMany } from '../thrown.ts';
import type { ErrorsObject } from './schemas.ts';

type ErrorAnswer = readonly [status: ContentfulStatusCode, code: string];

const CONFLICT: ErrorAnswer = [409, 'ConflictingServerStateException'];
const NOT_FOUND: ErrorAnswer = [404, 'NotFoundHttpException'];
/** For requests of which too many are under way. */
const TOO_MANY: ErrorAnswer = [429, 'TooManyRequestsHttpException'];
const AWAY: ErrorAnswer = [503, 'ServiceUnavailableHttpException'];
/** The live panel's answer when its daemon failed. */
const BROKEN: ErrorAnswer = [500, 'DaemonConnectionException'];

const ANSWER_OF: Readonly<Record<FailureCode, ErrorAnswer>> = {
  invalid_request: [400, 'BadRequestHttpException'],
  backup_not_ready: [400, 'BackupNotCompletedException'],
  backup_failed: [400, 'BackupFailedException'],
  too_many_backups: [400, 'TooManyBackupsException'],
  backup_locked: [400, 'BackupIsLockedException'],
  unauthorized: [401, 'InvalidCredentialsException'],
  forbidden: [403, 'InsufficientPermissionsException'],
  server_not_found: NOT_FOUND,
  backup_not_found: NOT_FOUND,
  path_not_found: NOT_FOUND,
  job_not_found: NOT_FOUND,
  // The live panel answers for a suspended server like this.
  server_suspended: CONFLICT,
  server_busy: CONFLICT,
  backup_exists: CONFLICT,
  not_running: CONFLICT,
  preview_outdated: CONFLICT,
  cancelled: CONFLICT,
  too_large: [413, 'PostTooLargeException'],
  archive_damaged: [422, 'UnprocessableEntityHttpException'],
  draining: AWAY,
  store_unreachable: AWAY,
  insufficient_storage: [507, 'InsufficientStorageException'],
  interrupted: BROKEN,
  config_invalid: BROKEN,
  internal: BROKEN,
};

const REQUEST_FAULTS = {
  not_found: { answer: NOT_FOUND, detail: 'There is nothing at this address.' },
  method_not_allowed: {
    answer: [405, 'MethodNotAllowedHttpException'],
    detail: 'This address does not take that method.',
  },
} as const satisfies Record<string, { readonly answer: ErrorAnswer; readonly detail: string }>;

/** Codes whose own message is not sent: it would differ by cause, or name paths of this host. */
const FIXED_MESSAGES: Partial<Record<FailureCode, string>> = {
  server_not_found: 'The requested resource could not be found on the server.',
  backup_not_found: 'The requested resource could not be found on the server.',
  internal: 'An unexpected error was encountered while processing this request.',
};

const MOST_FAULTS = 10;
/** A fault may contain the caller's keys, of any length. */
const LONGEST_DETAIL = 600;

type ErrorObject = z.infer<typeof ErrorsObject>['errors'][number];

export function answerError(c: AppContext, thrown: unknown): Response {
  const failure = failureOf(thrown);
  if (failure.cause instanceof z.ZodError) return answer(c, 422, failure.cause.issues.slice(0, MOST_FAULTS).map(fault));
  const [status, code] = answerOf(failure);
  // RFC 9110 15.5.2: a 401 must say which scheme it wants.
  if (status === 401) c.header('WWW-Authenticate', 'Bearer realm="roost"');
  if (status === 503) c.header('Retry-After', '30');
  if (status === 429) c.header('Retry-After', '5');
  // A server's own hint is for callers who hold it: the guard, which answers all others, gives none.
  const hint =
    failure.code === 'server_not_found' && failure.hint !== undefined ? ` ${printableText(failure.hint)}` : '';
  const detail = `${FIXED_MESSAGES[failure.code] ?? printableText(failure.message)}${hint}`;
  return answer(c, status, [{ code, status: `${status}`, detail }]);
}

export function answerFault(
  c: AppContext,
  fault: keyof typeof REQUEST_FAULTS,
  headers: Record<string, string> = {},
): Response {
  const { answer: errorAnswer, detail } = REQUEST_FAULTS[fault];
  const [status, code] = errorAnswer;
  return answer(c, status, [{ code, status: `${status}`, detail }], headers);
}

export function statusOf(thrown: unknown): number {
  const failure = failureOf(thrown);
  return failure.cause instanceof z.ZodError ? 422 : answerOf(failure)[0];
}

function answerOf(failure: Failure): ErrorAnswer {
  return isTooMany(failure) ? TOO_MANY : ANSWER_OF[failure.code];
}

/** For faults that a schema found; `answerError` lists each with its field. */
export function validationFailure(error: z.ZodError): Failure {
  return new Failure('invalid_request', 'The given data was invalid', { cause: error });
}

function fault({ path, message, code, ...issue }: z.core.$ZodIssue): ErrorObject {
  const field = path.join('.').slice(0, LONGEST_DETAIL);
  const problem = message.startsWith('must ') ? message : `is invalid: ${message}`;
  const detail = printableText(`The ${field === '' ? 'body' : `${field} field`} ${problem}.`).slice(0, LONGEST_DETAIL);
  const rule = 'expected' in issue ? String(issue.expected) : code;
  return { code: 'ValidationException', status: '422', detail, meta: { source_field: field, rule } };
}

function answer(
  c: AppContext,
  status: ContentfulStatusCode,
  errors: ErrorObject[],
  headers: Record<string, string> = {},
): Response {
  return c.json({ errors } satisfies z.infer<typeof ErrorsObject>, status, headers);
}
