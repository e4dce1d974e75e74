/**
 * Preloaded into a process (`node --import`) whose threads are to die, as they do when memory runs out. `DIE` says which:
 * `segment at start`, `segment at work`, `write at start`.
 */
import { isMainThread, parentPort, workerData } from 'node:worker_threads';

const data: unknown = workerData;
// An operation thread is started with its niceness, a task thread with nothing.
const thread = typeof data === 'number' ? 'write' : 'segment';
const kind = isMainThread ? 'main' : thread;
const [wanted, when] = (process.env['DIE'] ?? '').split(' at ');
if (kind === wanted) {
  if (when === 'start') throw new Error('the thread was made to fail');
  // In a thread this ends the thread alone.
  parentPort?.on('message', () => process.exit(7));
}
