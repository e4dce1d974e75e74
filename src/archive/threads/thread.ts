/** What all threads of the archive share: their file, memory limits, number, priority and end. */
import fs from 'node:fs';
import os from 'node:os';
import type { ResourceLimits, Worker } from 'node:worker_threads';

const MAX_WORKERS = 16;

const LEAST = 19;

/** The message that ends a thread. */
export const QUIT = 'quit';

/**
 * Heap limits of a thread. By default V8 lets tens of MiB of short-lived objects pile up in each; 3 MiB (a semi-space of
 * one) saves a backup 15 MiB compared with 8 and costs no time. A gibibyte holds the names of several million files.
 */
export const THREAD_MEMORY: ResourceLimits = { maxYoungGenerationSizeMb: 3, maxOldGenerationSizeMb: 1024 };

/** The code of a thread, beside the calling module and with its ending (`.ts` unbuilt, `.js` in a build). */
export function threadFile(caller: string, name: string): URL {
  return new URL(`${name}.${caller.endsWith('.ts') ? 'ts' : 'js'}`, caller);
}

/** The code of an archive's thread: in src/archive unbuilt, in a build beside this code, and CommonJS (rolldown.config.ts). */
export function archiveThread(name: 'operation-thread' | 'task-thread'): URL {
  const here = import.meta.url;
  return here.endsWith('.ts') ? new URL(`../${name}.ts`, here) : new URL(`${name}.cjs`, here);
}

/** Resolves when a thread has ended. Threads are never terminated; serve-tasks.ts says why. */
export function endOf(worker: Worker): Promise<void> {
  return new Promise((resolve) => {
    worker.once('exit', () => resolve());
  });
}

/** Threads to start on this host for a number or `auto`. */
export function workerCount(wanted: number | 'auto'): number {
  return Math.min(wanted === 'auto' ? os.availableParallelism() : Math.max(1, wanted), MAX_WORKERS);
}

/**
 * Lowers the priority of this thread, and of threads it starts later, by `steps` nice levels, to 19 at most. On Linux
 * each thread has its own priority, which the I/O scheduler may follow. A refusal (in a sandbox) is ignored.
 */
export function lowerPriority(steps: number): void {
  if (steps <= 0) return;
  try {
    const thread = currentThread();
    os.setPriority(thread, Math.min(os.getPriority(thread) + steps, LEAST));
  } catch {
    // Work at normal priority is better than none.
  }
}

/** Linux's thread ID of the calling thread; `process.pid` is that of the main thread. */
export function currentThread(): number {
  // PID/task/TID of the calling thread, because the call is synchronous.
  return Number(fs.readlinkSync('/proc/thread-self').split('/').at(-1));
}
