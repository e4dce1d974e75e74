/**
 * Resolves daemon, server and backup from arguments: a server by name, id or start of id, a backup by id, start of id or `latest`.
 */
import type { Command } from 'commander';
import type { Clock } from '../../base/clock.ts';
import { Failure } from '../../base/failure.ts';
import { isUuid } from '../../base/ids.ts';
import { ApiClient } from './api-client.ts';
import { ask, type BackupObject, BackupObjects, ServerObjects, shownStatus } from './objects.ts';
import { isFuture, type Made, newestFirst } from '../../policy/order.ts';
import { type Invocation, type JsonOption, subcommand } from '../command.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { findConnection } from './connection.ts';

export interface DaemonOptions extends JsonOption {
  readonly config?: string;
}

/** A command that talks to the daemon about the node. */
export function nodeCommand(parent: Command, name: string, description: string): Command {
  return subcommand(parent, name, description).option(
    '--config <file>',
    "take the daemon's address and a token from its config (default: ROOST_URL and ROOST_TOKEN, /etc/roost/config.yml, ./.roost)",
  );
}

/** A command that talks to the daemon about a server. */
export function daemonCommand(parent: Command, name: string, description: string): Command {
  return nodeCommand(parent, name, description).argument(
    '<server>',
    "the server's name, its id, or the start of its id",
  );
}

/** As `daemonCommand`, about one backup of the server. */
export function backupCommand(parent: Command, name: string, description: string): Command {
  return daemonCommand(parent, name, description).argument('<backup>', 'its id, the start of its id, or "latest"');
}

/** Fewer characters are more often a slip than a server. */
const SHORTEST_START = 4;

export interface Target {
  readonly client: ApiClient;
  readonly server: string;
  /** `/api/servers/{server}/backups` */
  readonly backups: string;
  readonly terminal: Pick<Terminal, 'note'>;
  readonly clock: Pick<Clock, 'now'>;
}

/** @throws Failure `server_not_found` when the token sees no server of that name, `config_invalid` without an address. */
export async function findServer(invocation: Invocation, options: DaemonOptions, server: string): Promise<Target> {
  const client = new ApiClient(await findConnection(invocation.env, options.config));
  const id = isUuid(server) ? server : await serverNamed(client, server, invocation.signal);
  const { terminal, clock } = invocation;
  return { client, server: id, backups: `/api/servers/${id}/backups`, terminal, clock };
}

async function serverNamed(client: ApiClient, name: string, signal: AbortSignal): Promise<string> {
  const servers = await ask(client, { method: 'GET', path: '/api/servers', signal }, ServerObjects);
  const named = servers.filter((server) => server.name === name);
  // A name goes first: one may look like the start of another server's id.
  const found = named.length > 0 ? named : servers.filter(({ id }) => beginsWith(id, name));
  if (found.length === 1 && found[0] !== undefined) return found[0].id;
  const count = found.length === 0 ? 'there is none' : `there are ${found.length}`;
  throw new Failure('server_not_found', `Cannot find a server named "${name}": ${count}`, {
    hint: servers.length === 0 ? 'This token sees no server.' : `Servers: ${servers.map((at) => at.name).join(', ')}`,
  });
}

function beginsWith(id: string, start: string): boolean {
  return start.length >= SHORTEST_START && id.startsWith(start.toLowerCase());
}

/**
 * The backup that an argument names.
 *
 * @throws Failure `backup_not_found` when none or several match.
 */
export async function findBackup(target: Target, word: string, signal: AbortSignal): Promise<string> {
  if (isUuid(word)) return word;
  const backups = await ask(target.client, { method: 'GET', path: target.backups, signal }, BackupObjects);
  const found = word === 'latest' ? newestGood(backups, target) : backups.filter(({ id }) => id.startsWith(word));
  if (found.length === 1 && found[0] !== undefined) return found[0].id;
  const count = found.length === 0 ? 'there is none' : `${found.length} backups begin like that`;
  throw new Failure('backup_not_found', `Cannot find the backup "${word}": ${count}`, {
    hint: 'See "roost backup list" for the ids.',
  });
}

/**
 * The newest good backup by the order of making. Damaged, suspect and future-dated ones are passed over, which is said.
 */
function newestGood(backups: readonly BackupObject[], target: Target): BackupObject[] {
  const passedOver: string[] = [];
  const completed = backups.filter(({ status }) => status === 'COMPLETED').map(madeOf);
  for (const made of newestFirst(completed)) {
    const { backup } = made;
    const status = isFuture(made, target.clock.now()) ? 'dated in the future' : shownStatus(backup);
    if (status === 'COMPLETED') {
      if (passedOver.length > 0) target.terminal.note(`latest is ${backup.id}; passed over: ${passedOver.join(', ')}`);
      return [backup];
    }
    passedOver.push(`${backup.id} (${status})`);
  }
  if (passedOver.length > 0) target.terminal.note(`passed over: ${passedOver.join(', ')}`);
  return [];
}

function madeOf(backup: BackupObject): Made & { readonly backup: BackupObject } {
  return { backup, createdAt: Date.parse(backup.createdAt), sequence: backup.sequence ?? 0 };
}
