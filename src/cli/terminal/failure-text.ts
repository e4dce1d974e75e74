/** A failure as text on stderr for people, or an object on stdout for programs. */
import { printableText } from '../../base/files/paths.ts';
import type { Failure } from '../../base/failure.ts';

/** `{ error, code, hint? }`, as in the HTTP API; with each fault of a config. */
export function failureJson(failure: Failure): Readonly<Record<string, unknown>> {
  const { message, code, hint, facts } = failure;
  return {
    error: message.split('\n').map(printableText).join('\n'),
    code,
    hint,
    faults: code === 'config_invalid' && Array.isArray(facts['faults']) ? facts['faults'] : undefined,
  };
}

/** Sentence and hint, one per line. Config faults keep their lines. */
export function failureText(failure: Failure): string {
  const sentence = failure.message.split('\n').map(printableText).join('\n');
  return failure.hint === undefined ? `roost: ${sentence}` : `roost: ${sentence}\nhint: ${failure.hint}`;
}
