import type { ResourceLimits, Worker } from 'node:worker_threads';

/**
 * What a thread's heap may hold before it is tidied. V8 lets short-lived objects of each thread pile up to tens of MiB,
 * and lets a heap grow the faster the more it may have; with several threads that is most of a backup's memory. The 3
 * MiB are what a semi-space of one comes to: 15 MiB less for a backup than with 8, in the same time. A gibibyte is
 * enough for the names of a directory of several million files.
 */
export const THREAD_MEMORY: ResourceLimits = { maxYoungGenerationSizeMb: 3, maxOldGenerationSizeMb: 1024 };

/**
 * Where a thread's code lies: beside the calling module, with the same ending (`.ts` when the sources run unbuilt,
 * `.js` in a build).
 */
export function threadFile(name: string): URL {
  const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return new URL(`./${name}.${ending}`, import.meta.url);
}

/** Resolves when a thread has ended. It ends by itself; see thread-tasks.ts for why it is never terminated. */
export function endOf(worker: Worker): Promise<void> {
  return new Promise((resolve) => {
    worker.once('exit', () => resolve());
  });
}
