/**
 * Verifies and unpacks an archive: the caller's side of the operation thread.
 *
 * For: proving an archive and turning it back into a tree. Promises: no thread works for the call any more when it
 * settles; questions that only the caller's thread can answer (bytes of a remote source, which entries are wanted) are
 * answered here. Never:
 * removes what a failed unpacking wrote.
 */
import { resolve } from 'node:path';
import type { ExtractRequest, ExtractResult, ListRequest, VerifyRequest, VerifyResult } from '../contract.ts';
import { SliceTimer } from '../../base/files/handle-writes.ts';
import { returnFreedMemory } from '../gzip/native-memory.ts';
import { type RunningThread, runThread } from '../threads/run-thread.ts';
import { workerCount } from '../threads/thread.ts';
import { answerRead, handleOf } from './source-port.ts';
import type {
  SelectionAnswer,
  SelectionRequest,
  ExtractData,
  ListData,
  ReadEvent,
  ReadReply,
  VerifyData,
} from './messages.ts';

/**
 * Reads an archive to its last byte and proves that all of it can be restored.
 *
 * @throws Failure `archive_damaged` (with what is wrong and where), `cancelled`, `too_large`.
 */
export async function verifyArchive(request: VerifyRequest): Promise<VerifyResult> {
  const { expected, passing = false } = request;
  const data: WithoutControl<VerifyData> = { verb: 'verify', passing, expected, ...commonData(request) };
  return runReadThread(data, 'Cannot verify the archive', request);
}

/**
 * Reads an archive without an index once, proves it against its record, and lists it (open/listing.ts).
 *
 * @returns the listing's bytes; undefined for an archive that gets none.
 * @throws Failure `archive_damaged`, `cancelled`.
 */
export async function listArchive(request: ListRequest): Promise<Uint8Array | undefined> {
  const { expected } = request;
  const { aside } = request.source;
  const data: WithoutControl<ListData> = { verb: 'list', aside, expected, ...commonData(request) };
  return runReadThread(data, 'Cannot list the archive', request);
}

/**
 * Unpacks an archive into a directory that only Roost can reach. What was written stays on failure; the caller removes
 * it.
 *
 * @throws Failure `archive_damaged`, `too_large`, `insufficient_storage`, `cancelled`.
 */
export async function extractArchive(request: ExtractRequest): Promise<ExtractResult> {
  const { owner, setuid, overwrite, durable, limits, expected } = request;
  // Absolute, because the threads have working directories of their own.
  const policy = {
    into: resolve(request.into),
    owner,
    setuid,
    overwrite,
    durable,
    limits,
    selecting: request.select !== undefined,
  };
  const { aside } = request.source;
  const data: WithoutControl<ExtractData> = { verb: 'extract', aside, expected, ...policy, ...commonData(request) };
  return runReadThread(data, 'Cannot unpack the archive', request);
}

type WithoutControl<Data> = Omit<Data, 'control'>;
type ReadRequest = VerifyRequest & Pick<ExtractRequest, 'select'>;

function commonData({ source, workers }: ReadRequest) {
  const index = source.index && handleOf(source.index);
  const { encoding } = source;
  return { archive: handleOf(source.archive), index, encoding, workers: workerCount(workers) };
}

async function runReadThread<Result>(data: object, doing: string, request: ReadRequest): Promise<Result> {
  const { source, signal, rates, threads } = request;
  try {
    return await runThread<Result>({
      operation: 'read',
      data,
      threads,
      nice: request.nice,
      doing,
      signal,
      rates,
      stopMessage: { type: 'stop' } satisfies ReadReply,
      // A thread that waits for a remote source's bytes does not look at its stop flag.
      abortGraceMs: source.archive.descriptor === undefined && source.archive.parts === undefined ? 0 : undefined,
      receive,
    });
  } finally {
    if (threads?.keep !== true) await returnFreedMemory();
  }

  function receive(event: ReadEvent, thread: RunningThread): void {
    if (event.type === 'read') {
      void answerRead(thread.worker, event.source === 'index' ? source.index : source.archive, event);
    } else if (event.type === 'progress') request.onProgress?.(event.progress);
    else if (event.type === 'select') answerSelection(event, thread, request.select).catch(thread.fail);
  }
}

/** In slices: a caller's patterns over the names of a large segment must not hold the event loop. */
async function answerSelection(
  { id, entries }: SelectionRequest,
  { worker }: RunningThread,
  select: ExtractRequest['select'],
): Promise<void> {
  const timer = new SliceTimer();
  const wanted: boolean[] = [];
  for (const [path, kind] of entries) {
    await timer.giveWay();
    wanted.push(select?.(path, kind) ?? true);
  }
  worker.postMessage({ type: 'selected', id, wanted } satisfies SelectionAnswer);
}
