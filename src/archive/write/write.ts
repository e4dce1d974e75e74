/**
 * Making an archive: the caller's side. It starts the write thread, writes out what that thread finishes, and makes
 * sure that nothing outlives the call.
 */
import { resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { Failure, asFailure, throwIfAborted } from '../../base/failure.ts';
import type { WriteRequest, WriteResult } from '../contract.ts';
import { Control, Slots } from '../threads/control.ts';
import { RAW_CAPACITY } from './cut.ts';
import { storedLength } from '../gzip/deflate.ts';
import { selectedEngine } from '../gzip/engine.ts';
import { compileIgnore } from '../ignore/ignore.ts';
import { dropContent, returnFreedMemory } from '../gzip/native-memory.ts';
import { workerCount } from '../threads/worker-count.ts';
import { THREAD_MEMORY, endOf, threadFile } from '../threads/thread-file.ts';
import type { WriteEvent, WriteReply, WriteThreadData } from './messages.ts';

const DOING = 'Cannot make the archive';
/** Units under way for each segment thread: one at work, one waiting, one being written. */
const SLOTS_A_WORKER = 3;
/** How long an abort waits for the sink to end the write that it is at. */
const ABORT_GRACE_MS = 1000;
/** Room for the worst a deflate engine does, and a little more. */
const SLOT_LENGTH = storedLength(RAW_CAPACITY) + 4096;

/**
 * Archives a directory into `request.archive`, and its index into `request.index`.
 *
 * On abort it stops within a moment, wherever it is, and rejects with `cancelled` (or with the Failure that the signal
 * carries); a sink that hangs is not waited for beyond a second. When a sink rejects, or a callback throws, that reason
 * is what this rejects with. In every case all threads have ended and all files are closed when the promise settles;
 * what the sinks hold is the caller's to keep or to drop.
 *
 * @throws Failure `too_large`, `insufficient_storage` (from the sinks), `invalid_request` (ignore list, engine),
 * `cancelled`, `internal`.
 */
export async function writeArchive(request: WriteRequest): Promise<WriteResult> {
  throwIfAborted(request.signal, DOING);
  // Refused here, before any thread is started; the thread compiles the same lines for itself.
  compileIgnore(request.ignore);
  const control = new Control();
  const workers = workerCount(request.workers);
  const slots = new Slots(workers * SLOTS_A_WORKER, SLOT_LENGTH);
  const data: WriteThreadData = {
    // Whole paths: a relative one means nothing in threads that have working directories of their own.
    root: resolve(request.root),
    ignore: request.ignore,
    exclude: request.exclude.map((path) => resolve(path)),
    level: request.level,
    filesOnly: request.filesOnly === true,
    engine: selectedEngine(request.engine),
    workers,
    nice: request.nice ?? 0,
    ...(request.base === undefined ? {} : { base: wholePaths(request.base) }),
    maxSize: request.maxSize,
    count: request.onProgress !== undefined,
    control: control.memory,
    slots: { memory: slots.memory, count: slots.count, length: slots.length },
  };
  const takeRates = (): void => {
    if (request.rates) control.setRates(request.rates());
  };
  takeRates();
  const worker = new Worker(threadFile(import.meta.url, 'write-thread'), {
    workerData: data,
    resourceLimits: THREAD_MEMORY,
  });
  const ended = endOf(worker);
  const stop = (): void => {
    control.stop();
    worker.postMessage({ slot: null } satisfies WriteReply);
  };
  /** Rejects with what ends the call besides the threads and the sinks. */
  const broken = Promise.withResolvers<never>();
  let grace: NodeJS.Timeout | undefined;
  const abort = (): void => {
    stop();
    // The sink may hang in the write that it is at; whoever aborts ends the sink too.
    grace = setTimeout(() => broken.reject(new Failure('cancelled', `${DOING}: it was cancelled`)), ABORT_GRACE_MS);
  };
  request.signal?.addEventListener('abort', abort, { once: true });
  const rates = setInterval(() => {
    try {
      takeRates();
    } catch (error) {
      broken.reject(error);
    }
  }, 250);
  try {
    const result = await Promise.race([receive(worker, request, slots, stop, broken.promise), broken.promise]);
    await ended;
    // Not after a failure: a sink that hangs may still hold a slot.
    dropContent(slots.memory);
    return result;
  } catch (error) {
    throwIfAborted(request.signal, DOING);
    throw asFailure(error, DOING);
  } finally {
    clearInterval(rates);
    clearTimeout(grace);
    request.signal?.removeEventListener('abort', abort);
    stop();
    await ended;
    await returnFreedMemory();
  }
}

function wholePaths({ archive, index }: NonNullable<WriteRequest['base']>) {
  return { archive: resolve(archive), index: resolve(index) };
}

/**
 * Writes out what comes, in order, until the thread is done or the caller wants no more.
 *
 * @param broken when it rejects, nothing more is written.
 */
function receive(
  worker: Worker,
  request: WriteRequest,
  slots: Slots,
  stop: () => void,
  broken: Promise<never>,
): Promise<WriteResult> {
  const { signal } = request;
  let writes: Promise<void> = Promise.resolve();
  /** Why nothing more is written; the first reason counts. */
  let failure: Failure | undefined;
  const fail = (error: unknown): void => {
    failure ??= asFailure(error, DOING);
    stop();
  };
  broken.catch(fail);
  /** Queues a write behind those before it; after a failure or an abort nothing more is written. */
  const queue = (write: () => Promise<void>): void => {
    writes = writes.then(async () => {
      if (failure !== undefined) return;
      try {
        throwIfAborted(signal, DOING);
        await write();
      } catch (error) {
        fail(error);
      }
    });
  };
  return new Promise<WriteResult>((fulfil, reject) => {
    const settle = (end: () => void): void => {
      void writes.then(() => {
        if (failure === undefined) end();
        else reject(failure);
      });
    };
    const take = (event: WriteEvent): void => {
      if (event.type === 'slot') {
        queue(() => request.archive.write(slots.view(event.slot, event.length)));
        // Also after a failure, or the thread would wait for its slots for ever.
        void writes.then(() => {
          worker.postMessage({ slot: event.slot } satisfies WriteReply);
        });
      } else if (event.type === 'bytes') queue(() => request.archive.write(event.bytes));
      else if (event.type === 'index') queue(() => request.index.write(event.bytes));
      else if (event.type === 'progress') request.onProgress?.(event.progress);
      else if (event.type === 'readingEnded') request.onReadingEnded?.();
      else if (event.type === 'done') settle(() => fulfil(event.result));
      else settle(() => reject(Failure.revive(event.failure)));
    };
    worker.on('message', (event: WriteEvent) => {
      try {
        take(event);
      } catch (error) {
        // A callback of the caller's that throws fails this backup, not the process.
        fail(error);
      }
    });
    worker.on('error', (error) => {
      settle(() => reject(error));
    });
    worker.on('exit', () => {
      settle(() => reject(new Failure('internal', `${DOING}: its thread ended`)));
    });
  });
}
