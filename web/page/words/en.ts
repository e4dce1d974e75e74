/** The page's sentences in English; another language is another file of the same type. */
import type { Job } from '../api/shapes.ts';
import { bytes, coarse, count, counted, moment } from './format.ts';

type JobWords = Readonly<Record<Job['kind'], string>>;
const KINDS: JobWords = { backup: 'backup', restore: 'restore', verify: 'verification', delete: 'deletion' };
const RUNNING: JobWords = { backup: 'Backing up', restore: 'Restoring', verify: 'Verifying', delete: 'Deleting' };

export const en = {
  /** Of servers that need somebody, of all, and of those that need nobody only because their first backup is being made. */
  headline: (some: number, all: number, first = 0) => {
    if (some === 0 && first > 0) {
      if (all === 1) return 'The first backup of the server is being made';
      return `The first ${first === 1 ? 'backup' : 'backups'} of ${counted(first, 'server')} ${first === 1 ? 'is' : 'are'} being made`;
    }
    if (all === 1) return some === 0 ? 'The server is protected' : 'The server needs you';
    if (some === 0) return all === 2 ? 'Both servers are protected' : `All ${count(all)} servers are protected`;
    return `${count(some)} of ${counted(all, 'server')} ${some === 1 ? 'needs' : 'need'} you`;
  },
  goodLately: (good: number, all: number) => {
    if (all === 1) return `${good === 1 ? 'It has a' : 'It has no'} good backup from the last 24 hours.`;
    return `${good === 0 ? 'None' : count(good)} ${good <= 1 ? 'has' : 'have'} a good backup from the last 24 hours.`;
  },
  live: { same: 'same now', changed: 'changed', gone: 'gone now' },
  twin: 'reads as a name above, with other bytes: it comes with the folder that it is in',
  tooLargeToShow: (size: number) =>
    `It has ${bytes(size)}; what is larger than 1 MiB is not shown here. Download it to look into it.`,
  notShown: 'It is neither text nor a picture that is shown here. Download it to look into it.',
  noServers: 'No server yet',
  noServersHint: 'Directories that are named by a UUID in the root of the config (servers.root) appear here.',
  protected: 'Protected',
  suspended: 'Suspended',
  never: 'Never backed up',
  failing: (times: number) => (times > 1 ? `Failing ×${count(times)}` : 'Failing'),
  lateBy: (ms: number) => `Late by ${coarse(ms)}`,
  damaged: 'Damaged',
  suspect: 'Suspect',
  noDirectory: 'No directory',
  waiting: (position: number | undefined) => (position === undefined ? 'Waiting' : `Waiting, place ${count(position)}`),
  running: ({ kind, undo }: Pick<Job, 'kind' | 'undo'>) => (undo === true ? 'Undoing a restore' : RUNNING[kind]),
  kindOf: ({ kind, undo, copy }: Pick<Job, 'kind' | 'undo' | 'copy'>) =>
    undo === true ? 'undo of a restore' : copy === undefined ? KINDS[kind] : `${KINDS[kind]} of the copy in ${copy}`,
  /** A job that has just ended, for those who hear the page. */
  ended: ({ kind, undo }: { readonly kind: Job['kind']; readonly undo?: boolean }, what: string) => {
    const name = undo === true ? 'undo' : KINDS[kind];
    return `${name.charAt(0).toUpperCase()}${name.slice(1)} ${what}`;
  },
  /** The page is not told whether the config has a power driver. */
  stops:
    'Where the config has a power driver, a running server is stopped for it and started again; without one, stop it first.',
  kindsMany: { backup: 'Backups', restore: 'Restores', verify: 'Verifications', delete: 'Deletions' },
  states: { queued: 'waiting', running: 'running', done: 'done', failed: 'failed', cancelled: 'cancelled' },
  origins: {
    schedule: 'scheduled',
    panel: 'by the panel',
    retention: 'by retention',
    verification: 'by verification',
    token: 'by hand',
  },
  reports: { backup: 'The backup of', restore: 'The restore of', deletion: 'The deletion of a backup of' },
  lost: (lastHeard: string, seconds: number) =>
    `Not connected, last heard ${lastHeard}, trying again in ${count(Math.max(0, seconds))} s`,
  full: (at: string, now: number) => `full ${moment(at, now)}`,
  grows: (perDay: number) => (perDay > 0 ? `grows ${bytes(perDay)} a day` : 'does not grow'),
  keeps: {
    no_rules: 'nothing is removed',
    not_completed: 'not complete',
    locked: 'locked',
    busy: 'in use',
    newest_good: 'newest good',
    newest: 'newest',
    future_dated: 'dated in the future',
    last: 'among the last',
    days: 'recent',
    daily: 'daily',
    weekly: 'weekly',
    monthly: 'monthly',
  } as Readonly<Record<string, string>>,
} as const;
