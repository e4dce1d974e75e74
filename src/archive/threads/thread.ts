/**
 * What all threads of the archive share: their file, memory, number, end and priority.
 */
import fs from 'node:fs';
import os from 'node:os';
import type { ResourceLimits, Worker } from 'node:worker_threads';

const MAX_WORKERS = 16;

const LEAST = 19;

/**
 * What a thread's heap may hold before it is tidied. V8 lets short-lived objects of each thread pile up to tens of MiB,
 * and lets a heap grow the faster the more it may have; with several threads that is most of a backup's memory. The 3
 * MiB are what a semi-space of one comes to: 15 MiB less for a backup than with 8, in the same time. A gibibyte is
 * enough for the names of a directory of several million files.
 */
export const THREAD_MEMORY: ResourceLimits = { maxYoungGenerationSizeMb: 3, maxOldGenerationSizeMb: 1024 };

/** The code of a thread, beside the calling module and with its ending (`.ts` unbuilt, `.js` in a build). */
export function threadFile(caller: string, name: string): URL {
  return new URL(`${name}.${caller.endsWith('.ts') ? 'ts' : 'js'}`, caller);
}

/** Resolves when a thread has ended. It ends by itself; see thread-tasks.ts for why it is never terminated. */
export function endOf(worker: Worker): Promise<void> {
  return new Promise((resolve) => {
    worker.once('exit', () => resolve());
  });
}

/** How many threads `auto`, or a number, comes to on this host. */
export function workerCount(wanted: number | 'auto'): number {
  return Math.min(wanted === 'auto' ? os.availableParallelism() : Math.max(1, wanted), MAX_WORKERS);
}

/**
 * Makes this thread, and those that it starts from now on, so many steps nicer than it is, down to 19. Stays as it is
 * where that is refused (a sandbox): work that is less polite is better than none.
 */
export function lowerPriority(steps: number): void {
  if (steps <= 0) return;
  try {
    const thread = currentThread();
    os.setPriority(thread, Math.min(os.getPriority(thread) + steps, LEAST));
  } catch {
    // Refused; see above.
  }
}

/** The number by which Linux knows the calling thread. `process.pid` is that of the first one. */
export function currentThread(): number {
  // PID/task/TID, of whoever asks: a synchronous call asks from this very thread.
  return Number(fs.readlinkSync('/proc/thread-self').split('/').at(-1));
}
