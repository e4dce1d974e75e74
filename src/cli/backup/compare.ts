/** `roost backup compare`, `find` and `history`: what is in backups, and what became of each attempt. */
import { type Command, InvalidArgumentError } from 'commander';
import * as z from 'zod';
import { printableText } from '../../base/files/paths.ts';
import { formatBytes } from '../../base/sizes.ts';
import { ask } from '../client/objects.ts';
import {
  backupCommand,
  daemonCommand,
  type DaemonOptions,
  findBackup,
  findServer,
  type Target,
} from '../client/target.ts';
import { conclude, type Invocation, type Outcome } from '../command.ts';
import { type ListedItem, printList } from '../terminal/entry-list.ts';
import { table } from '../terminal/table.ts';
import { localTime } from '../terminal/time.ts';
import { printChanges } from './changes.ts';
import { shortId } from '../terminal/short-id.ts';

/** Backups of a version that a line names; the rest are counted. */
const MOST_NAMED = 3;
/** As the daemon keeps it. */
const MOST_DAYS = 400;

const Entry = { kind: z.string(), size: z.number(), mtime: z.number() };
const Found = z.looseObject({
  entries: z.array(z.looseObject({ path: z.string(), ...Entry })),
  cursor: z.string().nullish(),
});
const Versions = z.looseObject({
  paths: z.array(
    z.looseObject({
      path: z.string(),
      versions: z.array(z.looseObject({ backups: z.array(z.string()), ...Entry })),
    }),
  ),
  cut: z.array(z.string()),
  cursor: z.string().nullish(),
});
const History = z.looseObject({
  attempts: z.array(
    z.looseObject({
      backup: z.string(),
      status: z.string(),
      code: z.string().nullish(),
      store: z.string(),
      size: z.number(),
      origin: z.looseObject({ by: z.string(), token: z.string().nullish() }).nullish(),
      createdAt: z.string(),
      seconds: z.number().nullish(),
      goneAt: z.string().nullish(),
    }),
  ),
  more: z.boolean(),
});
type Attempt = z.infer<typeof History>['attempts'][number];

interface FindOptions extends DaemonOptions {
  readonly backup?: string;
}

interface HistoryOptions extends DaemonOptions {
  readonly days?: string;
}

export function addBackupCompare(group: Command, invocation: Invocation): void {
  backupCommand(group, 'compare', 'Show what changed from a backup to another one, or to the server as it is now')
    .argument('[with]', 'another backup of the server, or "live"', 'live')
    .action((server: string, backup: string, other: string, options: DaemonOptions) =>
      conclude(invocation, options, compare(invocation, { server, backup, other }, options)),
    );
  daemonCommand(group, 'find', 'Find a name in the backups of a server, newest first')
    .argument('<name>', 'a part of the name in any case, or with * and ? all of it')
    .option('--backup <backup>', 'look only into this one')
    .action((server: string, name: string, options: FindOptions) =>
      conclude(invocation, options, find(invocation, { server, name }, options)),
    );
  daemonCommand(group, 'history', 'List every attempt at a backup of a server, also of backups that are gone')
    .option('--days <days>', `so many days back, at most ${MOST_DAYS} (default: 90)`, parseDays)
    .action((server: string, options: HistoryOptions) =>
      conclude(invocation, options, history(invocation, server, options)),
    );
}

async function compare(
  invocation: Invocation,
  named: { readonly server: string; readonly backup: string; readonly other: string },
  options: DaemonOptions,
): Promise<Outcome> {
  const { signal } = invocation;
  const target = await findServer(invocation, options, named.server);
  const id = await findBackup(target, named.backup, signal);
  const other = named.other === 'live' ? 'live' : await findBackup(target, named.other, signal);
  const path = `${target.backups}/${id}/compare?with=${other}`;
  return printChanges(invocation, options, target, await target.client.call({ method: 'GET', path, signal }));
}

