/** Checks what the catalogue says of the backups: damage, suspicion, impossible dates, servers at their limit. */
import type { Config } from '../../config/config.ts';
import { fault, fine, warning, type Finding } from '../../base/finding.ts';
import { isFuture } from '../order.ts';
import { judgeRetention, releasedOf, type RetentionItem } from '../retention.ts';
import { listed } from './listed.ts';

/** A backup as the catalogue knows it. */
export interface HistoryItem extends RetentionItem {
  readonly id: string;
  readonly suspect: boolean;
  /** Bytes of the archive. */
  readonly size: number;
}

/** All backups, by server. */
export interface Histories {
  readonly histories: ReadonlyMap<string, readonly HistoryItem[]>;
}

export function checkBackups(
  config: Pick<Config, 'limits' | 'retention' | 'schedules'>,
  catalogue: Histories | undefined,
  now: number,
): Finding[] {
  if (catalogue === undefined) return [];
  const all = [...catalogue.histories].flatMap(([server, history]) => history.map((backup) => ({ server, backup })));
  const findings = [
    ...damagedOnes(all.filter(({ backup }) => backup.damaged)),
    ...suspectOnes(all.filter(({ backup }) => backup.suspect && backup.status === 'COMPLETED')),
    ...futureOnes(all.filter(({ backup }) => isFuture(backup, now))),
    ...fullServers(config, catalogue, now),
  ];
  return findings.length > 0 ? findings : [fine('backups', 'None is damaged, suspect or dated in the future')];
}

type Named = readonly { readonly server: string; readonly backup: HistoryItem }[];

function damagedOnes(found: Named): Finding[] {
  if (found.length === 0) return [];
  const hint =
    'Restore other backups of these servers. If the store was repaired, "roost backup verify"; else delete them.';
  return [fault('backups', `${count(found.length, 'backup is', 'backups are')} damaged: ${names(found)}`, hint)];
}

function suspectOnes(found: Named): Finding[] {
  if (found.length === 0) return [];
  const hint =
    '"roost backup show" tells why. Mend the source; or take one for good by "roost backup accept", or delete it.';
  return [warning('backups', `${count(found.length, 'backup is', 'backups are')} suspect: ${names(found)}`, hint)];
}

function futureOnes(found: Named): Finding[] {
  if (found.length === 0) return [];
  const hint =
    'The clock was wrong when they were made. They are set aside: not "latest", and in no good one\'s place.';
  return [
    warning('backups', `${count(found.length, 'backup is', 'backups are')} dated in the future: ${names(found)}`, hint),
  ];
}

/** Servers whose next scheduled backup is refused, since the rules of retention cannot make room for it. */
function fullServers(
  { limits, retention, schedules }: Pick<Config, 'limits' | 'retention' | 'schedules'>,
  { histories }: Histories,
  now: number,
): Finding[] {
  const full: string[] = [];
  for (const [server, history] of histories) {
    if (!schedules.some((schedule) => schedule.server === '*' || schedule.server === server)) continue;
    const own = limits.servers[server];
    const perServer = own?.perServer ?? limits.perServer;
    const serverBytes = own?.serverBytes ?? limits.serverBytes;
    const released = new Set(releasedOf(judgeRetention(history, retention, now, true)));
    const left = history.filter((item) => !released.has(item) && item.status !== 'FAILED');
    const suspect = left.filter((item) => item.suspect).length;
    const used = left.reduce((sum, { size }) => sum + size, 0);
    const crowded = perServer > 0 && Math.max(left.length - suspect, suspect) >= perServer;
    if (crowded || (serverBytes > 0 && used >= serverBytes)) full.push(server);
  }
  if (full.length === 0) return [];
  const hint =
    'Set retention rules that keep fewer than limits.per_server, raise the limit, or delete or unlock backups of theirs.';
  const those = listed(full, (id) => id);
  const state = 'at its limit (limits.per_server, limits.server_bytes): scheduled backups are refused';
  return [fault('limits', `${count(full.length, 'server is', 'servers are')} ${state}: ${those}`, hint)];
}

function names(found: Named): string {
  return listed(found, ({ server, backup }) => `${backup.id} of ${server}`);
}

function count(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`;
}
