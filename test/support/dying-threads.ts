/**
 * Preloaded into a process (`node --import`) whose threads are to die, as they do when memory runs out. `DIE` says which:
 * `segment at start`, `segment at work`, `write at start`.
 */
import { isMainThread, parentPort, workerData } from 'node:worker_threads';

const data: unknown = workerData;
const isThread = !isMainThread && typeof data === 'object' && data !== null && 'slots' in data;
const kind = !isThread ? 'main' : 'workers' in data ? 'write' : 'segment';
const [wanted, when] = (process.env['DIE'] ?? '').split(' at ');
if (kind === wanted) {
  if (when === 'start') throw new Error('the thread was made to fail');
  // In a thread this ends the thread alone.
  parentPort?.on('message', () => process.exit(7));
}
