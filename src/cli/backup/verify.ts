import type { Command } from 'commander';
import { z } from 'zod';
import { backupCommand, type DaemonOptions, findBackup, findServer } from '../client/target.ts';
import { conclude, type Invocation, type Outcome } from '../command.ts';
import { waitForJob } from '../client/wait-for-job.ts';

export function addBackupVerify(group: Command, invocation: Invocation): void {
  backupCommand(group, 'verify', 'Read a backup to its last byte and compare it with what was recorded').action(
    (server: string, backup: string, options: DaemonOptions) =>
      conclude(invocation, options, verify(invocation, server, backup, options)),
  );
}

const Verified = z.looseObject({
  index: z.looseObject({ found: z.string(), takenFrom: z.string().nullish() }).nullish(),
});

/** An index that was lost makes a backup slower to read, and takes nothing of it away. */
function indexText(answer: unknown): string {
  const index = Verified.safeParse(answer).data?.index ?? undefined;
  if (index === undefined) return '';
  const { found, takenFrom } = index;
  if (typeof takenFrom === 'string')
    return `; the index beside it was ${found}, and was taken from "${takenFrom}" again`;
  return `; the index beside it is ${found}, and no other store has it: the archive is read through instead, which takes longer`;
}

async function verify(invocation: Invocation, server: string, word: string, options: DaemonOptions): Promise<Outcome> {
  const target = await findServer(invocation, options, server);
  const id = await findBackup(target, word, invocation.signal);
  const path = `${target.backups}/${id}/verify`;
  const answer = await waitForJob(invocation, target, id, { method: 'POST', path });
  return { json: answer, text: `${id} is intact${indexText(answer)}` };
}
