/** Checks jobs: those that hang, and servers that could not be kept still while they were read. */
import { HOUR_MS } from '../../base/clock.ts';
import { fine, type Finding, warning } from '../../base/finding.ts';
import { listed } from './listed.ts';

/** A job without progress for this long may hang; even deep trees of tiny files move within it. */
const STUCK_MS = HOUR_MS;

export interface CheckedJob {
  readonly id: string;
  readonly kind: string;
  readonly server: string;
  readonly state: string;
  readonly phase: string;
  readonly bytesPerSecond: number;
  /** Ms since the epoch. */
  readonly startedAt: number | null;
}

export function checkJobs(jobs: readonly CheckedJob[], now: number): Finding[] {
  const running = jobs.filter(({ state }) => state === 'running');
  const stuck = running.filter(
    ({ startedAt, bytesPerSecond }) => now - (startedAt ?? now) > STUCK_MS && bytesPerSecond === 0,
  );
  if (stuck.length === 0) {
    const waiting = jobs.filter(({ state }) => state === 'queued').length;
    return [fine('jobs', `${running.length} running, ${waiting} waiting`)];
  }
  return stuck.map(({ id, kind, server, phase }) => {
    const hint = `Is a disk or the network hanging? "roost backup cancel ${server} BACKUP" ends it.`;
    return warning('jobs', `The ${kind} job ${id} has made no progress for long (${phase})`, hint);
  });
}

/** @param unquiesced servers that may have written while their newest backup was read: `not_quiesced`. */
export function checkHooks(unquiesced: readonly string[]): Finding[] {
  if (unquiesced.length === 0) return [];
  const servers = unquiesced.length === 1 ? '1 server' : `${unquiesced.length} servers`;
  const which = listed(unquiesced, (id) => id);
  const hint =
    `"roost backup show ${unquiesced[0] ?? 'SERVER'} latest" tells why: ` +
    'power.prepare or power.resume failed, or it was started or stopped meanwhile.';
  return [warning('power', `${servers} could not be kept still during the last backup: ${which}`, hint)];
}
