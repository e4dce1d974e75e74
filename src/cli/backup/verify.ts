import type { Command } from 'commander';
import { backupCommand, type DaemonOptions, findBackup, findServer } from '../client/target.ts';
import { conclude, type Invocation, type Outcome } from '../command.ts';
import { waitForJob } from '../client/wait-for-job.ts';

export function addBackupVerify(group: Command, invocation: Invocation): void {
  backupCommand(group, 'verify', 'Read a backup to its last byte and compare it with what was recorded').action(
    (server: string, backup: string, options: DaemonOptions) =>
      conclude(invocation, options, verify(invocation, server, backup, options)),
  );
}

async function verify(invocation: Invocation, server: string, word: string, options: DaemonOptions): Promise<Outcome> {
  const target = await findServer(invocation, options, server);
  const id = await findBackup(target, word, invocation.signal);
  const path = `${target.backups}/${id}/verify`;
  const answer = await waitForJob(invocation, target, id, { method: 'POST', path });
  return { json: answer, text: `${id} is intact` };
}
