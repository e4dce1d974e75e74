/**
 * The order in which waiting jobs start: restores before backups before verifications, first in first out among
 * equals. A job whose locks are held is passed over, but no job behind it may take the locks that it waits for. A restore
 * that begins with a backup keeps its place behind that backup.
 *
 * In memory only: the rows in the catalogue are what survives a restart.
 */
import type { JobId } from '../../base/ids.ts';
import type { JobKind } from '../../catalogue/records.ts';

/** A restore goes first, because its server is down until it ends; a verification can always wait. */
const RANK: Readonly<Record<JobKind, number>> = { delete: 0, restore: 1, backup: 2, verify: 3 };

export interface WaitingJob {
  readonly id: JobId;
  readonly kind: JobKind;
  /** Names that must be free before it starts. */
  readonly locks: readonly string[];
  /** The lock of a backup that has to be made before it starts. */
  readonly after?: string | undefined;
}

/** True for jobs that count against `backups.concurrent`: a removal is a few unlinks and never waits for a slot. */
export function needsSlot(kind: JobKind): boolean {
  return kind !== 'delete';
}

export class JobQueue {
  readonly #waiting: WaitingJob[] = [];

  get length(): number {
    return this.#waiting.length;
  }

  add(job: WaitingJob): void {
    const behind = this.#waiting.findIndex((other) => RANK[other.kind] > RANK[job.kind]);
    const place = behind === -1 ? this.#waiting.length : behind;
    this.#waiting.splice(Math.max(place, this.#placeAfter(job)), 0, job);
  }

  /** False when the job does not wait. */
  remove(id: JobId): boolean {
    const at = this.#waiting.findIndex((job) => job.id === id);
    if (at === -1) return false;
    this.#waiting.splice(at, 1);
    return true;
  }

  /** 1 for the next to start; null when it does not wait. */
  position(id: JobId): number | null {
    const at = this.#waiting.findIndex((job) => job.id === id);
    return at === -1 ? null : at + 1;
  }

  /**
   * Takes out the first job that can start now.
   *
   * @param free true when all these locks are free.
   * @param slot false when `backups.concurrent` jobs run already.
   */
  takeNext(free: (locks: readonly string[]) => boolean, slot: boolean): WaitingJob | undefined {
    const spoken = new Set<string>();
    for (const [at, job] of this.#waiting.entries()) {
      const blocked = !free(job.locks) || job.locks.some((name) => spoken.has(name));
      if (!blocked && (slot || !needsSlot(job.kind))) {
        this.#waiting.splice(at, 1);
        return job;
      }
      for (const name of job.locks) spoken.add(name);
    }
    return undefined;
  }

  /** Everything that waits, in the order in which it would start. */
  waiting(): readonly WaitingJob[] {
    return Array.from(this.#waiting);
  }

  /** Behind the backup that the job has to wait for; 0 when that does not wait itself. */
  #placeAfter({ after }: WaitingJob): number {
    if (after === undefined) return 0;
    return this.#waiting.findLastIndex(({ kind, locks }) => kind === 'backup' && locks.includes(after)) + 1;
  }
}
