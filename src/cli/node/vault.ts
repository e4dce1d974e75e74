/** `roost vault …`: usage, collection, verification of shared bytes, adoption of plain archives, and one recipe. */
import type { Command } from 'commander';
import * as z from 'zod';
import { countText, formatBytes } from '../../base/sizes.ts';
import { ApiClient, type ApiRequest } from '../client/api-client.ts';
import { findConnection } from '../client/connection.ts';
import { ask } from '../client/objects.ts';
import { askForAll, noteFailures } from '../client/partly-done.ts';
import { backupCommand, type DaemonOptions, findBackup, findServer, nodeCommand } from '../client/target.ts';
import { conclude, type Invocation, type Outcome } from '../command.ts';
import { table } from '../terminal/table.ts';
import { localTime } from '../terminal/time.ts';
import { shortId } from '../terminal/short-id.ts';

const part = { store: z.string(), server: z.string() };
const Status = z.looseObject({
  vaults: z.array(
    z.looseObject({
      ...part,
      backups: z.number(),
      archiveBytes: z.number(),
      packs: z.number().nullish(),
      storedBytes: z.number().nullish(),
      liveBytes: z.number().nullish(),
      collectedAt: z.string().nullish(),
    }),
  ),
});
const Collections = z.looseObject({
  collections: z.array(z.looseObject({ ...part, packs: z.number(), freedBytes: z.number(), movedBytes: z.number() })),
});
const Verifications = z.looseObject({
  verifications: z.array(
    z.looseObject({
      ...part,
      readBytes: z.number(),
      whole: z.number(),
      damaged: z.array(z.string()),
      healed: z.array(z.string()).default([]),
      unproven: z.array(z.string()),
      faults: z.array(z.looseObject({ backup: z.string().nullish(), message: z.string() })).default([]),
    }),
  ),
});
const Adoptions = z.looseObject({
  adoptions: z.array(z.looseObject({ ...part, backup: z.string(), size: z.number() })),
  servers: z
    .array(z.looseObject({ ...part, backups: z.number(), bytes: z.number(), failures: z.number() }))
    .default([]),
});
const Places = z.looseObject({
  storedBytes: z.number().nullable(),
  exclusiveBytes: z.number(),
  ranges: z.number().nullish(),
  packs: z.array(z.looseObject({ id: z.string(), ranges: z.number(), bytes: z.number() })).nullish(),
});

interface ScopeOptions extends DaemonOptions {
  readonly store?: string;
  readonly server?: string;
  readonly dryRun?: boolean;
}

export function addVaultCommands(program: Command, invocation: Invocation): void {
  const vault = program.command('vault').description('Stores whose archives share bytes');
  nodeCommand(vault, 'status', 'Show what each server takes, and what its archives would take one by one').action(
    (options: DaemonOptions) => conclude(invocation, options, status(invocation, options)),
  );
  scoped(vault, 'collect', 'Give back what no backup needs')
    .option('--dry-run', 'tell what would be given back, and change nothing')
    .action((options: ScopeOptions) => conclude(invocation, options, collect(invocation, options)));
  scoped(vault, 'verify', 'Read each needed byte once, and prove all backups that have it').action(
    (options: ScopeOptions) => conclude(invocation, options, verify(invocation, options)),
  );
  scoped(vault, 'adopt', 'Make plain archives that lie in a vault part of it, without copying them')
    .option('--dry-run', 'tell which, and change nothing')
    .action((options: ScopeOptions) => conclude(invocation, options, adopt(invocation, options)));
  const recipe = 'Show what a backup added, what its removal would give back, and the packs that hold it';
  backupCommand(vault, 'recipe', recipe).action((server: string, backup: string, options: DaemonOptions) =>
    conclude(invocation, options, places(invocation, options, server, backup)),
  );
}

function scoped(parent: Command, name: string, description: string): Command {
  return nodeCommand(parent, name, description)
    .option('--store <store>', 'only that vault')
    .option('--server <server>', 'only that server, by name, id or start of id');
}

async function status({ env, signal, terminal }: Invocation, { config }: DaemonOptions): Promise<Outcome> {
  const client = new ApiClient(await findConnection(env, config));
  const { found, json, failures } = await askForAll(client, { method: 'GET', path: '/api/vaults', signal }, Status);
  const rows = found.vaults.map(({ store, server, backups, archiveBytes, ...usage }) => [
    store,
    shortId(server),
    String(backups),
    formatBytes(archiveBytes),
    bytesText(usage.storedBytes),
    bytesText(usage.liveBytes),
    typeof usage.packs === 'number' ? String(usage.packs) : '-',
    typeof usage.collectedAt === 'string' ? localTime(usage.collectedAt) : 'not yet',
  ]);
  const headings = ['STORE', 'SERVER', 'BACKUPS', 'ARCHIVES', 'ON DISK', 'NEEDED', 'PACKS', 'COLLECTED'];
  noteFailures(terminal, failures);
  const none = failures === undefined ? 'There is no vault.' : '';
  const text = rows.length === 0 ? none : table(headings, rows, terminal.style);
  return { json, text, failed: failures !== undefined };
}

function bytesText(bytes: number | null | undefined): string {
  return typeof bytes === 'number' ? formatBytes(bytes) : '-';
}

