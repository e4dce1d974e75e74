/**
 * The operation that writes an archive: walks, cuts, hands units to the task threads and appends results in order. The
 * caller's thread only writes bytes out, so HTTP requests are answered during a backup.
 */
import type { WriteResult } from '../contract.ts';
import type { OperationPlace } from '../threads/serve-operations.ts';
import { SmallWork } from '../threads/small-work.ts';
import { ThreadPool } from '../threads/thread-pool.ts';
import type { WriteEvent, WriteThreadData } from './messages.ts';
import type { SegmentPool } from './pipeline.ts';
import type { SegmentWorkData } from './segment-work.ts';
import { writeTree } from './write-tree.ts';

export async function writeOperation(data: WriteThreadData, { port, threads }: OperationPlace): Promise<WriteResult> {
  const send = (event: WriteEvent): void => {
    port.postMessage(event);
  };
  const { root, level, engine, shares, control, slots } = data;
  const work: SegmentWorkData = { root, level, engine, shares, control, slots };
  const start = (): SegmentPool => new ThreadPool(threads, data.workers, { begin: 'segment', data: work });
  const here = async () => (await import('./segment-work.ts')).segmentWork(work);
  const pool = threads.hasIdle ? start() : new SmallWork(start, here, 'Cannot begin to work on the archive');
  try {
    return await writeTree(data, pool, send, (take) => port.on('message', take));
  } finally {
    await pool.close();
  }
}
