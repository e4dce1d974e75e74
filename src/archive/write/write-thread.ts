/**
 * The write thread: walks, cuts, hands units to the segment threads and appends results in order. The caller's thread
 * only writes bytes out, so HTTP requests are answered during a backup.
 *
 * It starts the segment threads first, so that they load their code while this thread loads its own.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { asFailure } from '../../base/failure.ts';
import type { WriteResult } from '../contract.ts';
import type { SegmentThreadData } from './segment-thread.ts';
import { threadFile, lowerPriority } from '../threads/thread.ts';
import { ThreadPool } from '../threads/thread-pool.ts';
import type { SegmentPool } from './pipeline.ts';
import type { WriteEvent, WriteThreadData } from './messages.ts';

const port = parentPort;
if (port === null) throw new Error('the write thread is started by writeArchive only');
const data = workerData as WriteThreadData;
lowerPriority(data.nice);
const send = (event: WriteEvent): void => {
  port.postMessage(event);
};

try {
  send({ type: 'done', result: await write() });
} catch (error) {
  send({ type: 'failed', failure: asFailure(error, 'Cannot make the archive').toJSON() });
} finally {
  port.close();
}

async function write(): Promise<WriteResult> {
  const { root, level, engine, control, slots } = data;
  const segmentData: SegmentThreadData = { root, level, engine, control, slots };
  const pool: SegmentPool = new ThreadPool(threadFile(import.meta.url, 'segment-thread'), data.workers, segmentData);
  try {
    const { writeTree } = await import('./write-tree.ts');
    return await writeTree(data, pool, send, (take) => port?.on('message', take));
  } finally {
    await pool.close();
  }
}
