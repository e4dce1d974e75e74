/**
 * Prints a long list piece by piece, so that a million entries are never held in memory: one printable line each, or
 * with `--json` one object whose `entries` grow. The object is closed even when reading fails half-way; it then
 * carries `error` and `code`, so that what was printed stays JSON.
 */
import { asFailure } from '../../base/failure.ts';
import { failureJson } from './failure-text.ts';
import type { Terminal } from './terminal.ts';

/** Characters that are gathered before they are written. */
const FLUSH_AT = 64 * 1024;

export interface ListedItem {
  readonly json: unknown;
  readonly text: string;
}

/**
 * @param head fields before the entries.
 * @param items asked for one at a time, and no further once nobody reads the output.
 * @param tail fields after the entries, asked for when all items were printed.
 */
export async function printList(
  terminal: Terminal,
  json: boolean,
  head: Readonly<Record<string, unknown>>,
  items: AsyncIterable<ListedItem>,
  tail: () => Readonly<Record<string, unknown>> = () => ({}),
): Promise<void> {
  let pending = json ? `${JSON.stringify(head).slice(0, -1)}${Object.keys(head).length > 0 ? ',' : ''}"entries":[` : '';
  let first = true;
  const end = async (fields: Readonly<Record<string, unknown>>) => {
    const rest = JSON.stringify(fields).slice(1);
    await terminal.result(json ? `${pending}]${rest === '}' ? '' : ','}${rest}\n` : pending);
  };
  try {
    for await (const item of items) {
      pending += json ? `${first ? '' : ','}${JSON.stringify(item.json)}` : `${item.text}\n`;
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

/** A directory inside an archive as people write it: `./world/` is `world`, and `.` or `/` is the root, ''. */
export function trimmed(path: string): string {
  return path.replace(/^(?:\.?\/+)+|\/+$/g, '').replace(/^\.$/, '');
}
