/** The caller's side of the comparing thread: bytes of a store that is no local disk are read here and handed over. */
import { answerRead, handleOf, type ReadRequest } from '../../archive/read/source-port.ts';
import { OperationThreads } from '../../archive/threads/operation-threads.ts';
import { type RunningThread, runThread } from '../../archive/threads/run-thread.ts';
import { threadFile } from '../../archive/threads/thread.ts';
import type { StoredArchive } from '../stored/stored-archive.ts';
import type { ArchiveHandles, CompareResults, CompareTask } from './messages.ts';

/** Each comparison has a thread of its own, which ends with it. */
const THREADS = new OperationThreads({ idleMs: 0, file: threadFile(import.meta.url, 'compare-thread') });

/**
 * @param archives open until this settles; the caller closes them.
 * @throws Failure what the task meets; `cancelled`.
 */
export async function compareIn<Kind extends CompareTask['kind']>(
  task: Extract<CompareTask, { readonly kind: Kind }>,
  archives: readonly StoredArchive[],
  signal: AbortSignal,
): Promise<CompareResults[Kind]> {
  const handles = archives.map(({ request }): ArchiveHandles => {
    const { archive, index, listing, aside } = request;
    return {
      archive: handleOf(archive),
      ...(index === undefined ? {} : { index: handleOf(index) }),
      ...(listing === undefined ? {} : { listing: handleOf(listing) }),
      ...(aside === undefined ? {} : { aside }),
    };
  });
  const isRemote = archives.some(({ request }) => request.archive.descriptor === undefined);
  return runThread<CompareResults[Kind]>({
    operation: 'compare',
    threads: THREADS,
    data: { task, archives: handles },
    doing: 'Cannot compare',
    signal,
    stopMessage: { type: 'stop' },
    ...(isRemote ? { abortGraceMs: 0 } : {}),
    receive: (event: ReadRequest, thread: RunningThread) => {
      const [, kind, number] = /^(archive|index)(\d+)$/.exec(event.source) ?? [];
      const request = archives[Number(number)]?.request;
      void answerRead(thread.worker, kind === 'index' ? request?.index : request?.archive, event);
    },
  });
}
