/** Records as callers see them: with what is only known while a job is queued or runs. Never changes anything. */
import { Failure, reasonOf } from '../base/failure.ts';
import type { ServerId } from '../base/ids.ts';
import { wireText } from '../base/files/paths.ts';
import type { Catalogue } from '../catalogue/contract.ts';
import type { BackupRecord, BackupSummary, JobRecord, ServerRecord } from '../catalogue/records.ts';
import { defaultName, type GameServer } from '../servers/registry.ts';
import type { BackupView, JobView, ServerView, StoreView } from './contract.ts';
import type { Store } from '../storage/store.ts';
import type { EventHub } from './runner/events.ts';
import type { JobRunner } from './runner/runner.ts';

export type ServerStatus = ServerView['status'];

export interface ViewDeps {
  readonly catalogue: Pick<Catalogue, 'backups' | 'servers'>;
  readonly runner: JobRunner;
}

/** A restore counts from the moment it is queued, so that no player starts on files that are about to be replaced. */
export function statusOf(server: ServerId, runner: JobRunner): ServerStatus {
  const kinds = new Set(runner.open({ server }).map(({ record }) => record.kind));
  if (kinds.has('restore')) return 'RESTORING';
  return kinds.has('backup') ? 'BACKING_UP' : 'READY';
}

const HALF_REMOVED = new Failure('interrupted', 'The deletion of this backup has begun and failed half-way', {
  hint: 'It is tried again every hour and at the next start, or when it is deleted again.',
});

interface BackupViewDeps {
  readonly runner: JobRunner;
  readonly catalogue: Pick<Catalogue, 'copies'>;
}

export function viewBackup(record: BackupRecord, deps: BackupViewDeps): BackupView {
  const [view] = viewBackups([record], deps);
  if (view === undefined) throw new TypeError('each record has a view');
  return view;
}

/** The records of one server as they stand now; a page of them costs one look at copies and jobs. */
export function viewBackups<Record extends BackupSummary>(
  records: readonly Record[],
  { runner, catalogue }: BackupViewDeps,
): (Omit<Record, 'status'> & Pick<BackupView, 'status' | 'copies'>)[] {
  const [first] = records;
  if (first === undefined) return [];
  const open = runner.open({ server: first.server });
  const busy = new Set(open.map(({ record }) => record.backup));
  const restores = open.filter(({ record }) => record.kind === 'restore');
  const restoring = new Set(restores.map(({ record }) => record.backup));
  const copies = catalogue.copies.ofBackups(records.map(({ id }) => id));
  return records.map((record) => {
    const own = copies.get(record.id)?.map(({ backup: _backup, madeAt: _madeAt, ...copy }) => copy);
    // While its deletion runs, it stays what it was: callers hear of the end.
    const halfRemoved = record.removing && !busy.has(record.id);
    return {
      ...record,
      status: restoring.has(record.id) ? 'RESTORING' : halfRemoved ? 'FAILED' : record.status,
      ...(halfRemoved ? { error: HALF_REMOVED.toJSON() } : {}),
      ...(own === undefined ? {} : { copies: own }),
    };
  });
}

export function viewServers(servers: readonly GameServer[], { catalogue, runner }: ViewDeps): readonly ServerView[] {
  const counts = countsOf(catalogue);
  return servers.map((server) => viewServer(server, true, counts, { catalogue, runner }));
}

/** Servers of which only backups are left. @param present those that have a directory. */
export function viewLostServers(
  present: readonly GameServer[],
  { catalogue, runner }: ViewDeps,
): readonly ServerView[] {
  const counts = countsOf(catalogue);
  const here = new Set(present.map(({ id }) => id));
  const lost = [...counts.totals.keys()].filter((id) => !here.has(id));
  return lost.map((id) => viewServer({ id, name: defaultName(id) }, false, counts, { catalogue, runner }));
}

function countsOf({ backups }: Pick<Catalogue, 'backups'>) {
  return { totals: backups.totals(), states: backups.states() };
}

function viewServer(
  { id, name }: Pick<GameServer, 'id' | 'name'>,
  directory: boolean,
  counts: ReturnType<typeof countsOf>,
  { catalogue, runner }: ViewDeps,
): ServerView {
  const { backups, bytes } = counts.totals.get(id) ?? { backups: 0, bytes: 0 };
  const { suspended, settings } = catalogue.servers.get(id);
  const status = statusOf(id, runner);
  return {
    id,
    name: shownName(id, name, settings),
    status,
    suspended,
    directory,
    backups,
    bytes,
    states: counts.states.get(id),
  };
}

/** What the operator calls it in the config goes before what the panel calls it. */
export function shownName(id: ServerId, name: string, { panelName = name }: ServerRecord['settings']): string {
  return wireText(name === defaultName(id) ? panelName : name);
}

/** Keeps what a panel calls a server. */
export function setPanelName(id: ServerId, name: string, { servers }: Pick<Catalogue, 'servers'>): void {
  servers.setSettings(id, { ...servers.get(id).settings, panelName: name });
}

export function viewJob(record: JobRecord, runner: JobRunner): JobView {
  return { ...record, progress: runner.progress(record.id), position: runner.position(record.id) };
}

/** Tells of each change of a server's status, once. */
export function announceStatuses(runner: JobRunner, events: EventHub): void {
  const last = new Map<ServerId, ServerStatus>();
  runner.watch((server) => {
    const status = statusOf(server, runner);
    if (status === (last.get(server) ?? 'READY')) return;
    if (status === 'READY') last.delete(server);
    else last.set(server, status);
    events.publish({ type: 'server.status', server, data: { status } });
  });
}

/** A store with its free and total bytes (null when unknown). Never rejects: an unreachable store has an `error`. */
export async function viewStore(store: Store): Promise<StoreView & { readonly totalBytes: number | null }> {
  const { name, type } = store;
  const usage = store.vault?.total();
  const vault = usage === undefined ? {} : { vault: usage };
  try {
    await store.check();
    const free = await store.freeSpace(0);
    return { name, type, freeBytes: free?.bytes ?? null, totalBytes: free?.total ?? null, error: null, ...vault };
  } catch (error) {
    return { name, type, freeBytes: null, totalBytes: null, error: reasonOf(error), ...vault };
  }
}
