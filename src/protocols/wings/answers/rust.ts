/**
 * The answers of Calagopus' daemon: always an object, with only a text in errors. `negotiated.ts` packs them.
 */
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

/** Source: calagopus/panel 76dfc96 shared/src/payload.rs, whose twin the daemon has. */
const BODY_FAULTS: Readonly<Record<BodyFault, string>> = {
  unlabelled: 'invalid payload: unsupported content type',
  empty: 'invalid payload: it is empty',
  malformed: 'invalid payload: it cannot be read',
  unfit: 'invalid payload: it has another shape',
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
    if (fault !== undefined) return c.json({ error: BODY_FAULTS[fault] }, 400);
    const { code } = failure;
    const anonymous = code === 'unauthorized' || code === 'forbidden';
    if (anonymous) c.header('WWW-Authenticate', 'Bearer');
    return c.json({ error: KNOWN[code] ?? printableText(failure.message) }, anonymous ? 401 : STATUS_OF[code]);
  },
};
