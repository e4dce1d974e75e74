/** The page's sentences in English; another language is another file of the same type. */
import { bytes, coarse, count, counted, moment } from './format.ts';

export const en = {
  needs: (some: number, all: number) =>
    some === 0 ? `All ${counted(all, 'server')} protected` : `${count(some)} of ${counted(all, 'server')} need you`,
  oneNeeds: (all: number) => `1 of ${counted(all, 'server')} needs you`,
  goodLately: (good: number) => `${count(good)} have a good backup from the last 24 hours.`,
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
  running: { backup: 'Backing up', restore: 'Restoring', verify: 'Verifying', delete: 'Deleting' },
  kinds: { backup: 'backup', restore: 'restore', verify: 'verification', delete: 'deletion' },
  states: { queued: 'waiting', running: 'running', done: 'done', failed: 'failed', cancelled: 'cancelled' },
  origins: {
    schedule: 'scheduled',
    panel: 'by the panel',
    retention: 'by retention',
    verification: 'by verification',
    token: 'by hand',
  },
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
