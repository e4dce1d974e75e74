import { expect } from 'vitest';
import { Failure, type FailureCode } from '../../src/base/failure.ts';

/** The Failure that a promise rejects with; the test fails when it resolves or rejects with anything else. */
export async function failureOf(promise: Promise<unknown>, code?: FailureCode): Promise<Failure> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  return requireFailure('error' in outcome ? outcome.error : undefined, code);
}

/** The Failure that a call throws. */
export function thrownBy(call: () => unknown, code?: FailureCode): Failure {
  try {
    call();
  } catch (error) {
    return requireFailure(error, code);
  }
  return requireFailure(undefined, code);
}

function requireFailure(error: unknown, code: FailureCode | undefined): Failure {
  expect(error, 'something other than a Failure').toBeInstanceOf(Failure);
  const failure = error as Failure;
  if (code !== undefined) expect({ code: failure.code, message: failure.message }).toMatchObject({ code });
  return failure;
}
