/** Lists what is wrong at a server, the worst first, each as a sentence with a hint. Pure. */
import { isoDate } from '../../base/clock.ts';
import type { BackupsOverview } from '../../catalogue/contract.ts';
import type { Problem } from '../contract.ts';

export interface ServerFacts {
  readonly counts: BackupsOverview;
  /** False when the server's directory is gone and only backups are left. */
  readonly directory: boolean;
  readonly suspended: boolean;
  /** As in `ServerOverview`. */
  readonly lateSeconds: number | null;
  /** Whether a backup of it is queued or runs. */
  readonly running: boolean;
}

export function problemsOf({ counts, directory, suspended, lateSeconds, running }: ServerFacts): readonly Problem[] {
  const { lastFailure, newest, states } = counts;
  const problems: Problem[] = [];
  if (!directory) {
    problems.push({
      code: 'no_directory',
      message: 'The server has no directory; only backups of it are left',
      hint: 'Restore one to make the directory again, or give the server up.',
    });
  }
  if (lastFailure !== null) {
    const { failures, error, id, createdAt } = lastFailure;
    const times = failures === 1 ? 'The last backup failed' : `The last ${failures} backups failed`;
    const message = `${times}: ${error?.message ?? 'no reason is known'}`;
    problems.push({ code: 'failing', message, hint: error?.hint, backup: id, since: createdAt });
  }
  if (states.damaged > 0) {
    const message = states.damaged === 1 ? 'One backup is damaged' : `${states.damaged} backups are damaged`;
    problems.push({ code: 'damaged', message, hint: 'Verify it again, then delete what stays damaged.' });
  }
  if (!suspended && directory && newest === null && !running) {
    problems.push({ code: 'never', message: 'There is no good backup of the server', hint: 'Make one now.' });
  }
  if (!suspended && directory && newest !== null && lateSeconds !== null && lateSeconds > 0) {
    const message = `The newest good backup is of ${isoDate(newest.createdAt)}, which is later than planned`;
    const hint = 'Look at its schedule, or make a backup now.';
    problems.push({ code: 'late', message, hint, backup: newest.id, since: newest.createdAt });
  }
  if (states.suspect > 0) {
    const [message, hint] =
      states.suspect === 1
        ? ['One backup holds less than is plausible', 'Look at it, then accept or delete it.']
        : [`${states.suspect} backups hold less than is plausible`, 'Look at them, then accept or delete them.'];
    problems.push({ code: 'suspect', message, hint });
  }
  return problems;
}
