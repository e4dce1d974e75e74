/**
 * How a panel's daemon answers.
 *
 * For: routes of this dialect answer through the `answers` of their panel. Promises: a failure becomes a status and a
 * body here only. There are two kinds, after the languages of those daemons (Go, Rust). Never: decides what failed.
 */
import { Failure } from '../../../base/failure.ts';
import type { AppContext } from '../../dialect.ts';

export interface Answers {
  /** Errors have the `request_id` in their body. */
  readonly namesRequests: boolean;
  /** Work is accepted and done later. */
  accepted(c: AppContext): Response;
  deleted(c: AppContext): Response;
  added(c: AppContext): Response;
  done(c: AppContext): Response;
  json(c: AppContext, body: object): Response;
  failed(c: AppContext, failure: Failure): Response;
}

/** Why a body is refused: no JSON label, empty, not JSON, or JSON of another shape. */
export type BodyFault = 'unlabelled' | 'empty' | 'malformed' | 'unfit';

const FAULTS: readonly unknown[] = ['unlabelled', 'empty', 'malformed', 'unfit'] satisfies BodyFault[];

/** An `invalid_request` with its kind, for which panels know a status and a text each. */
export function badBody(fault: BodyFault, problem: string, cause?: unknown): Failure {
  return new Failure('invalid_request', `Cannot read the request body: ${problem}`, { facts: { body: fault }, cause });
}

export function bodyFaultOf({ code, facts }: Failure): BodyFault | undefined {
  const { body } = facts;
  return code === 'invalid_request' && FAULTS.includes(body) ? (body as BodyFault) : undefined;
}
