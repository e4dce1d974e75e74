/** What a backup of a directory would hold: the caller's side of the estimating thread. */
import { resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { asFailure, Failure, type FailureRecord, throwIfAborted } from '../../base/failure.ts';
import type { EstimateRequest, TreeEstimate } from '../contract.ts';
import { Control } from '../threads/control.ts';
import type { EstimateThreadData } from './estimate-thread.ts';
import { compileIgnore } from '../ignore/ignore.ts';
import { THREAD_MEMORY, endOf, threadFile } from '../threads/thread-file.ts';

const DOING = 'Cannot estimate the backup';

/**
 * Counts what `writeArchive` would archive now, and what the ignore rules leave out.
 *
 * @throws Failure `invalid_request` (the ignore list), `cancelled`, `internal` (the directory is gone).
 */
export async function estimateTree(request: EstimateRequest): Promise<TreeEstimate> {
  throwIfAborted(request.signal, DOING);
  const control = new Control();
  // Whole paths: the thread has a working directory of its own.
  const root = resolve(request.root);
  const exclude = request.exclude.map((path) => resolve(path));
  const ignore = compileIgnore(request.ignore).lines;
  const workerData: EstimateThreadData = { root, ignore, exclude, control: control.memory };
  const worker = new Worker(threadFile(import.meta.url, 'estimate-thread'), {
    workerData,
    resourceLimits: THREAD_MEMORY,
  });
  const ended = endOf(worker);
  const stop = (): void => {
    control.stop();
  };
  request.signal?.addEventListener('abort', stop, { once: true });
  try {
    return await answerOf(worker);
  } catch (error) {
    throwIfAborted(request.signal, DOING);
    throw asFailure(error, DOING);
  } finally {
    request.signal?.removeEventListener('abort', stop);
    stop();
    await ended;
  }
}

function answerOf(worker: Worker): Promise<TreeEstimate> {
  return new Promise((fulfil, reject) => {
    worker.on('message', (answer: { result: TreeEstimate } | { failure: FailureRecord }) => {
      if ('result' in answer) fulfil(answer.result);
      else reject(Failure.revive(answer.failure));
    });
    worker.on('error', reject);
    worker.on('exit', () => {
      reject(new Failure('internal', `${DOING}: its thread ended`));
    });
  });
}
