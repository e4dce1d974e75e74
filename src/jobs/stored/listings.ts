/**
 * Listings of archives that have no index (open/listing.ts), as files in the state directory: such an archive is read
 * through once, and not for each look into it. Derived data: a listing that is damaged, of another archive or lost is made
 * again.
 *
 * A kill leaves a file under a temporary name at most, which the next start removes. One is made at a time of each archive,
 * for all who wait for it, and stops when they have all gone. Bounded in bytes; those unused for longest go first.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import { attempt, asFailure, errnoOf } from '../../base/failure.ts';
import { openFileSource } from '../../base/files/file-source.ts';
import type { BackupId } from '../../base/ids.ts';
import type { Log } from '../../base/log/log.ts';
import { SharedWork } from '../../base/shared-work.ts';
import { MEBIBYTE } from '../../base/sizes.ts';
import { checkedListing } from '../../archive/archive.ts';
import type { ByteSource } from '../../base/source.ts';
import type { OpenRequest } from '../../archive/contract.ts';
import type { BackupRecord } from '../../catalogue/records.ts';
import type { ArchivePort } from './archive-port.ts';
import type { StoredArchive } from './stored-archive.ts';

const SUFFIX = '.listing';
const UNFINISHED = '.unfinished';
/** Made at a time, each in a thread. */
const MOST_MADE = 2;
const MOST_BYTES = 256 * MEBIBYTE;
/** What stays free on the disk of the state directory. */
const KEEP_FREE = 64 * MEBIBYTE;
/** What the threads that make them give way by. */
const NICE = 10;

export interface ListingsDeps {
  /** Of the daemon's state; made when it is first needed. */
  readonly directory: string;
  readonly archive: Pick<ArchivePort, 'listArchive'>;
  readonly log: Log;
}

type Listed = Pick<BackupRecord, 'id' | 'size' | 'sha256'>;
type OpenArchive = (signal: AbortSignal) => Promise<Pick<StoredArchive, 'request' | 'close'>>;

export class Listings {
  readonly #deps: ListingsDeps;
  readonly #making = new SharedWork<boolean>(MOST_MADE);
  /** Read to their end by this process. */
  readonly #checked = new Set<BackupId>();
  /** Archives that get none, by what they hold. */
  readonly #refused = new Set<BackupId>();

  constructor(deps: ListingsDeps) {
    this.#deps = deps;
    for (const name of this.#names()) if (name.endsWith(UNFINISHED)) this.#remove(name);
  }

  /** True when a look would have one, or when there is none to make. */
  isSettled({ id, sha256 }: Listed): boolean {
    return sha256 === null || this.#refused.has(id) || fs.existsSync(this.#path(id));
  }

  /** Bytes of all that are kept. */
  bytes(): number {
    return this.#files().reduce((sum, { size }) => sum + size, 0);
  }

  /** True when another fits without taking the place of one that is kept. */
  hasRoom(): boolean {
    return this.bytes() < MOST_BYTES / 2;
  }

  /** The listing of a backup's archive; the caller closes it. */
  async open({ id, size, sha256 }: Listed): Promise<ByteSource | undefined> {
    const path = this.#path(id);
    if (sha256 === null || !fs.existsSync(path)) return undefined;
    const source = openFileSource(path);
    if (this.#checked.has(id) || (await this.#isWhole(source, { size, sha256 }))) {
      this.#checked.add(id);
      const now = new Date();
      attempt(() => fs.utimesSync(path, now, now));
      return source;
    }
    await source.close();
    this.#deps.log.warn('The listing of an archive is damaged: it is made again', { backup: id });
    this.#remove(`${id}${SUFFIX}`);
    return undefined;
  }

  /**
   * As `open`, after making it where it is missing.
   *
   * @param openArchive opens the archive, without index, for all who wait: the one who asked first may be gone, and has closed
   * what it opened itself, while it is read. Closed once it was read.
   * @throws Failure `archive_damaged` when the archive is not the recorded one; `cancelled`.
   */
  async openOrMake(record: Listed, openArchive: OpenArchive, signal: AbortSignal): Promise<ByteSource | undefined> {
    const found = await this.open(record);
    if (found !== undefined || this.isSettled(record)) return found;
    const isMade = await this.#making.run({ group: record.id, key: '' }, signal, async (shared) => {
      const stored = await openArchive(shared);
      try {
        return await this.#make(record, stored.request, shared);
      } finally {
        await stored.close();
      }
    });
    return isMade ? this.open(record) : undefined;
  }

  async #isWhole(source: ByteSource, expected: { readonly size: number; readonly sha256: string }): Promise<boolean> {
    try {
      return (await checkedListing(source, expected)) !== undefined;
    } catch (error) {
      await source.close();
      throw error;
    }
  }

  /** Removes those of backups that are gone. @param isKept true for a backup that is still there. */
  sweep(isKept: (id: BackupId) => boolean): void {
    for (const { id, name } of this.#files()) if (!isKept(id)) this.#remove(name);
    for (const id of this.#refused) if (!isKept(id)) this.#refused.delete(id);
  }

  /** False when there is none to be had; a full disk is no fault of a look. */
  async #make({ id, size, sha256 }: Listed, request: OpenRequest, signal: AbortSignal): Promise<boolean> {
    if (sha256 === null) return false;
    const expected = { size, sha256 };
    const bytes = await this.#deps.archive.listArchive({ source: request, expected, workers: 1, nice: NICE, signal });
    if (bytes === undefined) {
      this.#refused.add(id);
      return false;
    }
    try {
      return this.#keep(id, bytes);
    } catch (error) {
      this.#deps.log.warn('Cannot keep the listing of an archive', { backup: id, error: asFailure(error, 'Cannot') });
      return false;
    }
  }

  #keep(id: BackupId, bytes: Uint8Array): boolean {
    const { directory } = this.#deps;
    fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#makeRoom(bytes.byteLength);
    const { bavail, bsize } = fs.statfsSync(directory);
    if (bavail * bsize < bytes.byteLength + KEEP_FREE) return false;
    const unfinished = join(directory, `${id}${UNFINISHED}`);
    try {
      fs.writeFileSync(unfinished, bytes, { mode: 0o600, flush: true });
      fs.renameSync(unfinished, this.#path(id));
    } catch (error) {
      fs.rmSync(unfinished, { force: true });
      throw error;
    }
    return true;
  }

  #makeRoom(bytes: number): void {
    let kept = this.bytes();
    for (const { name, size } of this.#files().sort((left, right) => left.usedAt - right.usedAt)) {
      if (kept + bytes <= MOST_BYTES) return;
      this.#remove(name);
      kept -= size;
    }
  }

  #files(): { readonly id: BackupId; readonly name: string; readonly size: number; readonly usedAt: number }[] {
    return this.#names().flatMap((name) => {
      const stat = attempt(() => fs.lstatSync(join(this.#deps.directory, name)));
      if (stat === undefined || !name.endsWith(SUFFIX)) return [];
      const id = name.slice(0, -SUFFIX.length) as BackupId;
      return [{ id, name, size: stat.size, usedAt: stat.mtimeMs }];
    });
  }

  #names(): string[] {
    try {
      return fs.readdirSync(this.#deps.directory);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return [];
      throw asFailure(error, 'Cannot read the listings of archives');
    }
  }

  #path(id: BackupId): string {
    return join(this.#deps.directory, `${id}${SUFFIX}`);
  }

  #remove(name: string): void {
    this.#checked.delete(name.slice(0, -SUFFIX.length) as BackupId);
    fs.rmSync(join(this.#deps.directory, name), { force: true });
  }
}
