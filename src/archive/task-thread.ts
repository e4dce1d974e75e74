/** A thread that makes or inflates segments for an operation thread. It may stay for the next operation. */
import { parentPort } from 'node:worker_threads';
import { serveTasks } from './threads/serve-tasks.ts';

if (parentPort === null) throw new Error('a task thread is started by an operation thread only');

serveTasks(parentPort, {
  segment: async () => (await import('./write/segment-work.ts')).segmentWork,
  inflate: async () => (await import('./read/inflate-work.ts')).inflateWork,
});
