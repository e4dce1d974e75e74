/**
 * Previews, comparisons and searches (compare-contract.ts). The work runs in a thread, one at a time for each server and
 * two in all. Callers who ask for the same thing at the same time share one run; its result is kept for the next pages.
 */
import fs from 'node:fs';
import type { Clock } from '../../base/clock.ts';
import { Failure, throwIfAborted } from '../../base/failure.ts';
import { unlessChanged } from '../../base/files/handle-writes.ts';
import { DirectoryChain, openRoot, statChild } from '../../base/files/handles.ts';
import { splitPath, wirePath } from '../../base/files/paths.ts';
import { type BackupId, isUuid, type ServerId } from '../../base/ids.ts';
import { SharedWork } from '../../base/shared-work.ts';
import type { BackupRecord } from '../../catalogue/records.ts';
import type { HeldOut } from '../../servers/held-out.ts';
import type { Registry } from '../../servers/registry.ts';
import type { Store } from '../../storage/store.ts';
import type * as compared from '../compare-contract.ts';
import type * as contract from '../contract.ts';
import { placeOf } from '../restore/directory.ts';
import { fixedPaths } from '../restore/plan-file.ts';
import { parseRestoreRequest } from '../restore/request.ts';
import { checkAsked } from '../restore/select/paths.ts';
import { requireCompleted } from '../runner/admission.ts';
import { openNames } from '../stored/files.ts';
import type { Listings } from '../stored/listings.ts';
import { type LookingDeps, openForLook } from '../stored/readable-copy.ts';
import type { StoredArchive } from '../stored/stored-archive.ts';
import { changesOf, comparisonView, type KeptComparison, KeptComparisons } from './kept.ts';
import type { CompareResults, CompareTask, FoundName } from './messages.ts';
import { compareIn } from './thread-call.ts';
import { isSame, liveFacts } from './tree.ts';

export interface CompareDeps extends LookingDeps {
  readonly registry: Pick<Registry, 'get' | 'place'>;
  readonly heldOut: Pick<HeldOut, 'below'>;
  readonly service: Pick<contract.BackupService, 'restore'>;
  readonly listings?: Listings | undefined;
  readonly clock: Pick<Clock, 'monotonic'>;
}

/** Threads at a time. */
const MOST_THREADS = 2;
/** Backups that one page of a search over all of a server looks into. */
const BACKUPS_AT_ONCE = 20;
/** Names of one backup that such a search keeps. */
const MOST_NAMES = 500;
/** Missing paths that a preview names. */
const MISSING_TOLD = 100;

export class Comparisons implements compared.CompareService {
  readonly #deps: CompareDeps;
  readonly #kept: KeptComparisons;
  readonly #work = new SharedWork<unknown>(MOST_THREADS);

  constructor(deps: CompareDeps) {
    this.#deps = deps;
    this.#kept = new KeptComparisons(deps.clock);
  }

  async preview(request: contract.RestoreBackup, signal: AbortSignal): Promise<compared.ComparisonView> {
    return comparisonView(await this.#preview(request, signal));
  }

  async compare(
    server: ServerId,
    backup: BackupId,
    to: BackupId | 'live',
    signal: AbortSignal,
  ): Promise<compared.ComparisonView> {
    const from = this.#completed(server, backup, 'Cannot compare the backup');
    const key = JSON.stringify(['compare', backup, to]);
    const found = await this.#shared({ group: server, key }, signal, async (shared) => {
      if (to === 'live') return this.#run({ kind: 'live', ...(await this.#live(from)) }, [from], shared);
      return this.#run({ kind: 'backups' }, [from, this.#completed(server, to, 'Cannot compare the backup')], shared);
    });
    return comparisonView(this.#kept.add({ server, found, missing: [], request: undefined }));
  }

