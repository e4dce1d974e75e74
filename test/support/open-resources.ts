/** What this process holds: descriptors, timers and threads, each with enough to find where it began. */
import { createHook } from 'node:async_hooks';
import fs from 'node:fs';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Worker } from 'node:worker_threads';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const WATCH = /\/(?:open-resources|leak-watch)\.ts:/;
// An AbortSignal.timeout, which nothing can clear, and the date that node:http keeps until the second ends: a test that waited
// for that one took until the next full second.
const OF_THE_RUNTIME = /\(node:internal\/(?:abort_controller|http):/;
const OWN_LISTING = /^\/proc\/(?:self|\d+)\/fd$/;

const timers = new Map<number, string>();
let pausing = false;
const threads = new Map<Worker, string>();

// Sees timers that do not keep the process alive as well, which process.getActiveResourcesInfo leaves out.
createHook({
  init(id, type) {
    const place = type === 'Timeout' && !pausing ? ownTimer() : undefined;
    if (place !== undefined) timers.set(id, place);
  },
  destroy(id) {
    timers.delete(id);
  },
  trackPromises: false,
}).enable();

process.on('worker', (thread) => {
  threads.set(thread, `thread ${thread.threadId}`);
  thread.once('exit', () => threads.delete(thread));
});

/** Where in this repository the timer was made. Undefined for those of the runtime, of libraries and of the watch. */
function ownTimer(): string | undefined {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 12;
  const lines = new Error('here').stack?.split('\n').slice(1) ?? [];
  Error.stackTraceLimit = limit;
  if (lines.some((line) => OF_THE_RUNTIME.test(line))) return undefined;
  const maker = lines.find((line) => !line.includes('node:') && !WATCH.test(line));
  return maker?.includes(ROOT) === true && !maker.includes('/node_modules/') ? `timer ${maker.trim()}` : undefined;
}

/** The sockets of this host that listen: the tenth column has the inode, the fourth the state (proc(5)). */
function listeningSockets(): ReadonlySet<string> {
  const rows = ['tcp', 'tcp6'].flatMap((name) => {
    const file = `/proc/self/net/${name}`;
    return fs.existsSync(file) ? fs.readFileSync(file, 'latin1').split('\n') : [];
  });
  const columns = rows.map((row) => row.trim().split(/\s+/));
  return new Set(columns.filter(([, , , state]) => state === '0A').map((row) => `socket:[${row[9]}]`));
}

/**
 * Sockets count where they listen. One that is connected may belong to a client that tests share and that keeps
 * connections alive; it ends with the server's.
 */
function descriptors(): string[] {
  const listening = listeningSockets();
  return fs.readdirSync('/proc/self/fd').flatMap((name) => {
    try {
      const target = fs.readlinkSync(`/proc/self/fd/${name}`);
      if (OWN_LISTING.test(target)) return [];
      if (target.startsWith('socket:')) return listening.has(target) ? [`listening ${target}`] : [];
      return [`descriptor of ${target}`];
    } catch {
      // The descriptor that listed the directory is closed by now.
      return [];
    }
  });
}

/** What is open now, to be handed to `openedSince`. */
export function openNow(): string[] {
  return [...descriptors(), ...timers.values(), ...threads.values()];
}

/** What is open now and was not in `before`; one that was there twice and is there three times counts once. */
export function openedSince(before: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const item of before) left.set(item, (left.get(item) ?? 0) + 1);
  return openNow().filter((item) => {
    const count = left.get(item) ?? 0;
    left.set(item, count - 1);
    return count <= 0;
  });
}

/** The watch's own timer is not counted: its end is seen only after the next look. */
function pause(milliseconds: number): Promise<void> {
  pausing = true;
  try {
    return setTimeout(milliseconds);
  } finally {
    pausing = false;
  }
}

/**
 * What is still open after it had `milliseconds` to close. Returns as soon as nothing is, and looks a turn of the event loop later
 * first: Node tells of a new thread in the next tick, and the thread opens its descriptors when the kernel lets it run.
 */
export async function stillOpenSince(before: readonly string[], milliseconds: number): Promise<string[]> {
  await setImmediate();
  const end = performance.now() + milliseconds;
  for (;;) {
    const opened = openedSince(before);
    if (opened.length === 0 || performance.now() > end) return opened;
    await pause(5);
  }
}
