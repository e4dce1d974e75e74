import type { Command } from 'commander';
import { newBackupId } from '../../base/ids.ts';
import { BackupObject, describeBackup, noteBackupWarnings, readAs } from '../client/objects.ts';
import { daemonCommand, type DaemonOptions, findServer } from '../client/target.ts';
import { collect, conclude, type Invocation, type Outcome } from '../command.ts';
import { facts } from '../terminal/table.ts';
import { waitForJob } from '../client/wait-for-job.ts';

interface CreateOptions extends DaemonOptions {
  readonly name?: string;
  readonly ignore: readonly string[];
  readonly lock?: boolean;
  readonly detach?: boolean;
}

export function addBackupCreate(group: Command, invocation: Invocation): void {
  daemonCommand(group, 'create', 'Back a server up and wait for the end')
    .option('--name <name>', 'what people will know it by')
    .option('--ignore <pattern>', 'gitignore line of what stays out (repeatable)', collect, [])
    .option('--lock', 'protect it from deletion')
    .option('--detach', 'do not wait for the end')
    .action((server: string, options: CreateOptions) =>
      conclude(invocation, options, create(invocation, server, options)),
    );
}

async function create(invocation: Invocation, server: string, options: CreateOptions): Promise<Outcome> {
  const target = await findServer(invocation, options, server);
  // A client-made id identifies progress events, and lets Ctrl-C cancel before any answer has arrived.
  const id = newBackupId();
  const body = {
    id,
    locked: options.lock === true,
    name: options.name,
    ignore: options.ignore.length === 0 ? undefined : options.ignore,
  };
  const request = { method: 'POST', path: target.backups, body } as const;
  const answer =
    options.detach === true
      ? await target.client.call({ ...request, headers: { prefer: 'respond-async' }, signal: invocation.signal })
      : await waitForJob(invocation, target, id, request);
  const backup = readAs(target.client, BackupObject, answer);
  noteBackupWarnings(invocation.terminal, backup);
  return {
    json: answer,
    text: facts(describeBackup(backup)),
    warned: (backup.warnings?.length ?? 0) > 0,
  };
}