  changes(server: ServerId, id: string, page: Parameters<compared.CompareService['changes']>[2]): compared.ChangePage {
    return changesOf(this.#kept.get(server, id), page);
  }

  async restorePreviewed(
    { server, backup, ...further }: Parameters<compared.CompareService['restorePreviewed']>[0],
    preview: string,
    signal: AbortSignal,
    { backupFirst }: { readonly backupFirst: boolean },
  ): Promise<contract.AcceptedRestore> {
    const { request, found } = this.#kept.get(server, preview);
    if (request === undefined || request.backup !== backup) {
      throw new Failure('invalid_request', 'Cannot restore by that preview: it is one of something else');
    }
    const now = await this.#preview(request, signal);
    if (now.found.digest !== found.digest) {
      throw new Failure('preview_outdated', 'Cannot restore: it would do something else than was previewed', {
        facts: { preview: now.id },
        hint: 'The server has changed since. Look at a new preview.',
      });
    }
    return this.#deps.service.restore({ ...request, ...further, backupFirst });
  }

  async find(
    server: ServerId,
    backup: BackupId,
    { text, cursor, limit }: Parameters<compared.CompareService['find']>[2],
    signal: AbortSignal,
  ): Promise<compared.FoundPage> {
    const record = this.#completed(server, backup, 'Cannot search the backup');
    const after = cursor === undefined ? undefined : pathOfCursor(cursor);
    const task = { kind: 'find' as const, query: text, after, most: limit };
    const key = JSON.stringify(['find', backup, text, cursor, limit]);
    const [found] = await this.#shared({ group: server, key }, signal, (shared) => this.#run(task, [record], shared));
    const { names = [], more = false } = found ?? {};
    const last = more ? names.at(-1) : undefined;
    const next = last === undefined ? {} : { cursor: cursorOf(last.path) };
    const entries = names.map((name) => {
      const { kind, size, mtime } = entryFacts(name);
      return { path: wirePath(name.path), kind, size, mtime };
    });
    return { entries, ...next };
  }

  async findVersions(
    server: ServerId,
    { text, cursor }: Parameters<compared.CompareService['findVersions']>[1],
    signal: AbortSignal,
  ): Promise<compared.FoundVersions> {
    const { catalogue, registry } = this.#deps;
    const page = catalogue.backups.page(server, BACKUPS_AT_ONCE, cursor === undefined ? {} : { after: cursor });
    if (page.backups.length === 0) await registry.get(server);
    const records = page.backups
      .filter(({ status, removing, damagedAt }) => status === 'COMPLETED' && !removing && damagedAt === null)
      .map(({ id }) => catalogue.backups.details(id, server));
    const task = { kind: 'find' as const, query: text, after: undefined, most: MOST_NAMES };
    const key = JSON.stringify(['versions', records.map(({ id }) => id), text]);
    const found =
      records.length === 0
        ? []
        : await this.#shared({ group: server, key }, signal, (shared) => this.#run(task, records, shared));
    return {
      paths: versionsOf(records, found),
      searched: records.map(({ id }) => id),
      cut: records.filter((_, at) => found[at]?.more === true).map(({ id }) => id),
      ...(page.next === undefined ? {} : { cursor: page.next }),
    };
  }

  async levelFacts(
    server: ServerId,
    backup: BackupId,
    entries: readonly contract.DirectoryItem[],
    wanted: { readonly totals: boolean; readonly live: boolean },
    signal: AbortSignal,
  ): Promise<ReadonlyMap<contract.DirectoryItem, compared.LevelFacts>> {
    const facts = new Map<contract.DirectoryItem, compared.LevelFacts>();
    const { parent: path } = splitPath(entries[0]?.raw ?? '');
    if (wanted.totals && entries.some(({ kind }) => kind === 'directory')) {
      const record = this.#completed(server, backup, 'Cannot look into the backup');
      const key = JSON.stringify(['totals', backup, path]);
      const task = { kind: 'totals' as const, path };
      const sums = await this.#shared({ group: server, key }, signal, (shared) => this.#run(task, [record], shared));
      const byName = new Map(sums.map(([name, files, bytes]) => [name, { files, bytes }]));
      for (const entry of entries) {
        if (entry.kind !== 'directory') continue;
        facts.set(entry, byName.get(splitPath(entry.raw).name) ?? { files: 0, bytes: 0 });
      }
    }
    if (!wanted.live) return facts;
    const live = await this.#liveStates(server, path, entries);
    for (const [entry, state] of live) facts.set(entry, { ...facts.get(entry), live: state });
    return facts;
  }

  async #preview(request: contract.RestoreBackup, signal: AbortSignal): Promise<KeptComparison> {
    const { server, backup } = request;
    const { whenBusy: _busy, origin: _origin, download: _download, backupFirst: _first, ...asked } = request;
    const parsed = parseRestoreRequest({ ...asked, report: undefined });
    checkAsked(parsed);
    const record = this.#completed(server, backup, 'Cannot preview the restore');
    const key = JSON.stringify(['preview', asked]);
    const { missing, ...found } = await this.#shared({ group: server, key }, signal, async (shared) =>
      this.#run({ kind: 'preview', request: parsed, ...(await this.#live(record)) }, [record], shared),
    );
    return this.#kept.add({ server, found, missing: missing.slice(0, MISSING_TOLD), request });
  }

  /** The server's directory, and what is left alone in it. */
  async #live({ server: id, ignore }: BackupRecord) {
    const { server, present } = await placeOf(id, this.#deps.registry, true);
    if (!present) return { live: undefined, fixed: [], ignore };
    const handle = openRoot(server.path);
    try {
      return { live: server.path, fixed: await fixedPaths(server, handle, this.#deps), ignore };
    } finally {
      fs.closeSync(handle);
    }
  }

  /** @param path of the directory, a byte string. */
  async #liveStates(server: ServerId, path: string, entries: readonly contract.DirectoryItem[]) {
    const states = new Map<contract.DirectoryItem, 'same' | 'changed' | 'gone'>();
    const { server: found, present } = await placeOf(server, this.#deps.registry, true);
    if (!present) return new Map(entries.map((entry) => [entry, 'gone' as const]));
    const root = openRoot(found.path);
    const chain = new DirectoryChain(root);
    try {
      const directory = unlessChanged(() => chain.open(path));
      for (const entry of entries) states.set(entry, directory === undefined ? 'gone' : stateOf(directory, entry));
    } finally {
      chain.close();
      fs.closeSync(root);
    }
    return states;
  }

  async #run<Kind extends CompareTask['kind']>(
    task: Extract<CompareTask, { readonly kind: Kind }>,
    records: readonly BackupRecord[],
    signal: AbortSignal,
  ): Promise<CompareResults[Kind]> {
    throwIfAborted(signal, 'Cannot compare');
    const archives: StoredArchive[] = [];
    try {
      for (const record of records) {
        const openOf = (store: Store): Promise<StoredArchive> => openNames(this.#deps, store, record, signal);
        archives.push(await openForLook(record, this.#deps, openOf));
      }
      return await compareIn(task, archives, signal);
    } finally {
      await Promise.all(archives.map((archive) => archive.close()));
    }
  }

  #shared<Result>(
    name: { readonly group: string; readonly key: string },
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    // The key begins with the kind of work, so equal keys have results of one type.
    return this.#work.run(name, signal, work) as Promise<Result>;
  }

  #completed(server: ServerId, backup: BackupId, doing: string): BackupRecord {
    if (!isUuid(backup)) throw new Failure('backup_not_found', 'There is no such backup');
    const record = this.#deps.catalogue.backups.get(backup, server);
    requireCompleted(record, doing);
    return record;
  }
}

function stateOf(directory: number, entry: contract.DirectoryItem): 'same' | 'changed' | 'gone' {
  const { name } = splitPath(entry.raw);
  const stat = statChild(directory, name);
  if (stat === undefined) return 'gone';
  const { kind, target, size, mode, mtime } = entry;
  const now = liveFacts(directory, name, stat);
  const was = { kind, size, mode, mtime, target };
  // The listing does not say what a hard link leads to: its size and time are not compared.
  if (kind === 'hardlink') return now.kind === 'file' ? 'same' : 'changed';
  return isSame(was, now) ? 'same' : 'changed';
}

function cursorOf(path: string): string {
  return Buffer.from(path, 'latin1').toString('base64url');
}

/** @throws Failure `invalid_request` for what `cursorOf` never returns. */
function pathOfCursor(cursor: string): string {
  const path = Buffer.from(cursor, 'base64url').toString('latin1');
  if (path !== '' && cursorOf(path) === cursor) return path;
  throw new Failure('invalid_request', 'Cannot search from there: the cursor is none that a page had');
}

function entryFacts({ kind, size, mtime }: FoundName): Omit<compared.FoundEntry, 'path'> {
  return { kind: kind === 'other' ? 'file' : kind, size, mtime };
}

function versionsOf(records: readonly BackupRecord[], found: CompareResults['find']): compared.FoundVersions['paths'] {
  const byPath = new Map<string, Map<string, { facts: Omit<compared.FoundEntry, 'path'>; backups: BackupId[] }>>();
  for (const [at, { id }] of records.entries()) {
    for (const name of found[at]?.names ?? []) {
      const versions = byPath.get(name.path) ?? new Map();
      byPath.set(name.path, versions);
      const key = JSON.stringify([name.kind, name.size, name.mtime, name.mode, name.target]);
      const version = versions.get(key) ?? { facts: entryFacts(name), backups: [] };
      versions.set(key, version);
      version.backups.push(id);
    }
  }
  return Array.from(byPath, ([path, versions]) => ({
    path: wirePath(path),
    versions: Array.from(versions.values(), ({ facts: { kind, size, mtime }, backups }) => ({
      kind,
      size,
      mtime,
      backups,
    })),
  }));
}
