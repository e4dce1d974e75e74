/**
 * The operation thread's side of `runThread`: does one operation after another, each with a port of its own, until
 * `QUIT`. What an operation opened is closed when it posts its last event; its port ends with it, so no message of one
 * operation reaches the next.
 */
import type { MessagePort } from 'node:worker_threads';
import { asFailure } from '../../base/failure.ts';
import { leaveDirectory, ownDirectory } from '../../base/files/thread-cwd.ts';
import { TaskThreads } from './task-threads.ts';
import { lowerPriority, QUIT } from './thread.ts';

/** What an operation works with. */
export interface OperationPlace {
  /** To the caller's thread; closed by the server after the last event. */
  readonly port: MessagePort;
  readonly threads: TaskThreads;
}

/** `data` is plain; each kind of operation has its own. */
export type Operation = (data: never, place: OperationPlace) => Promise<unknown>;

/** What starts an operation. */
export interface OperationRequest {
  readonly operation: string;
  /** The start of a failure's sentence when an unexpected error is thrown. */
  readonly doing: string;
  readonly data: object;
  readonly port: MessagePort;
}

export interface OperationServer {
  readonly port: MessagePort;
  /** Steps by which the thread lowers its priority before anything else. */
  readonly nice: number;
  readonly taskFile: URL;
  /** Operations by name, loaded on demand. */
  readonly load: Readonly<Record<string, () => Promise<Operation>>>;
}

/**
 * A thread that holds more memory than this after an operation is ended, not kept. The memory is garbage, such as the names
 * of hundreds of thousands of entries, but an idle thread never collects garbage.
 */
const LARGE_BYTES = 32 * 1024 * 1024;

function isLarge(): boolean {
  const { heapTotal, arrayBuffers } = process.memoryUsage();
  return heapTotal + arrayBuffers > LARGE_BYTES;
}

export function serveOperations({ port, nice, taskFile, load }: OperationServer): void {
  lowerPriority(nice);
  ownDirectory();
  const threads = new TaskThreads(taskFile);
  let last = Promise.resolve();
  port.on('message', (message: OperationRequest | typeof QUIT) => {
    last = last.then(() => (message === QUIT ? quit() : operate(message)));
  });

  async function operate(request: OperationRequest): Promise<void> {
    const event = await eventOf(request);
    // Or it would hold a file system that the operator wants to unmount.
    leaveDirectory();
    request.port.postMessage(event);
    request.port.close();
  }

  async function eventOf({ operation, doing, data, port: own }: OperationRequest): Promise<object> {
    try {
      const run = await load[operation]?.();
      const result = await run?.(data as never, { port: own, threads });
      return { type: 'done', result, isLarge: isLarge() };
    } catch (error) {
      return { type: 'failed', failure: asFailure(error, doing).toJSON() };
    }
  }

  async function quit(): Promise<void> {
    await threads.quit();
    port.close();
  }
}
