/**
 * Turns a failure into a status and a body: `{ error, code, hint?, requestId }`, and what its `report` says. Stack traces
 * and the texts of unexpected errors are never sent.
 */
import type { z } from '@hono/zod-openapi';
import { Failure, type FailureCode } from '../../base/failure.ts';
import { printableText } from '../../base/files/paths.ts';
import type { AppContext } from '../dialect.ts';
import { failureOf, isTooMany, statusOf, UNFORESEEN } from '../thrown.ts';
import { BODY_HINTS, QUERY_HINTS, WHOLE_SENTENCES } from './required.ts';

const REQUEST_FAULTS = {
  not_found: { status: 404, error: 'There is nothing at this address' },
  method_not_allowed: { status: 405, error: 'This address does not take that method' },
  upgrade_required: { status: 426, error: 'This address speaks websocket only' },
} as const;

type RequestFault = keyof typeof REQUEST_FAULTS;

// Fixed texts: a server or backup that the token does not hold must look like an unknown one.
const FIXED_MESSAGES: Partial<Record<FailureCode, string>> = {
  server_not_found: 'There is no such server',
  backup_not_found: 'There is no such backup',
  job_not_found: 'There is no such job',
};

// A server's own hint is for callers who hold it: the guard, which answers all others, gives none.
const HIDDEN_HINTS: ReadonlySet<FailureCode> = new Set(['backup_not_found', 'job_not_found']);

const LONGEST_FAULTS = 600;

interface ErrorBody {
  readonly error: string;
  readonly code: string;
  readonly hint?: string;
  readonly requestId: string;
}

export function answerError(c: AppContext, thrown: unknown): Response {
  const failure = failureOf(thrown);
  const body: ErrorBody = {
    ...failure.detail.report,
    error: sentence(failure, c.get('caller') !== undefined),
    code: failure.code,
    hint: failure.hint === undefined || HIDDEN_HINTS.has(failure.code) ? undefined : printableText(failure.hint),
    requestId: c.get('requestId'),
  };
  // RFC 9110 15.5.2: a 401 must say which scheme it wants.
  if (failure.code === 'unauthorized') c.header('WWW-Authenticate', 'Bearer realm="roost"');
  if (failure.code === 'draining' || failure.code === 'store_unreachable') c.header('Retry-After', '30');
  if (isTooMany(failure)) c.header('Retry-After', '5');
  return c.json(body, statusOf(failure));
}

export function answerFault(c: AppContext, fault: RequestFault, headers: Record<string, string> = {}): Response {
  const { status, error } = REQUEST_FAULTS[fault];
  return c.json({ error, code: fault, requestId: c.get('requestId') } satisfies ErrorBody, status, headers);
}

/**
 * The first few faults that a schema found, each with its field, as one sentence.
 *
 * @param target where the request has what the schema refused, such as `query` or `json`.
 */
export function invalidRequest(error: z.ZodError, target?: string): Failure {
  const faults = error.issues.slice(0, 3).map((issue) => {
    const message = wordsOf(issue);
    if (issue.path.length === 0 || WHOLE_SENTENCES.has(message)) return message;
    return `${issue.path.join('.')}${message.startsWith('must ') ? ' ' : ': '}${message}`;
  });
  // It may contain the caller's keys, of any length.
  const message = faults.join('; ').slice(0, LONGEST_FAULTS);
  if (!WHOLE_SENTENCES.has(message)) return new Failure('invalid_request', `Cannot read the request: ${message}`);
  return new Failure('invalid_request', message, {
    hint: target === 'query' ? QUERY_HINTS[message] : BODY_HINTS[message],
  });
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
};

/** zod's own words are for programmers; a schema's are for callers. */
function wordsOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') return `there is no field ${issue.keys.map((key) => `"${key}"`).join(', ')}`;
  if (!ZOD_WORDS.test(issue.message)) return issue.message;
  if (issue.code === 'invalid_type') return `must be ${KINDS[issue.expected] ?? issue.expected}`;
  if (issue.code === 'invalid_value') return `must be one of ${issue.values.join(', ')}`;
  if (issue.code === 'too_big') return `must ${BOUNDS[issue.origin] ?? 'be'} at most ${issue.maximum}${unitOf(issue)}`;
  if (issue.code === 'too_small')
    return `must ${BOUNDS[issue.origin] ?? 'be'} at least ${issue.minimum}${unitOf(issue)}`;
  return issue.message;
}

const ZOD_WORDS = /^(?:Invalid (?:input|option)|Too (?:big|small)): /;

const BOUNDS: Readonly<Record<string, string>> = { string: 'have', array: 'have' };

function unitOf({ origin }: { readonly origin: string }): string {
  return origin === 'string' ? ' characters' : origin === 'array' ? ' items' : '';
}

// An `internal` Failure names paths and errnos of this host, so holders of a download link get a general sentence.
function sentence(failure: Failure, known: boolean): string {
  const fixed = FIXED_MESSAGES[failure.code];
  if (fixed !== undefined) return fixed;
  return failure.code === 'internal' && !known ? UNFORESEEN : printableText(failure.message);
}
