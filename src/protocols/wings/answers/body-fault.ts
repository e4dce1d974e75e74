import { Failure } from '../../../base/failure.ts';

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
