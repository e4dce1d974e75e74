/**
 * Making an archive: the caller's side of the operation thread.
 *
 * For: one directory into two sinks, the archive and its index. Promises: when the call settles, no thread works for
 * it any more and all files that it opened are closed; after an abort or a failure nothing more is written. Never: closes
 * or deletes what the sinks hold; blocks the calling thread with reads or deflating.
 */
import { resolve } from 'node:path';
import { throwIfAborted } from '../../base/failure.ts';
import type { WriteBase, WriteRequest, WriteResult } from '../contract.ts';
import { Slots } from '../threads/control.ts';
import { RAW_CAPACITY } from './cut.ts';
import { storedLength } from '../gzip/deflate.ts';
import { selectedEngine } from '../gzip/engine.ts';
import { compileIgnore } from '../ignore/ignore.ts';
import { dropContent, returnFreedMemory } from '../gzip/native-memory.ts';
import { workerCount } from '../threads/thread.ts';
import { type RunningThread, runThread } from '../threads/run-thread.ts';
import type { WriteEvent, WriteReply, WriteThreadData } from './messages.ts';

const DOING = 'Cannot make the archive';
/** For each task thread one unit at work, one waiting, one being written. */
const SLOTS_A_WORKER = 3;
/** How long an abort waits for a sink's pending write. */
const ABORT_GRACE_MS = 1000;
/** The longest segment that a deflate engine makes, and a little more. */
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
  const { signal, threads } = request;
  throwIfAborted(signal, DOING);
  // Reject bad lines before starting a thread, which compiles them again.
  compileIgnore(request.ignore);
  const workers = workerCount(request.workers);
  const slots = new Slots(workers * SLOTS_A_WORKER, SLOT_LENGTH);
  const data: Omit<WriteThreadData, 'control'> = {
    // Absolute, because the threads have working directories of their own.
    root: resolve(request.root),
    ignore: request.ignore,
    exclude: request.exclude.map((path) => resolve(path)),
    level: request.level,
    filesOnly: request.filesOnly === true,
    engine: selectedEngine(request.engine),
    workers,
    held: request.held,
    base: request.base && absoluteBase(request.base),
    shares: request.shares === true,
    maxSize: request.maxSize,
    count: request.onProgress !== undefined,
    slots: { memory: slots.memory, count: slots.count, length: slots.length },
  };
  let writes: Promise<void> = Promise.resolve();
  try {
    const result = await runThread<WriteResult>({
      operation: 'write',
      data,
      threads,
      nice: request.nice,
      doing: DOING,
      signal,
      rates: request.rates,
      stopMessage: { slot: null } satisfies WriteReply,
      abortGraceMs: ABORT_GRACE_MS,
      receive,
      settled: () => writes,
    });
    // Not after a failure: a sink that hangs may still hold a slot.
    dropContent(slots.memory);
    return result;
  } finally {
    if (threads?.keep !== true) await returnFreedMemory();
  }

  function receive(event: WriteEvent, thread: RunningThread): void {
    if (event.type === 'slot') {
      queue(thread, () => request.archive.write(slots.view(event.slot, event.length), event.same));
      // Also after a failure, or the thread would never get its slots back.
      void writes.then(() => thread.worker.postMessage({ slot: event.slot } satisfies WriteReply));
    } else if (event.type === 'bytes') queue(thread, () => request.archive.write(event.bytes));
    else if (event.type === 'index') queue(thread, () => request.index.write(event.bytes));
    else if (event.type === 'progress') request.onProgress?.(event.progress);
    else if (event.type === 'readingEnded') request.onReadingEnded?.();
  }

  /** Queues a write behind those before it; after a failure or an abort nothing more is written. */
  function queue(thread: RunningThread, write: () => Promise<void>): void {
    writes = writes.then(async () => {
      if (thread.hasFailed()) return;
      try {
        throwIfAborted(signal, DOING);
        await write();
      } catch (error) {
        thread.fail(error);
      }
    });
  }
}

/** Absolute, because the threads have working directories of their own. */
function absoluteBase({ archive, index }: WriteBase): WriteBase {
  const absolute =
    typeof archive === 'string' ? resolve(archive) : { ...archive, paths: archive.paths.map((path) => resolve(path)) };
  return { archive: absolute, index: resolve(index) };
}
