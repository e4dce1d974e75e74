/** Answers about work on many parts of vaults of which some failed: an error, what was done all the same, and all failures. */
import { z } from '@hono/zod-openapi';
import { printableText } from '../../../base/files/paths.ts';
import type { VaultFailure, VaultOutcome } from '../../../jobs/vault-contract.ts';
import { jsonAnswer } from '../../route-answers.ts';
import { ERROR_CODES, ErrorObject } from '../schemas.ts';

const FailureObject = z
  .object({
    store: z.string(),
    server: z.string().optional().openapi({ description: 'Absent where the vault could not say which servers it has' }),
    backup: z.string().optional().openapi({ description: 'Absent where it is all of the server' }),
    code: z.string().openapi({ enum: [...ERROR_CODES], description: 'As that of an error' }),
    message: z.string(),
    hint: z.string().optional(),
  })
  .openapi('VaultFailure');

/** For a route: its errors, some of which say what was done, in the fields of `done`, and what failed. */
export function errorsWithDone(name: string, done: z.ZodRawShape) {
  const schema = ErrorObject.extend({
    ...done,
    failures: FailureObject.array()
      .optional()
      .openapi({ description: 'Why the rest was not done: the first twenty. Absent where nothing was tried' }),
    failureCount: z.number().optional().openapi({ description: 'Of all of them' }),
  }).openapi(name);
  return { default: jsonAnswer(schema, 'An error; where a part failed, with what was done all the same') };
}

/**
 * Does nothing where all was done.
 *
 * @param done what the answer says beside the error.
 * @throws Failure the first, with all of them in its report.
 */
export function requireAllDone(
  { failures, failureCount }: VaultOutcome<unknown>,
  done: Readonly<Record<string, unknown>>,
): void {
  const [first] = failures;
  if (first === undefined) return;
  const { failure } = first;
  const more = failureCount === 1 ? '' : ` (the first of ${failureCount} failures)`;
  const report = { ...done, failures: failures.map(failureObject), failureCount };
  throw failure.with({ message: `${failure.message}${more}`, detail: { report } });
}

function failureObject({ failure, ...part }: VaultFailure): z.infer<typeof FailureObject> {
  const { code, message, hint } = failure;
  return { ...part, code, message: printableText(message), hint: hint === undefined ? undefined : printableText(hint) };
}
