/** Starts a daemon on what a power cut left, and names all that is not as it was answered. */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { DaemonProcess } from '../daemon-process.ts';
import { eventually } from '../eventually.ts';
import { LAYOUT } from '../daemon.ts';
import { packsIn } from '../stored-archive.ts';
import { startOn } from './daemon.ts';
import type { Cut, Disks, MountedCut } from './disks.ts';
import { type Expected, isSameTree, readTree } from './game.ts';

const ARCHIVE = LAYOUT === '' ? '.tar.gz' : '.recipe';

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
  const first = await startOn(disks, cut).catch(() => undefined);
  if (first === undefined) return ['the daemon does not start'];
  let left: readonly string[];
  const faults: string[] = [];
  try {
    for (const server of expected.servers) {
      faults.push(...(await faultsOfServer(disks, cut, first, server)));
    }
    left = await leftBehind(disks, cut, first);
    faults.push(...(await faultsOfUse(first, expected)));
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
  for (const [id, locked] of backups) {
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
    for (const suffix of [ARCHIVE, '.index', '.json']) {
      const there = existsSync(cut.find(join(disks.store, server, id + suffix)));
      if (!there) faults.push(`a completed backup has no ${suffix}`);
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

/** Objects of a server that are of no backup, and that no recipe names. */
function strangersIn(directory: string, known: readonly string[]): readonly string[] {
  const named = packsIn(directory, known);
  return readdirSync(directory).filter((object) => {
    const [id = ''] = object.split('.');
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
