/**
 * The answers of Pterodactyl's and Pelican's daemons: only errors have bodies, and unexpected errors name the request.
 * Panels show `error` to their users below status 500.
 */
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Failure, FailureCode } from '../../../base/failure.ts';
import { printableText } from '../../../base/files/paths.ts';
import type { AppContext } from '../../dialect.ts';
import { STATUS_OF } from '../../thrown.ts';
import { type Answers, bodyFaultOf } from './answers.ts';

const UNEXPECTED = 'An unexpected error was encountered while processing this request';

/** Texts of those daemons; each is the whole `error`. */
const KNOWN: Readonly<Partial<Record<FailureCode, string>>> = {
  unauthorized: 'The required authorization heads were not present in the request.',
  forbidden: 'You are not authorized to access this endpoint.',
  server_not_found: 'The requested resource does not exist on this instance.',
  backup_not_found: 'The requested backup was not found on this server.',
};

export const goAnswers: Answers = {
  namesRequests: true,
  accepted: nothingYet,
  deleted: (c) => c.body(null, 204),
  added: nothingYet,
  done: (c) => c.body(null, 204),
  json: (c, body) => answer(c, 200, body),
  failed(c, failure) {
    const { code } = failure;
    const fault = bodyFaultOf(failure);
    if (fault === 'empty') {
      return answer(c, 400, {
        error: 'The data passed in the request was not in a parsable format. Please try again.',
      });
    }
    if (fault !== undefined) return unexpected(c, 400, UNEXPECTED);
    if (code === 'unauthorized') c.header('WWW-Authenticate', 'Bearer');
    const known = KNOWN[code];
    if (known !== undefined) return answer(c, STATUS_OF[code], { error: known });
    const message = printableText(failure.message);
    if (code === 'invalid_request') return answer(c, statusOf(failure), { error: message });
    return unexpected(c, statusOf(failure), code === 'internal' ? UNEXPECTED : message);
  },
};

// Without the length, the empty answer would be chunked.
function nothingYet(c: AppContext): Response {
  return c.body(null, 202, { 'Content-Length': '0' });
}

function statusOf({ code, detail }: Failure): ContentfulStatusCode {
  // Panels hide the text of a 507 from users, who could make room; their own daemon answers 400 too.
  if (code === 'insufficient_storage') return 400;
  return detail.unprocessable === true ? 422 : STATUS_OF[code];
}

function unexpected(c: AppContext, status: ContentfulStatusCode, error: string): Response {
  return answer(c, status, { error, request_id: c.get('requestId') });
}

function answer(c: AppContext, status: ContentfulStatusCode, body: object): Response {
  return c.body(JSON.stringify(body), status, { 'Content-Type': 'application/json; charset=utf-8' });
}
