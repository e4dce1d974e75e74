/** Checks what is still to be done: copies in further stores, and reports to the panel. */
import { HOUR_MS } from '../../base/clock.ts';
import { countText } from '../../base/sizes.ts';
import { fine, type Finding, warning } from '../../base/finding.ts';

/** A restarted or updated panel is back within this time. */
const LATE_MS = HOUR_MS;

/** Empty when no copy has failed. */
export function checkCopies(catalogue: { readonly failedCopies: number } | undefined): Finding[] {
  if (catalogue === undefined || catalogue.failedCopies === 0) return [];
  const hint = 'They are tried again every hour. The backups in question tell the reason for each copy.';
  return [
    warning(
      'copies',
      `${countText(catalogue.failedCopies, 'copy', 'copies')} in further stores could not be made`,
      hint,
    ),
  ];
}

/** Reports that a panel is owed. Times are ms since the epoch. */
export interface OwedReports {
  readonly pending: number;
  readonly parked: number;
  readonly oldest: number | null;
  readonly reason: string | null;
}

/**
 * @param hasPanel whether the config names a panel now.
 * @param away why the panel took nothing when it was asked last.
 */
export function checkReports(
  hasPanel: boolean,
  owed: OwedReports | undefined,
  now: number,
  away?: { readonly message: string; readonly hint?: string | undefined },
): Finding[] {
  if (owed === undefined || (!hasPanel && owed.pending + owed.parked === 0)) return [];
  const why = owed.reason === null ? '' : `: ${owed.reason}`;
  if (owed.parked > 0) {
    const hint = 'See "roost panel reports"; mend what it says, then "roost panel retry", or "roost panel drop ID".';
    return [warning('panel', `The panel refused ${reports(owed.parked)}${why}`, hint)];
  }
  if (owed.oldest !== null && now - owed.oldest > LATE_MS) {
    const since = new Date(owed.oldest).toISOString();
    const hint = 'They are tried again by themselves. Does this host reach panel.url, and does the node’s token fit?';
    return [warning('panel', `The panel is owed ${reports(owed.pending)}, the first since ${since}${why}`, hint)];
  }
  if (away !== undefined) {
    const hint = 'Backups go on, and it is asked again by itself. Does this host reach panel.url?';
    return [warning('panel', `The panel took nothing when it was asked last: ${away.message}`, away.hint ?? hint)];
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
