/**
 * The event socket: connects again with a growing pause, and reads everything once more after each connection, since
 * what happened in between was not heard.
 */
import { batch, signal } from '@preact/signals';
import type { Job } from '../api/shapes.ts';
import { addressOf } from './base.ts';
import { forget, may, secret } from './session.ts';
import { tellEnd } from './ended.ts';
import { words } from '../words/words.ts';
import { endJob, fillJob, jobOf, load, takeJob, takeSnapshot, touch, touchAll } from './state.ts';

export type Connection =
  | { readonly state: 'connecting' | 'live' }
  /** `retryAt` in ms; `lastHeard` in ms, 0 for never. */
  | { readonly state: 'lost'; readonly lastHeard: number; readonly retryAt: number };

export const connection = signal<Connection>({ state: 'connecting' });
/** What has just ended, for those who hear the page rather than see it. */
export const announced = signal('');

export interface Frame {
  readonly type: string;
  readonly server?: string;
  readonly backup?: string;
  readonly job?: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

const UNAUTHORIZED = 4401;
const PAUSES = [500, 1000, 2000, 4000, 8000];
const CHECK_MS = 5000;
/** The daemon says every 10 seconds that it is there; browsers do not tell a page of its pings. */
const SILENT_MS = 25_000;
/** For the first frame. */
const ANSWER_MS = 10_000;

let socket: WebSocket | undefined;
let tries = 0;
let retry: ReturnType<typeof setTimeout> | undefined;
let lastHeard = 0;
/** Until when a frame must have come, in ms. */
let deadline = 0;

export function connect(): void {
  close();
  if (secret.value === undefined) return;
  const address = addressOf('api/events');
  address.searchParams.set('with', may('node.read') ? 'alive,queue,stores' : 'alive,queue');
  address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
  const opened = new WebSocket(address);
  socket = opened;
  deadline = Date.now() + ANSWER_MS;
  opened.addEventListener('open', () => opened.send(JSON.stringify({ type: 'auth', token: secret.value })));
  opened.addEventListener('message', ({ data }: MessageEvent<string>) => {
    if (socket !== opened) return;
    lastHeard = Date.now();
    deadline = lastHeard + SILENT_MS;
    take(JSON.parse(data) as Frame);
  });
  opened.addEventListener('close', ({ code }) => {
    if (socket !== opened) return;
    socket = undefined;
    if (code === UNAUTHORIZED) return forget('Your session has ended. Sign in again.', false);
    again();
  });
}

function again(): void {
  const pause = PAUSES[Math.min(tries++, PAUSES.length - 1)] ?? 8000;
  connection.value = { state: 'lost', lastHeard, retryAt: Date.now() + pause };
  retry = setTimeout(connect, pause);
}

export function close(): void {
  clearTimeout(retry);
  const open = socket;
  socket = undefined;
  open?.close();
}

/** Tries at once, such as when the computer wakes up. */
function wake(): void {
  if (secret.value === undefined || document.visibilityState !== 'visible') return;
  if (connection.value.state === 'lost') connect();
}

globalThis.addEventListener('online', wake);
document.addEventListener('visibilitychange', wake);
// A connection may end without a word: its network is gone, or the computer was asleep.
setInterval(() => {
  if (socket === undefined || Date.now() <= deadline) return;
  close();
  again();
}, CHECK_MS);

const waiting = new Map<string, Frame>();

function take(frame: Frame): void {
  if (frame.type === 'alive') return;
  if (frame.type === 'snapshot') {
    tries = 0;
    waiting.clear();
    // The first one of a page tells of nothing that was missed.
    if (connection.peek().state !== 'connecting') touchAll();
    connection.value = { state: 'live' };
    takeSnapshot((frame.data?.['jobs'] ?? []) as readonly Job[]);
    void load();
    return;
  }
  const [family = '', what = ''] = frame.type.split('.');
  if (what === 'progress' && frame.job !== undefined) {
    // Each job sends progress four times a second; only the newest of each is drawn, with the next frame.
    if (waiting.size === 0) requestAnimationFrame(drawProgress);
    waiting.set(frame.job, frame);
    return;
  }
  drawProgress();
  apply(family, what, frame);
}

function drawProgress(): void {
  const frames = [...waiting.values()];
  waiting.clear();
  batch(() => {
    for (const { job, server, backup, data, type } of frames) {
      if (job === undefined || server === undefined) continue;
      const kind = (type.split('.')[0] ?? 'backup') as Job['kind'];
      const progress = data as Job['progress'] & object;
      takeJob(job, { kind, server, backup: backup ?? '', state: 'running', phase: progress.phase, progress });
    }
  });
}

const ENDS = new Set(['completed', 'failed', 'cancelled', 'deleted', 'verified']);

function apply(family: string, what: string, { server, backup = '', job, data }: Frame): void {
  // The only events of no server are those of stores.
  if (server === undefined) return void load();
  const kind = family as Job['kind'];
  if (job !== undefined && what === 'started') takeJob(job, { server, backup, kind, state: 'running' });
  if (job !== undefined && what === 'queued') {
    takeJob(job, { server, backup, kind: (data?.['kind'] as Job['kind']) ?? kind, state: 'queued' });
  }
  const ended = job === undefined ? undefined : jobOf(job);
  const read = touch(server);
  if (job !== undefined && ENDS.has(what)) {
    if (what !== 'failed' && what !== 'cancelled') fillJob(job);
    // Until its row was read again, the row would show what was before the job.
    void read.then(() => endJob(job));
    tellEnd(job, data);
    announced.value = words.ended({ kind, undo: ended?.undo === true || data?.['undo'] === true }, what);
  }
}