async function find(
  invocation: Invocation,
  named: { readonly server: string; readonly name: string },
  options: FindOptions,
): Promise<Outcome> {
  const { terminal, signal } = invocation;
  const target = await findServer(invocation, options, named.server);
  const id = options.backup === undefined ? undefined : await findBackup(target, options.backup, signal);
  const items =
    id === undefined ? versions(invocation, target, named.name) : entries(target, { id, name: named.name }, signal);
  await printList(terminal, options.json === true, { q: named.name }, items);
  return {};
}

async function* entries(
  { client, backups }: Target,
  { id, name }: { readonly id: string; readonly name: string },
  signal: AbortSignal,
): AsyncIterable<ListedItem> {
  let cursor: string | null | undefined;
  do {
    const path = `${backups}/${id}/find?${queryOf(name, cursor)}`;
    const page = await ask(client, { method: 'GET', path, signal }, Found);
    for (const entry of page.entries) yield { json: entry, text: lineOf(entry.path, entry) };
    cursor = page.cursor;
  } while (typeof cursor === 'string');
}

async function* versions(
  { terminal, signal }: Invocation,
  { client, server }: Target,
  name: string,
): AsyncIterable<ListedItem> {
  let cursor: string | null | undefined;
  do {
    const path = `/api/servers/${server}/find?${queryOf(name, cursor)}`;
    const page = await ask(client, { method: 'GET', path, signal }, Versions);
    for (const found of page.paths) {
      const lines = found.versions.map((each) => `${lineOf(found.path, each)}  in ${namesOf(each.backups)}`);
      yield { json: found, text: lines.join('\n') };
    }
    for (const id of page.cut) terminal.note(`warning: ${id} has more such names: look into it with --backup`);
    cursor = page.cursor;
  } while (typeof cursor === 'string');
}

function queryOf(q: string, cursor: string | null | undefined): string {
  return new URLSearchParams({ q, ...(typeof cursor === 'string' ? { cursor } : {}) }).toString();
}

function lineOf(path: string, entry: { readonly kind: string; readonly size: number; readonly mtime: number }): string {
  const directory = entry.kind === 'directory';
  const time = localTime(new Date(entry.mtime * 1000).toISOString());
  return `${time}  ${(directory ? '' : formatBytes(entry.size)).padStart(10)}  ${printableText(path)}${directory ? '/' : ''}`;
}

function namesOf(ids: readonly string[]): string {
  const named = ids.slice(0, MOST_NAMED).map((id) => printableText(shortId(id)));
  const rest = ids.length - named.length;
  return rest === 0 ? named.join(', ') : `${named.join(', ')} and ${rest} more`;
}

async function history(invocation: Invocation, server: string, options: HistoryOptions): Promise<Outcome> {
  const { terminal, signal } = invocation;
  const target = await findServer(invocation, options, server);
  const query = options.days === undefined ? '' : `?days=${options.days}`;
  const path = `/api/servers/${target.server}/history${query}`;
  const found = await ask(target.client, { method: 'GET', path, signal }, History);
  if (found.more) terminal.note('There are older attempts: this many are listed at most.');
  const headings = ['ID', 'STATUS', 'SIZE', 'CREATED', 'TOOK', 'BY', 'STORE', 'NOTE'];
  const rows = found.attempts.map(attemptRow);
  return { json: found, text: rows.length === 0 ? 'None.' : table(headings, rows, terminal.style) };
}

function attemptRow({ backup, status, code, size, createdAt, seconds, origin, store, goneAt }: Attempt): string[] {
  const gone = typeof goneAt === 'string' ? `removed ${localTime(goneAt)}` : '';
  return [
    shortId(backup),
    status,
    formatBytes(size),
    localTime(createdAt),
    typeof seconds === 'number' ? `${Math.round(seconds)} s` : '',
    origin?.token ?? origin?.by ?? '',
    store,
    [code ?? '', gone].filter((part) => part !== '').join(', '),
  ];
}

function parseDays(text: string): string {
  if (/^[1-9]\d{0,2}$/.test(text) && Number(text) <= MOST_DAYS) return text;
  throw new InvalidArgumentError(`It is 1 to ${MOST_DAYS}.`);
}
