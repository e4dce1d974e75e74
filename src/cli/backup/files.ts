import type { Command } from 'commander';
import { bytesOfArgument } from '../exact-arguments.ts';
import { printableText, wirePath } from '../../base/files/paths.ts';
import { ask, DirectoryObject } from '../client/objects.ts';
import { backupCommand, type DaemonOptions, findBackup, findServer, type Target } from '../client/target.ts';
import { conclude, type Invocation, type Outcome } from '../command.ts';
import { type ListedItem, printList, trimmed } from '../terminal/entry-list.ts';

interface FilesOptions extends DaemonOptions {
  readonly path: string;
}

export function addBackupFiles(group: Command, invocation: Invocation): void {
  backupCommand(group, 'files', 'List one directory of a backup')
    .option('--path <directory>', 'the directory inside the backup', '')
    .action((server: string, backup: string, options: FilesOptions) =>
      conclude(invocation, options, files(invocation, server, backup, options)),
    );
}

async function files(invocation: Invocation, server: string, word: string, options: FilesOptions): Promise<Outcome> {
  const target = await findServer(invocation, options, server);
  const id = await findBackup(target, word, invocation.signal);
  const path = wirePath(bytesOfArgument(trimmed(options.path)));
  const items = pages(target, id, path, invocation.signal);
  await printList(invocation.terminal, options.json === true, { path }, items);
  return {};
}

async function* pages(target: Target, id: string, path: string, signal: AbortSignal): AsyncIterable<ListedItem> {
  let cursor: string | null | undefined;
  do {
    const query = new URLSearchParams({ path, ...(typeof cursor === 'string' ? { cursor } : {}) });
    const request = { method: 'GET', path: `${target.backups}/${id}/files?${query.toString()}`, signal } as const;
    const page = await ask(target.client, request, DirectoryObject);
    for (const entry of page.entries) {
      const slash = entry.kind === 'directory' ? '/' : '';
      yield { json: entry, text: printableText(entry.name) + slash };
    }
    cursor = page.cursor;
  } while (typeof cursor === 'string');
}
