import type { Command } from 'commander';
import { isRecord } from '../client/api-client.ts';
import { backupCommand, type DaemonOptions, findBackup, findServer } from '../client/target.ts';
import { collect, conclude, type Invocation, type Outcome } from '../command.ts';
import { waitForJob } from '../client/wait-for-job.ts';

interface RestoreOptions extends DaemonOptions {
  readonly path: readonly string[];
  readonly truncate?: boolean;
}

export function addBackupRestore(group: Command, invocation: Invocation): void {
  backupCommand(group, 'restore', 'Bring a server back to a backup and wait for the end')
    .option('--path <glob>', 'restore only what matches, such as "world/**" (repeatable)', collect, [])
    .option('--truncate', 'also remove files that the backup does not hold')
    .action((server: string, backup: string, options: RestoreOptions) =>
      conclude(invocation, options, restore(invocation, server, backup, options)),
    );
}

async function restore(
  invocation: Invocation,
  server: string,
  word: string,
  options: RestoreOptions,
): Promise<Outcome> {
  const target = await findServer(invocation, options, server);
  const id = await findBackup(target, word, invocation.signal);
  const answer = await waitForJob(invocation, target, id, {
    method: 'POST',
    path: `${target.backups}/restore?id=${id}`,
    body: {
      truncate: options.truncate === true,
      paths: options.path.length === 0 ? undefined : options.path,
    },
  });
  const message = isRecord(answer) && typeof answer['message'] === 'string' ? answer['message'] : 'Restored';
  return { json: answer, text: message };
}
