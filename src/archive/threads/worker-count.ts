import { availableParallelism } from 'node:os';

const MAX_WORKERS = 16;

/** How many threads `auto`, or a number, comes to on this host. */
export function workerCount(wanted: number | 'auto'): number {
  return Math.min(wanted === 'auto' ? availableParallelism() : Math.max(1, wanted), MAX_WORKERS);
}
