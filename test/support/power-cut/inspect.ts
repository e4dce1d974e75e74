/** Starts a daemon on what a power cut left, and names all that is not as it was answered. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { DaemonProcess } from '../daemon-process.ts';
import { eventually } from '../eventually.ts';
import { packsIn, vaultedArchive } from '../stored-archive.ts';
import { startOn } from './daemon.ts';
import type { Cut, Disks, MountedCut } from './disks.ts';
import { digestOf, type Expected, type Form, isSameTree, readTree } from './game.ts';

const FORMS: readonly Form[] = ['.tar.gz', '.recipe'];

interface Backup {
  readonly id: string;
  readonly status: string;
  readonly isLocked: boolean;
}

/** @returns a line for each thing that was lost, came back or was left lying; the cut is gone then. */
export async function faultsAfter(disks: Disks, cut: Cut, expected: Expected): Promise<readonly string[]> {
  const mounted = await cut.mount().catch((error: unknown) => `the disks cannot be mounted: ${String(error)}`);
  if (typeof mounted === 'string') return [mounted];
  try {
    return await faultsOf(disks, mounted, expected);
  } finally {
    mounted.unmount();
    await cut.remove();
  }
}

async function faultsOf(disks: Disks, cut: MountedCut, expected: Expected): Promise<readonly string[]> {
  const faults = expected.servers.flatMap((server) => faultsOfObjects(cut.find(join(disks.store, server.id)), server));
  // No start brings back what is lost.
  if (faults.length > 0) return faults;
  const first = await startOn(disks, cut).catch(() => undefined);
  if (first === undefined) return ['the daemon does not start'];
  let left: readonly string[];
  try {
    for (const server of expected.servers) {
      faults.push(...(await faultsOfServer(disks, cut, first, server)));
    }
    left = await leftBehind(disks, cut, first);
    faults.push(...(await faultsOfUse(first, expected)));
    if (disks.layout === 'vault') faults.push(...(await faultsOfAdoption(disks, cut, first, expected)));
  } finally {
    await first.kill();
  }
  if (left.length === 0) return faults;
  // What one start cannot end, the next may.
  const second = await startOn(disks, cut).catch(() => undefined);
  if (second === undefined) return [...faults, 'the daemon does not start a second time'];
  try {
    return [...faults, ...(await leftBehind(disks, cut, second))];
  } finally {
    await second.kill();
  }
}

/** What lies in the store before anything is started: each form of an archive that is there is the whole archive. */
function faultsOfObjects(
  directory: string,
  { backups, open, gone }: Expected['servers'][number],
  allowed = (forms: readonly Form[]): readonly Form[] => forms,
): readonly string[] {
  const faults: string[] = [];
  for (const [id, { sha256, forms }] of backups) {
    if (id === open) continue;
    const there = FORMS.filter((form) => existsSync(join(directory, id + form)));
    if (there.length === 0) faults.push('an answered backup has no archive');
    for (const form of there) {
      if (!allowed(forms).includes(form)) faults.push(`an answered backup has a ${form}`);
      if (digestIn(directory, id, form) !== sha256) faults.push(`the ${form} of an answered backup is another archive`);
    }
  }
  for (const name of gone)
    if (existsSync(join(directory, name))) faults.push(`what was answered to be gone is there: ${name}`);
  return faults;
}

function digestIn(directory: string, id: string, form: Form): string {
  try {
    return digestOf(form === '.recipe' ? vaultedArchive(directory, id) : readFileSync(join(directory, id + form)));
  } catch (error) {
    return String(error);
  }
}

/** An adoption goes on where the power ended it, and behind a collection there is nothing that is not named. */
async function faultsOfAdoption(
  disks: Disks,
  cut: MountedCut,
  { call }: DaemonProcess,
  expected: Expected,
): Promise<readonly string[]> {
  const { status, body } = await call('/api/vaults/adopt', { body: {} });
  if (status !== 200) return [`plain archives cannot be adopted: ${JSON.stringify(body)}`];
  const collected = await call('/api/vaults/collect', { body: {} });
  if (collected.status !== 200) return [`nothing can be collected: ${JSON.stringify(collected.body)}`];
  const faults: string[] = [];
  for (const server of expected.servers) {
    const directory = cut.find(join(disks.store, server.id));
    faults.push(...faultsOfObjects(directory, server, () => ['.recipe']));
    if (!existsSync(directory)) continue;
    const listed = await call(`/api/servers/${server.id}/backups`);
    const known = (listed.body as readonly Backup[]).map(({ id }) => id);
    faults.push(...strangersIn(directory, known).map((object) => `a collection leaves ${object}`));
  }
  return faults.map((fault) => `behind an adoption: ${fault}`);
}

