/** The doctor's look at what the panel is owed. */
import { type Clock, HOUR_MS } from '../../base/clock.ts';
import type { CatalogueFacts } from '../../catalogue/inspect.ts';
import type { Config } from '../../config/config.ts';
import { fine, warning, type Finding } from './finding.ts';

/** A panel that is restarted or updated is back within this. */
const LATE_MS = HOUR_MS;

export function checkReports(
  { panel }: Pick<Config, 'panel'>,
  catalogue: CatalogueFacts | undefined,
  clock: Clock,
): Finding[] {
  const owed = catalogue?.deliveries;
  if (owed === undefined || (panel.connection === null && owed.pending + owed.parked === 0)) return [];
  const why = owed.reason === null ? '' : `: ${owed.reason}`;
  if (owed.parked > 0) {
    const hint = 'See "roost panel reports"; mend what it says, then "roost panel retry", or "roost panel drop ID".';
    return [warning('panel', `The panel refused ${reports(owed.parked)}${why}`, hint)];
  }
  if (owed.oldest !== null && clock.now() - owed.oldest > LATE_MS) {
    const since = new Date(owed.oldest).toISOString();
    const hint = 'They are tried again by themselves. Does this host reach panel.url, and does the node’s token fit?';
    return [warning('panel', `The panel is owed ${reports(owed.pending)}, the first since ${since}${why}`, hint)];
  }
  return [
    fine(
      'panel',
      owed.pending === 0 ? 'The panel has been told everything' : `The panel is owed ${reports(owed.pending)}`,
    ),
  ];
}

function reports(count: number): string {
  return count === 1 ? 'a report' : `${count} reports`;
}
