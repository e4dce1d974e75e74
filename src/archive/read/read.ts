/**
 * Verifying and unpacking: the caller's side. It starts the read thread, answers what only the caller's thread can
 * (a remote source's bytes, which entries are wanted), and makes sure that nothing outlives the call.
 */
import { Worker } from 'node:worker_threads';
import { Failure, asFailure, throwIfAborted } from '../../base/failure.ts';
import type { ExtractRequest, ExtractResult, OpenRequest, VerifyRequest, VerifyResult } from '../contract.ts';
import { Control } from '../threads/control.ts';
import type { ArchiveProgress } from '../entry.ts';
import { returnFreedMemory } from '../gzip/native-memory.ts';
import { answerRead, handleOf } from './source-port.ts';
import type { SelectionAnswer, ReadEvent, ReadReply, ReadThreadData } from './messages.ts';
import { THREAD_MEMORY, endOf, threadFile } from '../threads/thread-file.ts';
import { workerCount } from '../threads/worker-count.ts';

/** How often the caller is asked for its rates. */
const RATES_MS = 250;

/**
 * Reads an archive to its last byte and proves that all of it can be restored.
 *
 * @throws Failure `archive_damaged` (with what is wrong and where), `cancelled`, `too_large`.
 */
export async function verifyArchive(request: VerifyRequest): Promise<VerifyResult> {
  const { expected, passing = false } = request;
  const data = { verb: 'verify' as const, passing, ...commonData(request) };
  const result = await runThread(expected === undefined ? data : { ...data, expected }, request);
  return result as VerifyResult;
}

/**
 * Unpacks an archive into a directory that only Roost can reach meanwhile. What was written stays when it fails: the
 * directory is the caller's to remove.
 *
 * @throws Failure `archive_damaged`, `too_large`, `insufficient_storage`, `cancelled`.
 */
export async function extractArchive(request: ExtractRequest): Promise<ExtractResult> {
  const { into, owner, setuid, overwrite, durable, limits } = request;
  const policy = { into, owner, setuid, overwrite, durable, limits, selecting: request.select !== undefined };
  const { aside } = request.source;
  const common = { ...commonData(request), ...policy, ...(aside === undefined ? {} : { aside }) };
  const data = { verb: 'extract' as const, ...common };
  const { expected } = request;
  return (await runThread(expected === undefined ? data : { ...data, expected }, request)) as ExtractResult;
}

interface Reading {
  readonly source: OpenRequest;
  readonly workers: number | 'auto';
  readonly nice?: number;
  readonly rates?: ExtractRequest['rates'];
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ArchiveProgress) => void;
  readonly select?: ExtractRequest['select'];
}

function commonData({ source, workers, nice = 0 }: Reading) {
  const common = { archive: handleOf(source.archive), workers: workerCount(workers), nice };
  return source.index === undefined ? common : { ...common, index: handleOf(source.index) };
}

type WithoutControl<Data> = Data extends unknown ? Omit<Data, 'control'> : never;

async function runThread(data: WithoutControl<ReadThreadData>, request: Reading): Promise<unknown> {
  const doing = data.verb === 'verify' ? 'Cannot verify the archive' : 'Cannot unpack the archive';
  throwIfAborted(request.signal, doing);
  const control = new Control();
  const takeRates = (): void => {
    if (request.rates) control.setRates(request.rates());
  };
  takeRates();
  const workerData = { ...data, control: control.memory };
  const worker = new Worker(threadFile(import.meta.url, 'read-thread'), { workerData, resourceLimits: THREAD_MEMORY });
  const ended = endOf(worker);
  const stop = (): void => {
    control.stop();
    worker.postMessage({ type: 'stop' } satisfies ReadReply);
  };
  request.signal?.addEventListener('abort', stop, { once: true });
  /** Rejects when the caller's rates cannot be told: that fails this reading, and not the process. */
  const broken = Promise.withResolvers<never>();
  const rates = setInterval(() => {
    try {
      takeRates();
    } catch (error) {
      broken.reject(error);
    }
  }, RATES_MS);
  try {
    return await Promise.race([listen(worker, request), broken.promise]);
  } catch (error) {
    throwIfAborted(request.signal, doing);
    throw asFailure(error, doing);
  } finally {
    clearInterval(rates);
    request.signal?.removeEventListener('abort', stop);
    stop();
    await ended;
    await returnFreedMemory();
  }
}

function listen(worker: Worker, request: Reading): Promise<unknown> {
  const { source, signal } = request;
  return new Promise((resolve, reject) => {
    // A thread that waits for a remote source's bytes does not look at its stop flag.
    const abort = (): void => {
      reject(new Failure('cancelled', 'Cannot go on: it was cancelled'));
    };
    if (source.archive.descriptor === undefined) signal?.addEventListener('abort', abort, { once: true });
    worker.on('message', (event: ReadEvent) => {
      if (event.type === 'read') void answerRead(worker, source[event.source], event);
      else if (event.type === 'select') {
        const wanted = event.entries.map(([path, kind]) => request.select?.(path, kind) ?? true);
        worker.postMessage({ type: 'selected', id: event.id, wanted } satisfies SelectionAnswer);
      } else if (event.type === 'progress') request.onProgress?.(event.progress);
      else if (event.type === 'done') resolve(event.result);
      else reject(Failure.revive(event.failure));
    });
    worker.on('error', reject);
    worker.on('exit', () => {
      reject(new Failure('internal', 'Cannot go on: the reading thread ended'));
    });
  });
}
