/** The words in which a panel's daemon answers. There are two kinds, after the languages of those daemons. */
import { Failure } from '../../../base/failure.ts';
import type { AppContext } from '../../dialect.ts';

export interface Answers {
  /** Work was accepted and is done later. */
  accepted(c: AppContext): Response;
  /** A backup is gone. */
  deleted(c: AppContext): Response;
  /** A server was taken on. */
  added(c: AppContext): Response;
  /** Anything else was done. */
  done(c: AppContext): Response;
  json(c: AppContext, body: object): Response;
  /** The one place where a failure becomes a status and a body. */
  failed(c: AppContext, failure: Failure): Response;
}

/** Why a body holds no request: it is not labelled as JSON, empty, no JSON, or JSON of another shape. */
export type BodyFault = 'unlabelled' | 'empty' | 'malformed' | 'unfit';

const FAULTS: readonly unknown[] = ['unlabelled', 'empty', 'malformed', 'unfit'] satisfies BodyFault[];

/** An `invalid_request` that answers can tell from others: panels know a status and a text for each kind. */
export function badBody(fault: BodyFault, problem: string, cause?: unknown): Failure {
  return new Failure('invalid_request', `Cannot read the request body: ${problem}`, { facts: { body: fault }, cause });
}

export function bodyFaultOf({ code, facts }: Failure): BodyFault | undefined {
  const { body } = facts;
  return code === 'invalid_request' && FAULTS.includes(body) ? (body as BodyFault) : undefined;
}
