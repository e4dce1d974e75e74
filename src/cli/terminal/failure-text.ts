/**
 * A failure in the two forms that a command shows: words on stderr for people, an object on stdout for programs.
 */
import { printableText } from '../../base/paths.ts';
import type { Failure } from '../../base/failure.ts';

/** `{ error, code, hint? }`, the shape of the HTTP API's errors; a config's faults come along one by one. */
export function failureJson(failure: Failure): Readonly<Record<string, unknown>> {
  const { message, code, hint, facts } = failure;
  return {
    error: message.split('\n').map(printableText).join('\n'),
    code,
    hint,
    faults: code === 'config_invalid' && Array.isArray(facts['faults']) ? facts['faults'] : undefined,
  };
}

/** The sentence and the hint, a line each. Config faults come as several lines and stay so. */
export function failureText(failure: Failure): string {
  const sentence = failure.message.split('\n').map(printableText).join('\n');
  return failure.hint === undefined ? `roost: ${sentence}` : `roost: ${sentence}\nhint: ${failure.hint}`;
}
