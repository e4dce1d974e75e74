/**
 * Restores archives that are not on the node: a panel keeps them in object storage and sends a link.
 *
 * The archive is downloaded whole into a spool in the state directory, where no server can reach it, and verified there
 * before the server is touched. The link gives access to the archive, so it is kept in memory only: no row, event or log
 * line contains it. A restore whose download was cut short by the end of the daemon ends as `interrupted`.
 *
 *   1 download     crash: the next start removes the file
 *   2 restore      reads the spool; once the swap plan is stored it no longer needs it
 *   3 removal      when reading has ended, however the restore ended
 */
import { type FileHandle, mkdir, open, readdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { MEBIBYTE } from '../../base/sizes.ts';
import { openFileSource } from '../../base/files/file-source.ts';
import type { Clock } from '../../base/clock.ts';
import { asFailure, Failure, throwIfAborted } from '../../base/failure.ts';
import type { JobId, ServerId } from '../../base/ids.ts';
import type { Log } from '../../base/log/log.ts';
import { Pace } from '../../base/rates.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { BackupRecord, JobRecord } from '../../catalogue/records.ts';
import type { Config } from '../../config/types.ts';
import { outOfSpace } from '../../policy/limits.ts';
import type { DownloadTarget, GuardedDownload } from '../../storage/guarded/download.ts';
import { objectKey } from '../../storage/key.ts';
import type { FreeSpace } from '../../storage/store.ts';
import type { AdoptOnDemand } from '../adopt/on-demand.ts';
import type { FetchedArchive, FetchWatch, RestoreDeps } from './deps.ts';
import { SpaceGuard } from '../stored/space-guard.ts';

const DOING = 'Cannot fetch the backup';
/** Directory name below the state directory. */
const SPOOL = 'spool';

export interface RestoreDownloadsDeps {
  readonly download: Pick<GuardedDownload, 'check' | 'fetch'>;
  readonly config: Pick<Config, 'limits' | 'stateDirectory'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Removes spool files of a killed run. Call once, before any job runs. Never rejects. */
export async function sweepSpool({ stateDirectory }: Pick<Config, 'stateDirectory'>, log: Log): Promise<void> {
  const directory = join(stateDirectory, SPOOL);
  const names = await readdir(directory).catch(() => []);
  for (const name of names) await removeFile(join(directory, name), log);
}

interface Fetching {
  readonly server: ServerId;
  readonly signal: AbortSignal;
  readonly watch: FetchWatch;
}

export class RestoreDownloads {
  readonly #deps: RestoreDownloadsDeps;
  readonly #directory: string;
  readonly #links = new Map<JobId, string>();

  constructor(deps: RestoreDownloadsDeps) {
    this.#deps = deps;
    this.#directory = join(deps.config.stateDirectory, SPOOL);
  }

  /** @throws Failure `invalid_request` for a link that is not allowed. */
  check(link: string): Promise<void> {
    return this.#deps.download.check(link);
  }

  /**
   * Calls `submit`, which submits the job. The link is known to `fetch` from before the call until the job has ended or
   * `submit` has thrown.
   */
  withLink<Submitted extends { readonly ended: Promise<unknown> }>(
    job: JobId,
    link: string,
    submit: () => Submitted,
  ): Submitted {
    const forget = (): void => void this.#links.delete(job);
    this.#links.set(job, link);
    try {
      const submitted = submit();
      submitted.ended.then(forget, forget);
      return submitted;
    } catch (error) {
      forget();
      throw error;
    }
  }

  /**
   * Downloads the archive of a job. On failure the spool file is removed.
   *
   * @throws Failure as `GuardedDownload.fetch`; `insufficient_storage` when it does not fit above the reserve;
   *   `interrupted` when the link is no longer known.
   */
  async fetch({ id, server }: JobRecord, signal: AbortSignal, watch: FetchWatch): Promise<FetchedArchive> {
    const link = this.#links.get(id);
    if (link === undefined) throw linkIsGone();
    const path = join(this.#directory, `${id}.tar.gz`);
    try {
      const size = await this.#spool(path, link, { server, signal, watch });
      const archive = openFileSource(path);
      const close = async (): Promise<void> => {
        await archive.close();
        await removeFile(path, this.#deps.log);
      };
      // The content size is unknown until the archive is read; start progress with the archive size.
      return { source: { archive }, expected: null, rawSize: size, files: 0, entries: 0, ignore: [], close };
    } catch (error) {
      await removeFile(path, this.#deps.log);
      throwIfAborted(signal, DOING);
      throw asFailure(error, DOING);
    }
  }

  async #spool(path: string, link: string, fetching: Fetching): Promise<number> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const file = await open(path, 'wx', 0o600);
    try {
      const size = await this.#deps.download.fetch(link, this.#target(file, fetching), fetching.signal);
      // The object may have been replaced by a shorter one during the download.
      await file.truncate(size);
      return size;
    } finally {
      await file.close();
    }
  }

  #target(file: FileHandle, { server, signal, watch }: Fetching): DownloadTarget {
    const { config, clock } = this.#deps;
    const { limits } = config;
    const guard = new SpaceGuard({ freeSpace: () => this.#freeSpace() }, () => limits.reserveFree, clock);
    const pace = new Pace(
      clock,
      () => watch.writeRate() * MEBIBYTE,
      () => throwIfAborted(signal, DOING),
    );
    let total: number | null = null;
    /** End of the file so far; rewriting bytes below it needs no further space. */
    let end = 0;
    return {
      maxBytes: limits.servers[server]?.maxSize ?? limits.maxSize,
      expect: async (size) => {
        total = size;
        const { bytes: free } = await this.#freeSpace();
        const needed = (size ?? 0) - end;
        if (needed > free - limits.reserveFree) throw outOfSpace(DOING, free, limits.reserveFree, needed);
      },
      write: async (bytes, offset) => {
        const done = offset + bytes.byteLength;
        await guard.admit(Math.max(0, done - end));
        await pace.take(bytes.byteLength);
        await writeAll(file, bytes, offset);
        end = Math.max(end, done);
        watch.progress(done, total ?? done);
      },
    };
  }

  async #freeSpace(): Promise<FreeSpace> {
    const { bavail, bsize, ffree } = await statfs(this.#directory);
    return { bytes: bavail * bsize, inodes: ffree };
  }
}

/** Never rejects; the next start removes what remains. */
async function removeFile(path: string, log: Log): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    log.warn('Cannot remove a fetched archive from the spool', { path, error });
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength;) {
    try {
      const { bytesWritten } = await file.write(bytes, done, bytes.byteLength - done, offset + done);
      done += bytesWritten;
    } catch (error) {
      throw asFailure(error, DOING);
    }
  }
}

/** Step 1 of a restore: downloads from the link of the request, or opens the archive in its store, adopting it first. */
export function fetchArchive(
  fromStores: RestoreDeps['fetch'],
  downloads: Pick<RestoreDownloads, 'fetch'> | undefined,
  adoption?: Pick<AdoptOnDemand, 'adopt'>,
): RestoreDeps['fetch'] {
  return async (job, signal, watch) => {
    const { server, backup, request } = job;
    if (request.download === true && downloads !== undefined) return downloads.fetch(job, signal, watch);
    if (request.claim === true) {
      // A large one takes long to read, and a job that comes no further is taken for stalled.
      await adoption?.adopt(server, backup, signal, ({ bytesDone, bytesTotal }) =>
        watch.progress(bytesDone, bytesTotal),
      );
    }
    return fromStores(job, signal, watch);
  };
}

/** The backup that a job is about; of one that has no row, or none yet, what is known: whose it is, and its id. */
export function backupOf(job: JobRecord, { backups }: Pick<Catalogue, 'backups'>): BackupRecord {
  const { server, backup, createdAt: now } = job;
  if (job.kind !== 'restore' || (job.request.download !== true && job.request.claim !== true))
    return backups.get(backup);
  const nothing = { size: 0, rawSize: 0, files: 0, entries: 0, reusedBytes: 0, sha256: null, ignore: [], error: null };
  return (
    backups.find(backup) ?? {
      id: backup,
      server,
      name: 'Backup of the panel',
      status: 'COMPLETED',
      locked: false,
      store: 'panel',
      key: objectKey(server, backup, 'tar.gz'),
      ...nothing,
      warnings: [],
      warningCount: 0,
      damagedAt: null,
      verifiedAt: null,
      sequence: 0,
      suspect: null,
      acceptedAt: null,
      indexSha256: null,
      removing: false,
      createdAt: now,
      updatedAt: now,
      completedAt: now,
    }
  );
}

function linkIsGone(): Failure {
  return new Failure('interrupted', `${DOING}: its link was known to an earlier run of the daemon alone`, {
    hint: 'Restore again from the panel, which makes a new link.',
    retry: true,
  });
}
