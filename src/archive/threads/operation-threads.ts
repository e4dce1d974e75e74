/**
 * Keeps operation threads for the next operation.
 *
 * For: `runThread`. Promises: a thread serves one operation at a time; a thread whose operation failed or was stopped is
 * not used again; an idle thread is ended after a while, or when it holds much memory, and `close` ends all. Never:
 * terminates a thread (serve-tasks.ts says why); knows what the threads do.
 */
import { Worker } from 'node:worker_threads';
import { systemTimers, type Timers } from '../../base/timers.ts';
import { archiveThread, endOf, QUIT, THREAD_MEMORY } from './thread.ts';

/** A started thread, with its own task threads behind it. */
export interface OperationThread {
  readonly worker: Worker;
  readonly ended: Promise<void>;
  /** Nice levels below the process's priority. Kept, because a thread cannot raise its priority again. */
  readonly nice: number;
  hasEnded: boolean;
  /** Set while it serves an operation; called when the thread dies. */
  onDeath: ((error?: unknown) => void) | undefined;
}

export interface OperationThreadsOptions {
  /** How long an idle thread stays, in ms; 0 for not at all. */
  readonly idleMs: number;
  /** Called when an idle thread has ended, to give its memory back. */
  readonly onEnded?: () => Promise<void>;
  readonly timers?: Timers;
  readonly file?: URL;
}

export class OperationThreads {
  readonly #options: OperationThreadsOptions;
  readonly #idle = new Map<OperationThread, () => void>();
  readonly #ending = new Set<Promise<void>>();
  #closed = false;

  constructor(options: OperationThreadsOptions) {
    this.#options = options;
  }

  /** True when threads stay, so that memory is given back once they end. */
  get keep(): boolean {
    return this.#options.idleMs > 0;
  }

  /** The thread that became idle last, which has its memory at hand, or a new one. */
  take(nice: number): OperationThread {
    const thread = [...this.#idle.keys()].findLast((idle) => idle.nice === nice && !idle.hasEnded);
    if (thread === undefined) return this.#start(nice);
    this.#idle.get(thread)?.();
    this.#idle.delete(thread);
    return thread;
  }

  /**
   * Starts a thread that the next operation gets, while what else that needs is prepared.
   *
   * @returns ends it when none did.
   */
  startAhead(): AsyncDisposable {
    const thread = this.#start(0);
    this.#idle.set(thread, () => undefined);
    return {
      [Symbol.asyncDispose]: async () => {
        if (this.#idle.delete(thread)) await quit(thread);
      },
    };
  }

  /**
   * Takes back a thread whose operation has ended.
   *
   * @param reusable false after a failure or a stop: then this waits until the thread has ended.
   * @param isLarge true when it holds much memory: then it does not stay, and this does not wait.
   */
  async give(thread: OperationThread, reusable: boolean, isLarge = false): Promise<void> {
    thread.onDeath = undefined;
    if (!reusable || !this.keep || this.#closed || thread.hasEnded) return quit(thread);
    if (isLarge) return this.#end(thread);
    const { idleMs, timers = systemTimers } = this.#options;
    const cancel = timers.after(idleMs, () => this.#end(thread));
    this.#idle.set(thread, cancel);
  }

  /** Ends the idle threads; those at work end with their operations. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const [thread, cancel] of this.#idle) {
      cancel();
      this.#end(thread);
    }
    await Promise.all(this.#ending);
  }

  #start(nice: number): OperationThread {
    return start(this.#options.file ?? archiveThread('operation-thread'), nice);
  }

  #end(thread: OperationThread): void {
    this.#idle.delete(thread);
    const ending = quit(thread).then(() => this.#options.onEnded?.());
    this.#ending.add(ending);
    void ending.finally(() => this.#ending.delete(ending));
  }
}

/** Of operations that name no threads: starts one for each, and ends it after. */
export const ONE_OPERATION = new OperationThreads({ idleMs: 0 });

function start(file: URL, nice: number): OperationThread {
  const worker = new Worker(file, { workerData: nice, resourceLimits: THREAD_MEMORY });
  const thread: OperationThread = { worker, ended: endOf(worker), nice, hasEnded: false, onDeath: undefined };
  worker.on('error', (error) => {
    thread.hasEnded = true;
    thread.onDeath?.(error);
  });
  worker.on('exit', () => {
    thread.hasEnded = true;
    thread.onDeath?.();
  });
  return thread;
}

async function quit({ worker, ended }: OperationThread): Promise<void> {
  worker.postMessage(QUIT);
  await ended;
}
