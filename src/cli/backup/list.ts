import type { Command } from 'commander';
import { formatBytes } from '../../base/sizes.ts';
import {
  ask,
  BackupObject,
  BackupObjects,
  describeBackup,
  noteBackupWarnings,
  shownStatus,
} from '../client/objects.ts';
import { backupCommand, daemonCommand, type DaemonOptions, findBackup, findServer } from '../client/target.ts';
import { conclude, type Invocation, type Outcome } from '../command.ts';
import { shortId } from '../terminal/short-id.ts';
import { facts, table } from '../terminal/table.ts';
import { localTime } from '../terminal/time.ts';

const HEADINGS = ['ID', 'STATUS', 'SIZE', 'CREATED', 'LOCKED', 'NAME'];

export function addBackupList(group: Command, invocation: Invocation): void {
  daemonCommand(group, 'list', 'List the backups of a server, newest first').action(
    (server: string, options: DaemonOptions) => conclude(invocation, options, list(invocation, server, options)),
  );
}

export function addBackupShow(group: Command, invocation: Invocation): void {
  backupCommand(group, 'show', 'Show what is known about a backup').action(
    (server: string, backup: string, options: DaemonOptions) =>
      conclude(invocation, options, show(invocation, server, backup, options)),
  );
}

async function list(invocation: Invocation, server: string, options: DaemonOptions): Promise<Outcome> {
  const { client, backups } = await findServer(invocation, options, server);
  const found = await ask(client, { method: 'GET', path: backups, signal: invocation.signal }, BackupObjects);
  const rows = found.map((backup) => [
    shortId(backup.id),
    shownStatus(backup),
    formatBytes(backup.size),
    localTime(backup.createdAt),
    backup.isLocked ? 'yes' : 'no',
    whyOf(backup),
  ]);
  return { json: { backups: found }, text: table(HEADINGS, rows, invocation.terminal.style) };
}

/**
 * The name, and whose idea it was where a token did not ask for it; of a failed one the reason before it, since a terminal may
 * cut what comes last.
 */
function whyOf({ name, error, origin }: BackupObject): string {
  const by = origin?.by ?? 'token';
  const shown = by === 'token' ? name : `${name}, by ${by}`;
  return (error ?? null) === null ? shown : `${error?.code ?? ''}: ${error?.message ?? ''} (${shown})`;
}

async function show(invocation: Invocation, server: string, word: string, options: DaemonOptions): Promise<Outcome> {
  const target = await findServer(invocation, options, server);
  const id = await findBackup(target, word, invocation.signal);
  const path = `${target.backups}/${id}`;
  const backup = await ask(target.client, { method: 'GET', path, signal: invocation.signal }, BackupObject);
  noteBackupWarnings(invocation.terminal, backup);
  return { json: backup, text: facts(describeBackup(backup)), warned: shownStatus(backup) !== backup.status };
}
