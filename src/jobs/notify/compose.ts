/**
 * Makes messages of what occurred, and writes them for each channel that wants them.
 *
 *   1 the occurrence, by a trigger in the transaction that ends the job (migration "notices")
 *   2 one transaction { occurrences taken, conditions changed, notices written }     a crash before: done at the next start
 *   3 notifier.ts sends a notice and removes it                                      a crash between: sent twice
 */
import { type Clock, isoDate } from '../../base/clock.ts';
import { newJobId, type ServerId } from '../../base/ids.ts';
import { filesText, formatBytes } from '../../base/sizes.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { OccurrenceRecord } from '../../catalogue/notice-contract.ts';
import { type BackupRecord, isSuspect } from '../../catalogue/records.ts';
import type { Config, NoticeEvent } from '../../config/types.ts';
import { levelOf, type NoticeMessage, wants } from './message.ts';

export interface ComposeDeps {
  readonly catalogue: Pick<Catalogue, 'backups' | 'jobs' | 'notices' | 'transaction'>;
  readonly config: Pick<Config, 'notify'>;
  readonly clock: Pick<Clock, 'now'>;
  /** The name of this host. */
  readonly node: string;
  /** What people call a server. */
  readonly nameOf: (server: ServerId) => string;
}

/** A notification before it is written. */
export interface NewNotice {
  readonly event: NoticeEvent;
  readonly server: ServerId | null;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly backup?: string;
  readonly job?: string | null;
  readonly data?: NoticeMessage['data'];
  /** The server's last notification said the same: channels with `only_changes` pass over it. */
  readonly again?: boolean;
}

/** Writes one notice for each channel that wants it; in the caller's transaction, if there is one. */
export function writeNotices(notice: NewNotice, { catalogue, config, clock, node, nameOf }: ComposeDeps): void {
  const { event, server, again = false } = notice;
  const channels = config.notify.channels.filter((channel) => wants(channel, event, server));
  const message: NoticeMessage = {
    id: newJobId(),
    event,
    level: levelOf(event),
    time: isoDate(clock.now()),
    node,
    server: server === null ? null : { id: server, name: nameOf(server) },
    backup: notice.backup ?? null,
    job: notice.job ?? null,
    message: notice.message,
    hint: notice.hint ?? null,
    data: notice.data ?? {},
  };
  for (const { name, onlyChanges } of channels) {
    if (!(onlyChanges && again)) catalogue.notices.insert(name, message);
  }
}

/** Turns stored occurrences into notifications, each batch in one transaction. @throws what the catalogue throws. */
export function composeNotices(deps: ComposeDeps): void {
  for (;;) {
    const taken = deps.catalogue.transaction(() => {
      const occurrences = deps.catalogue.notices.take();
      for (const occurrence of occurrences) {
        for (const notice of noticesOf(occurrence, deps)) writeNotices(notice, deps);
      }
      return occurrences.length;
    });
    if (taken === 0) return;
  }
}

/** The conditions of a server: how its last backup ended, and whether a notification of its age was sent. */
export const outcomeOf = (server: string): string => `outcome:${server}`;
export const ageOf = (server: string): string => `age:${server}`;

function noticesOf(occurrence: OccurrenceRecord, deps: ComposeDeps): NewNotice[] {
  const { kind, state, server, backup, job, error } = occurrence;
  const about = { server, backup, job };
  const name = deps.nameOf(server);
  const code: NewNotice['data'] = error === null ? {} : { code: error.code };
  if (kind === 'damage') {
    const message = `A backup of ${name} is damaged`;
    const hint = 'Restore another one. If the store was repaired, verify it again; else delete it.';
    return [{ ...about, event: 'backup.damaged', message, hint }];
  }
  const reason = error?.message ?? 'no reason is known';
  if (kind === 'restore') {
    if (state === 'cancelled') return [];
    const what = isUndo(occurrence, deps) ? 'undo of a restore' : 'restore';
    if (state === 'done') {
      const message = what === 'restore' ? `${name} was restored` : `A restore of ${name} was undone`;
      return [{ ...about, event: 'restore.completed', message }];
    }
    const message = `${what === 'restore' ? 'A' : 'An'} ${what} of ${name} failed: ${reason}`;
    return [{ ...about, event: 'restore.failed', message, hint: error?.hint, data: code }];
  }
  if (state === 'cancelled') {
    return [{ ...about, event: 'backup.cancelled', message: `A backup of ${name} was cancelled` }];
  }
  return state === 'done' ? completed(occurrence, deps) : failed(occurrence, reason, code, deps);
}

/** The job is remembered for as long as it is told of: jobs that have ended stay for days. */
function isUndo({ job }: OccurrenceRecord, { catalogue }: ComposeDeps): boolean {
  const record = job === null ? undefined : catalogue.jobs.find(job);
  return record?.kind === 'restore' && record.request.undo === true;
}

function failed(
  { server, backup, job, error }: OccurrenceRecord,
  reason: string,
  data: NonNullable<NewNotice['data']>,
  { catalogue, nameOf }: ComposeDeps,
): NewNotice[] {
  const again = catalogue.notices.condition(outcomeOf(server))?.state === 'failed';
  catalogue.notices.setCondition(outcomeOf(server), 'failed');
  const message = `A backup of ${nameOf(server)} failed: ${reason}`;
  return [{ event: 'backup.failed', server, backup, job, message, hint: error?.hint, data, again }];
}

function completed({ server, backup, job }: OccurrenceRecord, deps: ComposeDeps): NewNotice[] {
  const { notices, backups } = deps.catalogue;
  const name = deps.nameOf(server);
  const record = backups.find(backup);
  if (record !== undefined && isSuspect(record)) {
    const message = `A backup of ${name} is suspect: ${record.suspect?.message ?? ''}`;
    const hint = 'Mend the source; or take it for good by "roost backup accept".';
    return [{ event: 'backup.suspect', server, backup, job, message, hint, data: numbersOf(record) }];
  }
  const was = [notices.condition(outcomeOf(server)), notices.condition(ageOf(server))];
  const recovers = was.some((condition) => condition?.state === 'failed' || condition?.state === 'overdue');
  notices.setCondition(outcomeOf(server), 'ok');
  if (was[1]?.state === 'overdue') notices.setCondition(ageOf(server), 'ok');
  const size = record === undefined ? '' : `: ${filesText(record.files)}, ${formatBytes(record.size)}`;
  const done = { server, backup, job, data: record === undefined ? {} : numbersOf(record) };
  const made: NewNotice[] = [
    { ...done, event: 'backup.completed', message: `A backup of ${name} is complete${size}`, again: true },
  ];
  if (recovers) made.push({ ...done, event: 'server.recovered', message: `${name} has a good backup again${size}` });
  return made;
}

function numbersOf({ size, rawSize, files, warningCount }: BackupRecord): NonNullable<NewNotice['data']> {
  return { size, rawSize, files, warningCount };
}