async function faultsOfServer(
  disks: Disks,
  cut: MountedCut,
  { call }: DaemonProcess,
  { id: server, trees, backups, deleted, open, kept }: Expected['servers'][number],
): Promise<readonly string[]> {
  const faults: string[] = [];
  const path = `/api/servers/${server}/backups`;
  const { status, body } = await call(path);
  if (status !== 200) return [`the list of backups answers ${status}: ${JSON.stringify(body)}`];
  const found = new Map((body as readonly Backup[]).map((backup) => [backup.id, backup]));
  for (const [id, { locked }] of backups) {
    const backup = found.get(id);
    if (id === open) continue;
    if (backup?.status !== 'COMPLETED') faults.push(`an answered backup is ${backup?.status ?? 'lost'}`);
    else if (backup.isLocked !== locked) faults.push(`an answered ${locked ? 'lock' : 'unlock'} is lost`);
  }
  for (const { id, status: state } of found.values()) {
    if (deleted.has(id) && state === 'COMPLETED') faults.push('a deleted backup came back');
    if (state !== 'COMPLETED' || id === open) continue;
    const verified = await call(`${path}/${id}/verify`, { method: 'POST' });
    if (verified.status !== 200) faults.push(`a completed backup is not intact: ${JSON.stringify(verified.body)}`);
    const forms = backups.get(id)?.forms ?? [disks.layout === 'vault' ? '.recipe' : '.tar.gz'];
    for (const suffixes of [forms, ['.index'], ['.json']]) {
      const there = suffixes.some((suffix) => existsSync(cut.find(join(disks.store, server, id + suffix))));
      if (!there) faults.push(`a completed backup has no ${suffixes.join(' or ')}`);
    }
  }
  const tree = await readTree(cut.find(join(disks.servers, server)));
  if (!trees.some((allowed) => isSameTree(tree, allowed))) {
    faults.push(`the tree is neither the old nor the new one: ${tree.size} files`);
  }
  if (kept !== undefined && !keptTrees(disks, cut).some((tree) => tree.server === server && tree.there)) {
    faults.push('the previous tree of a restore is lost');
  }
  return faults;
}

/** What no backup, no restore and no job stands for. */
async function leftBehind(disks: Disks, cut: MountedCut, { call }: DaemonProcess): Promise<readonly string[]> {
  const faults: string[] = [];
  const rest = await eventually(() => openRows(disks, cut).length === 0).catch(() => undefined);
  if (rest === undefined) faults.push(...openRows(disks, cut));
  const servers = cut.find(disks.servers);
  const kept = keptTrees(disks, cut);
  if (kept.some(({ there }) => !there)) faults.push('a row names a previous tree that is gone');
  const keptAt = new Set(kept.map(({ path }) => path));
  const places = [servers, ...readdirSync(servers).map((name) => join(servers, name))];
  for (const place of [...places, join(dirname(servers), '.roost-previous'), cut.find(join(disks.state, 'previous'))]) {
    if (!existsSync(place)) continue;
    for (const name of readdirSync(place).filter((entry) => entry.startsWith('.roost-'))) {
      if (!keptAt.has(join(place, name))) faults.push('a stage is left');
    }
  }
  const store = cut.find(disks.store);
  for (const name of readdirSync(store).filter((entry) => !entry.startsWith('.roost-store'))) {
    const { body } = await call(`/api/servers/${name}/backups`);
    const known = (body as readonly Backup[]).filter(({ status }) => status === 'COMPLETED').map(({ id }) => id);
    // Packs and maps go by a collection that begins with the daemon.
    const strange = (): readonly string[] =>
      existsSync(join(store, name)) ? strangersIn(join(store, name), known) : [];
    const left = await eventually(() => strange().length === 0).catch(() => undefined);
    if (left === undefined) faults.push(...strange().map((object) => `an object without a backup is left: ${object}`));
  }
  return faults;
}

/** Objects of a server that are of no backup, and that no recipe names; and plain archives whose bytes a recipe names. */
function strangersIn(directory: string, known: readonly string[]): readonly string[] {
  let named: ReadonlySet<string>;
  try {
    named = packsIn(directory, known);
  } catch (error) {
    return [`all of them, perhaps: ${String(error)}`];
  }
  return readdirSync(directory).filter((object) => {
    const [id = ''] = object.split('.');
    if (object === `${id}.tar.gz` && existsSync(join(directory, `${id}.recipe`))) return true;
    return !known.includes(id) && !named.has(id);
  });
}

/** A store and a server that came through are of use: one more backup can be made. */
async function faultsOfUse({ call }: DaemonProcess, expected: Expected): Promise<readonly string[]> {
  const [server] = expected.servers;
  const { status, body } = await call(`/api/servers/${server?.id ?? ''}/backups`, { body: {} });
  return status === 201 ? [] : [`no backup can be made: ${JSON.stringify(body)}`];
}

function openRows(disks: Disks, cut: MountedCut): readonly string[] {
  return query(disks, cut, (database) => {
    const rows = [
      ...database.prepare("SELECT state AS what FROM plans WHERE state <> 'kept'").all(),
      ...database.prepare("SELECT kind || ' ' || state AS what FROM jobs WHERE ended_at IS NULL").all(),
      ...database.prepare("SELECT status AS what FROM backups WHERE status = 'IN_PROGRESS'").all(),
    ];
    return rows.map(({ what }) => `a row is left: ${String(what)}`);
  });
}

/** The previous trees that rows speak of. */
function keptTrees(disks: Disks, cut: MountedCut) {
  return query(disks, cut, (database) => {
    const rows = database.prepare("SELECT server, plan FROM plans WHERE state = 'kept'").all();
    return rows.map(({ server, plan }) => {
      const { location } = JSON.parse(String(plan)) as {
        readonly location: { readonly directory: string; readonly name: string };
      };
      const path = cut.find(join(location.directory, location.name));
      return { server, path, there: existsSync(join(path, 'old')) };
    });
  });
}

function query<Result>(disks: Disks, cut: MountedCut, ask: (database: DatabaseSync) => Result): Result {
  const database = new DatabaseSync(cut.find(join(disks.state, 'catalogue.sqlite')), { readOnly: true });
  try {
    return ask(database);
  } finally {
    database.close();
  }
}
