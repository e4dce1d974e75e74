/** The main thread of an operation: writing, reading or estimating. It may stay for the next one, of whichever kind. */
import { parentPort, workerData } from 'node:worker_threads';
import { serveOperations } from './threads/serve-operations.ts';
import { archiveThread } from './threads/thread.ts';

if (parentPort === null) throw new Error('an operation thread is started by runThread only');

serveOperations({
  port: parentPort,
  nice: Number(workerData),
  taskFile: archiveThread('task-thread'),
  load: {
    write: async () => (await import('./write/write-operation.ts')).writeOperation,
    read: async () => (await import('./read/read-operation.ts')).readOperation,
    estimate: async () => (await import('./walk/estimate-operation.ts')).estimateOperation,
  },
});
