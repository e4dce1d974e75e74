/**
 * The event socket: connects again with a growing pause, and reads everything once more after each connection, since
 * what happened in between was not heard.
 */
import { batch, signal } from '@preact/signals';
import type { Job } from '../api/shapes.ts';
import { addressOf } from './base.ts';
import { forget, may, secret } from './session.ts';
import { endJob, load, takeJob, takeSnapshot, touch } from './state.ts';

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
/** The daemon pings every 30 seconds; browsers do not tell of pings, so silence alone proves nothing. */
const CHECK_MS = 5000;

let socket: WebSocket | undefined;
let tries = 0;
let retry: ReturnType<typeof setTimeout> | undefined;
let lastHeard = 0;

export function connect(): void {
  close();
  if (secret.value === undefined) return;
  const address = addressOf('api/events');
  address.searchParams.set('with', may('node.read') ? 'queue,stores' : 'queue');
  address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
  const opened = new WebSocket(address);
  socket = opened;
  opened.addEventListener('open', () => opened.send(JSON.stringify({ type: 'auth', token: secret.value })));
  opened.addEventListener('message', ({ data }: MessageEvent<string>) => {
    if (socket !== opened) return;
    lastHeard = Date.now();
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
// A timer that comes much too late was asleep with its computer: the socket may be dead without a word.
let ticked = Date.now();
setInterval(() => {
  const slept = Date.now() - ticked > 4 * CHECK_MS;
  ticked = Date.now();
  if (slept && secret.value !== undefined) connect();
}, CHECK_MS);

const waiting = new Map<string, Frame>();

function take(frame: Frame): void {
  if (frame.type === 'snapshot') {
    tries = 0;
    waiting.clear();
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
  if (job !== undefined && ENDS.has(what)) {
    endJob(job);
    announced.value = `${{ backup: 'Backup', restore: 'Restore', verify: 'Verification' }[family] ?? 'Job'} ${what}`;
  }
  touch(server);
}
