import type { Accepted, BackupView } from '../../jobs/contract.ts';
import type { AppContext, DialectDeps } from '../dialect.ts';

/** True when the request prefers an answer at once (RFC 7240: `Prefer: respond-async`, among others, in any case). */
function prefersAsync(c: AppContext): boolean {
  const wanted = (c.req.header('prefer') ?? '').split(',').some((preference) => {
    const [name = ''] = preference.split(';');
    return name.trim().toLowerCase() === 'respond-async';
  });
  if (wanted) c.header('Preference-Applied', 'respond-async');
  return wanted;
}

/**
 * Waits for a job, or not, as the request prefers. The job goes on when the caller hangs up or does not wait.
 *
 * @returns the final state, or undefined when the caller prefers not to wait.
 * @throws the job's own Failure when it failed or was cancelled.
 */
export async function endOf(c: AppContext, accepted: Accepted): Promise<BackupView | undefined> {
  c.set('job', accepted.job);
  if (!prefersAsync(c)) return accepted.ended;
  // Nobody waits: its failure is in the record and the events, and must not end the process as an unhandled one.
  accepted.ended.catch(() => undefined);
  return undefined;
}

/**
 * A URL of this node. Relative, as panels that put their own host before it expect, unless the operator told the
 * node its public address.
 */
export function ownUrl(ports: DialectDeps, path: string): string {
  return `${ports.publicUrl ?? ''}${path}`;
}

/** The backup's own address, for `Location`. */
export function backupUrl(ports: DialectDeps, view: BackupView): string {
  return ownUrl(ports, `/api/servers/${view.server}/backups/${view.id}`);
}
