/**
 * The caller's side of an operation's main thread.
 *
 * For: writing, reading and estimating, each of which waits for the result of one thread. Promises: when the call
 * settles the thread has closed what it opened, and has ended by its stop flag unless it was done; the first failure is
 * the one that is reported, and after an abort the signal's reason. Never: terminates a thread (serve-tasks.ts says
 * why); knows what the thread does.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { Failure, type FailureRecord, asFailure, throwIfAborted } from '../../base/failure.ts';
import { Control } from './control.ts';
import { ONE_OPERATION, type OperationThreads } from './operation-threads.ts';
import type { OperationRequest } from './serve-operations.ts';

/** How often the caller's rates are read. */
const RATES_MS = 250;

/** What each thread posts last. */
type LastEvent<Result> =
  | { readonly type: 'done'; readonly result: Result; readonly isLarge?: boolean }
  | { readonly type: 'failed'; readonly failure: FailureRecord };

export interface RunningThread {
  readonly worker: Pick<MessagePort, 'postMessage'>;
  /** Stops the thread; once it has ended, the call rejects with the first error given. */
  readonly fail: (error: unknown) => void;
  readonly hasFailed: () => boolean;
}

export interface ThreadOptions {
  readonly operation: 'write' | 'read' | 'estimate' | 'compare';
  /** Plain data for the operation; `control` is added to it. */
  readonly data: object;
  /** Where the thread comes from; without it, one is started and ended. */
  readonly threads?: OperationThreads;
  /** By how much nicer than the process the thread is. */
  readonly nice?: number;
  /** The start of a failure's sentence, as in `Cannot make the archive`. */
  readonly doing: string;
  readonly signal?: AbortSignal;
  /** MiB per second. When it throws, the call fails without waiting for `settled`. */
  readonly rates?: () => { readonly read: number; readonly write: number };
  /** Makes a thread that waits for a message look at its stop flag. */
  readonly stopMessage?: unknown;
  /** How long after an abort the call waits for the thread's last message and `settled`; without it, as long as they take. */
  readonly abortGraceMs?: number;
  /** Takes the thread's messages but the last; each kind of thread has its own. What it throws fails the call. */
  readonly receive?: (event: never, thread: RunningThread) => void;
  /** Resolves when the work that messages started has ended. Awaited before the result counts; never rejects. */
  readonly settled?: () => Promise<void>;
}

/**
 * Runs a thread until it posts `done` or `failed`.
 *
 * @throws Failure what the thread posted, or `receive` or `rates` threw; `cancelled` or the signal's Failure after an
 * abort; `internal` when the thread dies.
 */
export async function runThread<Result>(options: ThreadOptions): Promise<Result> {
  const { operation, doing, signal, threads = ONE_OPERATION } = options;
  throwIfAborted(signal, doing);
  const control = new Control();
  const takeRates = (): void => {
    if (options.rates) control.setRates(options.rates());
  };
  takeRates();
  const thread = threads.take(options.nice ?? 0);
  const { port1: worker, port2: port } = new MessageChannel();
  let done = false;
  let isLarge = false;
  const result = Promise.withResolvers<Result>();
  let failure: Failure | undefined;
  const stop = (): void => {
    control.stop();
    if (options.stopMessage !== undefined) worker.postMessage(options.stopMessage);
  };
  const fail = (error: unknown): void => {
    failure ??= asFailure(error, doing);
    stop();
  };
  const giveUp = (error: unknown): void => {
    fail(error);
    result.reject(error);
  };
  const end = async (settle: () => void): Promise<void> => {
    await options.settled?.();
    if (failure === undefined) settle();
    else result.reject(failure);
  };
  worker.on('message', (event: LastEvent<Result>) => {
    try {
      if (event.type === 'done') {
        done = true;
        isLarge = event.isLarge === true;
        void end(() => result.resolve(event.result));
      } else if (event.type === 'failed') void end(() => result.reject(Failure.revive(event.failure)));
      else options.receive?.(event, { worker, fail, hasFailed: () => failure !== undefined });
    } catch (error) {
      fail(error);
    }
  });
  thread.onDeath = (error) => {
    done = false;
    void end(() => result.reject(error ?? new Failure('internal', `${doing}: its thread ended`)));
  };
  const data = { ...options.data, control: control.memory };
  thread.worker.postMessage({ operation, doing, data, port } satisfies OperationRequest, [port]);
  let grace: NodeJS.Timeout | undefined;
  const abort = (): void => {
    stop();
    if (options.abortGraceMs === undefined) return;
    grace = setTimeout(() => giveUp(new Failure('cancelled', `${doing}: it was cancelled`)), options.abortGraceMs);
  };
  signal?.addEventListener('abort', abort, { once: true });
  const rates = setInterval(() => {
    try {
      takeRates();
    } catch (error) {
      giveUp(error);
    }
  }, RATES_MS);
  try {
    return await result.promise;
  } catch (error) {
    throwIfAborted(signal, doing);
    throw asFailure(error, doing);
  } finally {
    clearInterval(rates);
    clearTimeout(grace);
    signal?.removeEventListener('abort', abort);
    stop();
    worker.close();
    await threads.give(thread, done && failure === undefined, isLarge);
  }
}
