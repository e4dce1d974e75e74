import type { JobId } from '../../base/ids.ts';
import type { Accepted, BackupView } from '../../jobs/contract.ts';
import type { AppContext, DialectDeps } from '../dialect.ts';

/**
 * True when the request prefers an immediate answer (RFC 7240: `Prefer: respond-async`, in any case, perhaps among
 * others).
 */
function prefersAsync(c: AppContext): boolean {
  const wanted = (c.req.header('prefer') ?? '').split(',').some((preference) => {
    const [name = ''] = preference.split(';');
    return name.trim().toLowerCase() === 'respond-async';
  });
  if (wanted) c.header('Preference-Applied', 'respond-async');
  return wanted;
}

/**
 * Waits for a job, unless the request prefers not to. The job goes on when the caller hangs up.
 *
 * @returns the final state, or undefined when the caller does not wait.
 * @throws the job's own Failure when it failed or was cancelled.
 */
export async function endOf(c: AppContext, accepted: Accepted): Promise<BackupView | undefined> {
  c.set('job', accepted.job);
  if (!prefersAsync(c)) return accepted.ended;
  // Not awaited: the failure is in the record and the events, and must not be an unhandled rejection.
  accepted.ended.catch(() => undefined);
  return undefined;
}

/** A URL of this node; relative without `api.public_url`, since panels put their own host before it. */
export function ownUrl(ports: DialectDeps, path: string): string {
  return `${ports.publicUrl ?? ''}${path}`;
}

export function jobUrl(ports: DialectDeps, job: JobId): string {
  return ownUrl(ports, `/api/jobs/${job}`);
}

export function backupUrl(ports: DialectDeps, view: BackupView): string {
  return ownUrl(ports, `/api/servers/${view.server}/backups/${view.id}`);
}
