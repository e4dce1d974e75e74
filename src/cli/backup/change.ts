/** Commands that change a backup's record: delete, lock, unlock, accept, cancel. */
import type { Command } from 'commander';
import type { ApiRequest } from '../client/api-client.ts';
import { backupCommand, type DaemonOptions, findBackup, findServer } from '../client/target.ts';
import { conclude, type Invocation, type Outcome } from '../command.ts';

interface Change {
  readonly name: string;
  readonly description: string;
  /** Printed after success. */
  readonly done: string;
  /** @param backups the path of the server's backups. */
  request(backups: string, id: string): ApiRequest;
}

const lockRequest = (locked: boolean) => (backups: string, id: string) =>
  ({ method: 'PATCH', path: `${backups}/lock?id=${id}`, body: { locked } }) as const;

const CHANGES: readonly Change[] = [
  {
    name: 'delete',
    description: 'Delete a backup and its archive for good',
    done: 'deleted',
    request: (backups, id) => ({ method: 'DELETE', path: `${backups}/delete?id=${id}` }),
  },
  { name: 'lock', description: 'Protect a backup from deletion', done: 'locked', request: lockRequest(true) },
  { name: 'unlock', description: 'Allow a backup to be deleted again', done: 'unlocked', request: lockRequest(false) },
  {
    name: 'accept',
    description: 'Take a suspect backup for a good one',
    done: 'accepted',
    request: (backups, id) => ({ method: 'POST', path: `${backups}/${id}/accept` }),
  },
  {
    name: 'cancel',
    description: 'Stop whatever runs on a backup',
    done: 'cancelled',
    request: (backups, id) => ({ method: 'POST', path: `${backups}/${id}/cancel` }),
  },
];

export function addBackupChanges(group: Command, invocation: Invocation): void {
  for (const change of CHANGES) {
    backupCommand(group, change.name, change.description).action(
      (server: string, backup: string, options: DaemonOptions) =>
        conclude(invocation, options, apply(invocation, change, { server, backup }, options)),
    );
  }
}

async function apply(
  invocation: Invocation,
  change: Change,
  named: { readonly server: string; readonly backup: string },
  options: DaemonOptions,
): Promise<Outcome> {
  const target = await findServer(invocation, options, named.server);
  const id = await findBackup(target, named.backup, invocation.signal);
  const request = change.request(target.backups, id);
  const answer = await target.client.call({ ...request, signal: invocation.signal });
  return { json: answer, text: `${id} ${change.done}` };
}
