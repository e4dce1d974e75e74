/**
 * Looking without a job: what a backup would hold, what one holds, and its bytes for a download. Nothing is changed.
 */
import type { TreeEstimate } from '../../archive/contract.ts';
import type { BackupId, ServerId } from '../../base/ids.ts';
import { SharedWork } from '../../base/shared-work.ts';
import { wirePath } from '../../base/files/paths.ts';
import type { ByteSource } from '../../base/source.ts';
import type { BackupRecord } from '../../catalogue/records.ts';
import type { HeldOut } from '../../servers/held-out.ts';
import type { Registry } from '../../servers/registry.ts';
import { objectKey } from '../../storage/key.ts';
import type { Store } from '../../storage/store.ts';
import type { DirectoryPage, Estimate, FileContent, Selection } from '../contract.ts';
import { requireCompleted } from '../runner/admission.ts';
import type { ArchivePort } from '../stored/archive-port.ts';
import { provenSource } from '../stored/digests.ts';
import { listDirectory, type LookDoor, openContent } from '../stored/files.ts';
import { noticedContent, noticedSource } from './noticed.ts';
import type { Listings } from '../stored/listings.ts';
import { findSelection, openSelection } from '../stored/selections.ts';
import { type LookingDeps, openForLook } from '../stored/readable-copy.ts';
import { openArchiveSource } from '../stored/stored-archive.ts';

export interface LookDeps extends LookingDeps {
  readonly registry: Pick<Registry, 'get'>;
  readonly archive: ArchivePort;
  /** Of archives without an index; without it each look reads one through. */
  readonly listings?: Listings | undefined;
  readonly heldOut: Pick<HeldOut, 'pathsFor'>;
}

/** Walks of servers at a time. */
const MOST_ESTIMATES = 2;
/** Listings at a time: each step of one is a fraction of a millisecond of this thread, between reads. */
const MOST_LISTS = 4;

export class Looks {
  readonly #deps: LookDeps;
  readonly #door: LookDoor;
  readonly #estimates = new SharedWork<TreeEstimate>(MOST_ESTIMATES);
  readonly #lists = new SharedWork<DirectoryPage>(MOST_LISTS);
  readonly #selections = new SharedWork<Selection>(MOST_LISTS);

  constructor(deps: LookDeps) {
    this.#deps = deps;
    const { archive, listings } = deps;
    this.#door = { openArchive: (request, signal) => archive.openArchive(request, signal), listings };
  }

  async estimate(server: ServerId, ignore: readonly string[] | undefined, signal: AbortSignal): Promise<Estimate> {
    const { archive, heldOut, registry } = this.#deps;
    const found = await registry.get(server);
    const asked = archive.ignoreLines(ignore ?? []);
    const lines = asked.length > 0 ? asked : archive.readIgnoreFile(found.path).lines;
    const walk = { root: found.path, ignore: lines, exclude: await heldOut.pathsFor(found) };
    // One walk of a server at a time: a button that is pressed ten times must not read its disk ten times at once.
    const estimate = await this.#estimates.run({ group: server, key: lines.join('\n') }, signal, (shared) =>
      archive.estimateTree({ ...walk, signal: shared }),
    );
    const largestIgnored = estimate.largestIgnored.map(({ path, bytes }) => ({ path: wirePath(path), bytes }));
    return { ...estimate, largestIgnored };
  }

  async files(
    server: ServerId,
    backup: BackupId,
    path: string,
    cursor: string | undefined,
    signal: AbortSignal,
  ): Promise<DirectoryPage> {
    const record = this.#completed(server, backup, 'Cannot look into the backup');
    // The same look is shared, and one runs at a time: an archive that gets no listing is read through for each.
    return this.#lists.run({ group: backup, key: JSON.stringify([path, cursor]) }, signal, (shared) =>
      this.#open(record, (store) => listDirectory(this.#door, store, record, path, cursor, shared)),
    );
  }

  async content(server: ServerId, backup: BackupId, path: string, signal: AbortSignal): Promise<FileContent> {
    const record = this.#completed(server, backup, 'Cannot read from the backup');
    const open = async (store: Store): Promise<FileContent> =>
      noticedContent(await openContent(this.#door, store, record, path, signal), this.#noticing(record, store));
    return this.#open(record, open);
  }

  async select(server: ServerId, backup: BackupId, paths: readonly string[], signal: AbortSignal): Promise<Selection> {
    const record = this.#completed(server, backup, 'Cannot look into the backup');
    return this.#selections.run({ group: backup, key: JSON.stringify(paths) }, signal, (shared) =>
      this.#open(record, (store) => findSelection(this.#door, store, record, paths, shared)),
    );
  }

  async selected(server: ServerId, backup: BackupId, selection: Selection, signal: AbortSignal): Promise<FileContent> {
    const record = this.#completed(server, backup, 'Cannot read from the backup');
    const open = async (store: Store): Promise<FileContent> =>
      noticedContent(await openSelection(this.#door, store, record, selection, signal), this.#noticing(record, store));
    return this.#open(record, open);
  }

  async download(
    server: ServerId,
    backup: BackupId,
  ): Promise<{ readonly record: BackupRecord; readonly source: ByteSource }> {
    const record = this.#completed(server, backup, 'Cannot download the backup');
    const open = async (store: Store): Promise<ByteSource> =>
      noticedSource(provenSource(store, record, await openArchiveSource(store, record)), this.#noticing(record, store));
    return { record, source: await this.#open(record, open) };
  }

  async downloadUrl(
    server: ServerId,
    backup: BackupId,
    expiresSeconds: number,
    fileName = `${backup}.tar.gz`,
  ): Promise<string | undefined> {
    const record = this.#completed(server, backup, 'Cannot download the backup');
    const key = objectKey(server, backup, 'tar.gz');
    const store = this.#deps.stores.get(record.store);
    return store.presign?.(key, { expiresSeconds, fileName });
  }

  #completed(server: ServerId, backup: BackupId, doing: string): BackupRecord {
    const record = this.#deps.catalogue.backups.details(backup, server);
    requireCompleted(record, doing);
    return record;
  }

  #noticing(record: BackupRecord, store: Store): () => void {
    return () => {
      if (store.name !== record.store) this.#deps.onDamagedCopy?.(record, store.name);
    };
  }

  #open<Opened>(record: BackupRecord, open: (store: Store) => Promise<Opened>): Promise<Opened> {
    return openForLook(record, this.#deps, open);
  }
}
