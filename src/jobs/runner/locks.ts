/**
 * Exclusive locks by name, held by jobs. Nothing waits here: the queue asks for all names of a job at once and leaves
 * the job where it is when one is taken, so that no two jobs can wait for each other.
 */
import type { JobId } from '../../base/ids.ts';
import type { JobRecord } from '../../catalogue/records.ts';

/**
 * What a job holds while it runs. A backup and a restore own the server's directory; a verification or a removal only
 * the archive, and so runs beside a backup of the same server. A restore does not wait until a copy in a far store was
 * read: only a removal, which takes the copies away too, excludes that.
 */
export function locksOf(job: JobRecord | Pick<JobRecord, 'kind' | 'server' | 'backup'>): readonly string[] {
  const backup = lockOf(job.backup);
  const copies = `copies:${job.backup}`;
  if (job.kind === 'verify' && 'request' in job && job.request.copy !== undefined) return [copies];
  if (job.kind === 'delete') return [backup, copies];
  return job.kind === 'backup' || job.kind === 'restore' ? [`server:${job.server}`, backup] : [backup];
}

/** The lock of the backup that a restore begins with; undefined for a job that begins with none. */
export function backupBefore(job: JobRecord): string | undefined {
  return job.kind === 'restore' && job.request.after !== undefined ? lockOf(job.request.after) : undefined;
}

function lockOf(backup: string): string {
  return `backup:${backup}`;
}

export class Locks {
  readonly #holders = new Map<string, JobId>();

  /** True when every name is free. */
  free(names: readonly string[]): boolean {
    return names.every((name) => !this.#holders.has(name));
  }

  /** Takes all names or none; false when one of them is held. */
  take(names: readonly string[], holder: JobId): boolean {
    if (!this.free(names)) return false;
    for (const name of names) this.#holders.set(name, holder);
    return true;
  }

  /** Gives back all that the holder took. */
  release(holder: JobId): void {
    for (const [name, by] of this.#holders) if (by === holder) this.#holders.delete(name);
  }
}