async function collect(invocation: Invocation, options: ScopeOptions): Promise<Outcome> {
  const { client, request } = await requestOf(invocation, options, 'collect');
  const { found, json, failures } = await askForAll(client, request, Collections);
  const lines = found.collections.map(({ store, server, packs, freedBytes, movedBytes }) => {
    const moved = movedBytes > 0 ? `, ${formatBytes(movedBytes)} moved` : '';
    return `${store} ${server}: ${formatBytes(freedBytes)} given back, ${countText(packs, 'pack')} removed${moved}`;
  });
  noteFailures(invocation.terminal, failures);
  if (failures === undefined) return { json, text: linesOf(lines, options) };
  return { json, text: lines.length === 0 ? '' : linesOf(lines, options), failed: true };
}

async function verify(invocation: Invocation, options: ScopeOptions): Promise<Outcome> {
  const { client, request } = await requestOf(invocation, options, 'verify');
  const { found, json, failures } = await askForAll(client, request, Verifications);
  const lines = found.verifications.flatMap(
    ({ store, server, readBytes, whole, damaged, healed, unproven, faults }) => [
      `${store} ${server}: ${countText(whole, 'backup')} whole, ${formatBytes(readBytes)} read`,
      ...damaged.map((id) => `  ${id} is damaged`),
      ...healed.map((id) => `  ${id} was damaged; its bytes were taken from a copy, and it is verified again`),
      ...unproven.map(
        (id) => `  ${id} has a file of its own, or no index that proves it: roost backup verify ${server} ${id}`,
      ),
      ...faults.map(({ backup, message }) =>
        backup === undefined && readBytes > 0
          ? `  not all of it could be verified: ${message}`
          : `  ${backup ?? 'all of it'} could not be verified: ${message}`,
      ),
    ],
  );
  noteFailures(invocation.terminal, failures);
  const isBad = found.verifications.some(({ damaged, faults }) => damaged.length > 0 || faults.length > 0);
  const failed = isBad || failures !== undefined;
  const warned = found.verifications.some(({ healed, unproven }) => healed.length > 0 || unproven.length > 0);
  const text = lines.length === 0 && failures !== undefined ? '' : linesOf(lines, options);
  return { json, text, failed, warned };
}

async function adopt(invocation: Invocation, options: ScopeOptions): Promise<Outcome> {
  const { client, request } = await requestOf(invocation, options, 'adopt');
  const { found, json, failures } = await askForAll(client, request, Adoptions);
  const done = options.dryRun === true ? 'to be taken in' : 'taken in';
  const lines = [
    ...found.adoptions.map(({ store, backup, size }) => `${store} ${backup}: ${formatBytes(size)}`),
    ...found.servers.map(({ store, server, backups, bytes, failures: failed }) => {
      const rest = failed > 0 ? `, ${failed} failed` : '';
      return `${store} ${server}: ${countText(backups, 'backup')} ${done}, ${formatBytes(bytes)}${rest}`;
    }),
  ];
  noteFailures(invocation.terminal, failures);
  const none = failures === undefined ? 'There are no plain archives in a vault.' : '';
  return { json, text: lines.length === 0 ? none : lines.join('\n'), failed: failures !== undefined };
}

async function places(invocation: Invocation, options: DaemonOptions, server: string, word: string): Promise<Outcome> {
  const target = await findServer(invocation, options, server);
  const id = await findBackup(target, word, invocation.signal);
  const path = `${target.backups}/${id}/places`;
  const found = await ask(target.client, { method: 'GET', path, signal: invocation.signal }, Places);
  const { storedBytes, exclusiveBytes, ranges, packs } = found;
  const lines = [
    `added ${storedBytes === null ? 'an unknown number of bytes' : formatBytes(storedBytes)}`,
    `its removal gives back ${formatBytes(exclusiveBytes)}`,
    ...(typeof ranges === 'number'
      ? [`${countText(ranges, 'range')} in ${countText(packs?.length ?? 0, 'pack')}`]
      : ['one file of its own']),
    ...(packs ?? []).map(
      (pack) => `  ${pack.id}.pack  ${formatBytes(pack.bytes)} in ${countText(pack.ranges, 'range')}`,
    ),
  ];
  return { json: found, text: lines.join('\n') };
}

async function requestOf(
  invocation: Invocation,
  options: ScopeOptions,
  what: 'collect' | 'verify' | 'adopt',
): Promise<{ readonly client: ApiClient; readonly request: ApiRequest }> {
  const query = new URLSearchParams();
  if (options.store !== undefined) query.set('store', options.store);
  if (options.server !== undefined) query.set('server', (await findServer(invocation, options, options.server)).server);
  if (options.dryRun === true) query.set('dryRun', 'true');
  const client = new ApiClient(await findConnection(invocation.env, options.config));
  const path = `/api/vaults/${what}?${query.toString()}`;
  return { client, request: { method: 'POST', path, signal: invocation.signal } };
}

function linesOf(lines: readonly string[], { dryRun = false }: ScopeOptions): string {
  if (lines.length === 0) return 'There is no vault.';
  return [...(dryRun ? ['Nothing was changed; it would be:'] : []), ...lines].join('\n');
}
