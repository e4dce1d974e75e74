/**
 * Prints a list while reading it, so a million entries need no memory: one line each, or with `--json` one object with
 * growing `entries`. When reading fails, the object is still closed, with `error` and `code`, so the output stays valid
 * JSON.
 */
import { asFailure } from '../../base/failure.ts';
import { failureJson } from './failure-text.ts';
import { jsonText } from './json-text.ts';
import type { Terminal } from './terminal.ts';

/** Characters buffered before a write. */
const FLUSH_AT = 64 * 1024;

export interface ListedItem {
  readonly json: unknown;
  readonly text: string;
}

/**
 * @param head fields before the entries.
 * @param items read one at a time, and no further once stdout is closed.
 * @param tail fields after the entries.
 */
export async function printList(
  terminal: Terminal,
  json: boolean,
  head: Readonly<Record<string, unknown>>,
  items: AsyncIterable<ListedItem>,
  tail: () => Readonly<Record<string, unknown>> = () => ({}),
): Promise<void> {
  let pending = json ? `${jsonText(head).slice(0, -1)}${Object.keys(head).length > 0 ? ',' : ''}"entries":[` : '';
  let first = true;
  const end = async (fields: Readonly<Record<string, unknown>>) => {
    const rest = jsonText(fields).slice(1);
    await terminal.result(json ? `${pending}]${rest === '}' ? '' : ','}${rest}\n` : pending);
  };
  try {
    for await (const item of items) {
      pending += json ? `${first ? '' : ','}${jsonText(item.json)}` : `${item.text}\n`;
      first = false;
      if (pending.length < FLUSH_AT) continue;
      await terminal.result(pending);
      pending = '';
      if (terminal.outputClosed) return;
    }
  } catch (error) {
    await end(failureJson(asFailure(error, 'Cannot read on')));
    throw error;
  }
  await end(tail());
}

/** Normalizes a directory inside an archive: `./world/` is `world`; `.` and `/` are the root, ''. */
export function trimmed(path: string): string {
  return path.replace(/^(?:\.?\/+)+|\/+$/g, '').replace(/^\.$/, '');
}
