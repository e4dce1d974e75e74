/** Prints what a restore would do, or what differs: each change, then the totals. */
import * as z from 'zod';
import { printableText } from '../../base/files/paths.ts';
import { formatBytes } from '../../base/sizes.ts';
import { ask, readAs } from '../client/objects.ts';
import type { Target } from '../client/target.ts';
import type { Invocation, JsonOption, Outcome } from '../command.ts';
import { type ListedItem, printList } from '../terminal/entry-list.ts';
import { table } from '../terminal/table.ts';

const CLASSES = ['added', 'changed', 'deleted', 'same', 'kept'] as const;
const HEADINGS = ['', 'FILES', 'DIRECTORIES', 'SIZE'];

const Total = z.looseObject({ files: z.number(), directories: z.number(), bytes: z.number() });
const Totals = z.looseObject({ added: Total, changed: Total, deleted: Total, same: Total, kept: Total });
const ChangePage = z.looseObject({
  changes: z.array(
    z.looseObject({ class: z.string(), path: z.string(), directory: z.boolean().nullish(), size: z.number() }),
  ),
  cursor: z.string().nullish(),
});
const Comparison = ChangePage.extend({
  id: z.string(),
  totals: Totals,
  missing: z.array(z.string()).nullish(),
});
type ChangePage = z.infer<typeof ChangePage>;

/**
 * Reads all pages of a preview or comparison while printing them; with `--json` they are `entries` beside the answer's
 * other fields.
 *
 * @param answer the daemon's first answer.
 * @returns the totals as text; warned when asked paths are none of the backup.
 */
export async function printChanges(
  { terminal, signal }: Invocation,
  options: JsonOption,
  target: Target,
  answer: unknown,
): Promise<Outcome> {
  const found = readAs(target.client, Comparison, answer);
  const { changes: _changes, cursor: _cursor, ...head } = found;
  const missing = found.missing ?? [];
  for (const path of missing) terminal.note(`warning: ${printableText(path)}: is none of the backup`);
  await printList(terminal, options.json === true, head, pages(target, found, signal));
  const rows = CLASSES.map((name) => {
    const { files, directories, bytes } = found.totals[name];
    return [name, String(files), String(directories), formatBytes(bytes)];
  });
  return { text: table(HEADINGS, rows, terminal.style), warned: missing.length > 0 };
}

async function* pages(
  { client, server }: Target,
  { id, ...first }: z.infer<typeof Comparison>,
  signal: AbortSignal,
): AsyncIterable<ListedItem> {
  for (let page: ChangePage = first; ;) {
    for (const change of page.changes) yield { json: change, text: lineOf(change) };
    if (typeof page.cursor !== 'string') return;
    const query = new URLSearchParams({ cursor: page.cursor, limit: '1000' });
    const path = `/api/servers/${server}/comparisons/${id}?${query.toString()}`;
    page = await ask(client, { method: 'GET', path, signal }, ChangePage);
  }
}

function lineOf(change: ChangePage['changes'][number]): string {
  const size = change.directory === true ? '' : formatBytes(change.size);
  const slash = change.directory === true ? '/' : '';
  return `${printableText(change.class).padEnd(8)} ${size.padStart(10)}  ${printableText(change.path)}${slash}`;
}
