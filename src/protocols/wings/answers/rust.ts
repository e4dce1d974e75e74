/**
 * The answers of Calagopus' daemon: always a JSON object, with only a text in errors. Its framework answers unreadable
 * bodies in plain text.
 */
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { FailureCode } from '../../../base/failure.ts';
import { printableText } from '../../../base/files/paths.ts';
import { STATUS_OF } from '../../thrown.ts';
import { type Answers, type BodyFault, bodyFaultOf } from './answers.ts';

const KNOWN: Readonly<Partial<Record<FailureCode, string>>> = {
  unauthorized: 'invalid authorization header',
  forbidden: 'invalid authorization token',
  server_not_found: 'server not found',
  backup_not_found: 'backup not found',
  backup_exists: 'backup already exists',
  internal: 'internal server error',
};

/** Statuses and texts of axum's Json extractor. */
const BODY_FAULTS: Readonly<Record<BodyFault, { readonly status: ContentfulStatusCode; readonly text: string }>> = {
  unlabelled: { status: 415, text: 'Expected request with `Content-Type: application/json`' },
  empty: { status: 400, text: 'Failed to parse the request body as JSON: EOF while parsing a value' },
  malformed: { status: 400, text: 'Failed to parse the request body as JSON' },
  unfit: { status: 422, text: 'Failed to deserialize the JSON body into the target type' },
};

export const rustAnswers: Answers = {
  namesRequests: false,
  accepted: (c) => c.json({}, 202),
  deleted: (c) => c.json({}, 202),
  added: (c) => c.json({}, 200),
  done: (c) => c.json({}, 200),
  json: (c, body) => c.json(body, 200),
  failed(c, failure) {
    const fault = bodyFaultOf(failure);
    if (fault !== undefined) {
      const { status, text } = BODY_FAULTS[fault];
      return c.body(text, status, { 'Content-Type': 'text/plain; charset=utf-8' });
    }
    const { code } = failure;
    const anonymous = code === 'unauthorized' || code === 'forbidden';
    if (anonymous) c.header('WWW-Authenticate', 'Bearer');
    return c.json({ error: KNOWN[code] ?? printableText(failure.message) }, anonymous ? 401 : STATUS_OF[code]);
  },
};
