import type { FailureRecord } from '../base/failure.ts';

/** Facts beyond this are for a log, not for a row that every list shows. */
const MAX_FACTS = 16 * 1024;

/**
 * A failure as a row keeps it. Never throws: the row's last transition hangs on it, and a fact that JSON can't say
 * (a bigint, a circle) must not leave a job without an end.
 */
export function failureText(failure: FailureRecord): string {
  const { code, message, facts, hint, retry } = failure;
  return JSON.stringify({ code, message, facts: plainFacts(facts), hint, retry });
}

function plainFacts(facts: Readonly<Record<string, unknown>>): unknown {
  try {
    const text = JSON.stringify(facts, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
    return text.length <= MAX_FACTS ? (JSON.parse(text) as unknown) : {};
  } catch {
    return {};
  }
}
