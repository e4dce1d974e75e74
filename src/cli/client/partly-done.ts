/** Work on many things of which some failed: the daemon answers an error, and beside it what was done and all failures. */
import * as z from 'zod';
import { Failure } from '../../base/failure.ts';
import { printableText } from '../../base/files/paths.ts';
import { failureJson } from '../terminal/failure-text.ts';
import type { Terminal } from '../terminal/terminal.ts';
import type { ApiClient, ApiRequest } from './api-client.ts';
import { ask } from './objects.ts';

const Failures = z.looseObject({
  failures: z
    .array(
      z.looseObject({
        store: z.string(),
        server: z.string().nullish(),
        backup: z.string().nullish(),
        code: z.string(),
        message: z.string(),
        hint: z.string().nullish(),
      }),
    )
    .min(1),
  failureCount: z.number(),
});

export interface PartlyDone<Shape> {
  /** What was done. */
  readonly found: Shape;
  /** What `--json` prints: the daemon's answer, of an error as well. */
  readonly json: unknown;
  /** Absent where all was done. */
  readonly failures?: z.infer<typeof Failures>;
}

/**
 * Sends a request, and reads what was done out of the error as well.
 *
 * @throws Failure as `ask`; of errors those that do not say what was done.
 */
export async function askForAll<Shape>(
  client: ApiClient,
  request: ApiRequest,
  shape: z.ZodType<Shape>,
): Promise<PartlyDone<Shape>> {
  try {
    const found = await ask(client, request, shape);
    return { found, json: found };
  } catch (error) {
    const report = error instanceof Failure ? error.detail.report : undefined;
    const found = shape.safeParse(report);
    const failures = Failures.safeParse(report);
    if (!(error instanceof Failure) || !found.success || !failures.success) throw error;
    return { found: found.data, json: { ...failureJson(error), ...report }, failures: failures.data };
  }
}

/** Writes failures to stderr: which part, why, the code, and what to do, which is said once. */
export function noteFailures(terminal: Terminal, found: PartlyDone<unknown>['failures']): void {
  if (found === undefined) return;
  const hints = new Set<string>();
  for (const { store, server, backup, code, message, hint } of found.failures) {
    const part = [store, server, backup].filter((name) => typeof name === 'string').map(printableText);
    terminal.note(`roost: ${part.join(' ')}: ${printableText(message)} [${printableText(code)}]`);
    if (typeof hint !== 'string' || hints.has(hint)) continue;
    hints.add(hint);
    terminal.note(`hint: ${printableText(hint)}`);
  }
  const more = found.failureCount - found.failures.length;
  if (more > 0) terminal.note(`roost: and ${more} more failed`);
}
