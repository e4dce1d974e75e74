/** What is wrong with the protection of servers, as findings: overdue, failing, never backed up, without a schedule. */
import { HOUR_MS, DAY_MS } from '../../base/clock.ts';
import { countText } from '../../base/sizes.ts';
import { fault, type Finding, fine, warning } from '../../base/finding.ts';
import { listed } from './listed.ts';
import {
  judgeProtection,
  type Protection,
  type ProtectionItem,
  type ProtectionSchedule,
  ScheduleTimes,
} from './protection.ts';

export interface ProtectedServers {
  /** Servers that can be backed up, suspended ones excluded. */
  readonly servers: readonly string[];
  readonly histories: ReadonlyMap<string, readonly ProtectionItem[]>;
  readonly schedules: readonly ProtectionSchedule[];
  /** True where a panel asks for backups by a schedule of its own. */
  readonly panel: boolean;
}

type Judged = readonly [server: string, protection: Protection];

/** @param now ms since the epoch. */
export function checkProtection({ servers, histories, schedules, panel }: ProtectedServers, now: number): Finding[] {
  if (servers.length === 0) return [];
  const times = new ScheduleTimes(schedules, now);
  const judged = servers.map((id): Judged => [id, judgeProtection(histories.get(id) ?? [], times.of(id), now)]);
  const inState = (state: Protection['state']): Judged[] =>
    judged.filter(([, protection]) => protection.state === state);
  const overdue = inState('overdue');
  const failing = judged.filter(([, { state, lastFailure }]) => state !== 'overdue' && lastFailure !== undefined);
  const untold = inState('never').filter(([, { lastFailure }]) => lastFailure === undefined);
  const findings = [
    ...overdueOnes(overdue, now),
    ...failingOnes(failing),
    ...neverOnes(untold),
    ...(panel ? [] : unscheduledOnes(inState('unscheduled'))),
  ];
  if (findings.length > 0) return findings;
  const good = judged.filter(([, { lastGood }]) => lastGood !== undefined).length;
  return [
    fine(
      'protection',
      `${good} of ${countText(servers.length, 'server')} ${good === 1 ? 'has' : 'have'} a good backup, none is overdue`,
    ),
  ];
}

function overdueOnes(found: readonly Judged[], now: number): Finding[] {
  if (found.length === 0) return [];
  const which = listed(found, ([id, protection]) => `${id} (${ageOf(protection, now)}${reasonOf(protection)})`);
  const those = found.length === 1 ? '1 server is' : `${found.length} servers are`;
  const hint = hintOf(found) ?? '"roost backup create SERVER" shows what is in the way; the log tells of each refusal.';
  return [fault('protection', `${those} overdue, a scheduled time passed without a good backup: ${which}`, hint)];
}

function failingOnes(found: readonly Judged[]): Finding[] {
  if (found.length === 0) return [];
  const which = listed(found, ([id, protection]) => `${id}${reasonOf(protection)}`);
  const those = found.length === 1 ? 'The last backup of 1 server' : `The last backups of ${found.length} servers`;
  const hint = hintOf(found) ?? 'Mend what it says; "roost backup create SERVER" tries again.';
  return [warning('protection', `${those} failed: ${which}`, hint)];
}

function neverOnes(found: readonly Judged[]): Finding[] {
  if (found.length === 0) return [];
  const [first] = found;
  const which = listed(found, ([id]) => id);
  const next = Math.min(...found.map(([, { nextAt }]) => nextAt ?? Infinity));
  const when = next === Infinity ? '' : `, the first comes at ${new Date(next).toISOString()}`;
  const those = found.length === 1 ? '1 server has' : `${found.length} servers have`;
  const hint = `"roost backup create ${first?.[0] ?? 'SERVER'}" makes one now.`;
  return [warning('protection', `${those} no good backup yet${when}: ${which}`, hint)];
}

function unscheduledOnes(found: readonly Judged[]): Finding[] {
  if (found.length === 0) return [];
  const without = found.filter(([, { lastGood }]) => lastGood === undefined).length;
  const all = without === found.length ? ' and no good backup' : `, ${without} of them without a good backup`;
  const bare = without === 0 ? '' : all;
  const those = found.length === 1 ? '1 server has' : `${found.length} servers have`;
  const hint = 'Such as, in the config: schedules: [{ server: "*", cron: "0 4 * * *" }]';
  const which = listed(found, ([id]) => id);
  return [warning('schedule', `${those} no schedule${bare}: ${which}`, hint)];
}

function reasonOf({ lastFailure }: Protection): string {
  return lastFailure?.failure === undefined ? '' : `: ${lastFailure.failure.code}: ${lastFailure.failure.message}`;
}

function ageOf({ lastGood }: Protection, now: number): string {
  return lastGood === undefined ? 'never backed up' : `last good backup ${ageText(now - lastGood.createdAt)} ago`;
}

function hintOf(found: readonly Judged[]): string | undefined {
  return found.map(([, { lastFailure }]) => lastFailure?.failure?.hint).find((hint) => hint !== undefined);
}

/** `5 minutes`, `3 hours`, `2 days`: rounded down. */
export function ageText(milliseconds: number): string {
  if (milliseconds < HOUR_MS) return counted(milliseconds / 60_000, 'minute');
  return milliseconds < 2 * DAY_MS ? counted(milliseconds / HOUR_MS, 'hour') : counted(milliseconds / DAY_MS, 'day');
}

function counted(number: number, unit: string): string {
  const count = Math.max(0, Math.floor(number));
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
