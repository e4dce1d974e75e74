/** The task threads that an operation thread has started, and the memory that it shares with them, between the pools that use them. */
import { Worker } from 'node:worker_threads';
import { Failure } from '../../base/failure.ts';
import { Slots } from './control.ts';
import { endOf, QUIT, THREAD_MEMORY } from './thread.ts';

/** One started thread. */
export interface TaskThread {
  readonly worker: Worker;
  readonly ended: Promise<void>;
  /** Set once it has ended; later tasks are rejected with it. */
  death: Failure | undefined;
  /** Of the pool that uses it. */
  onAnswer: ((answer: unknown) => void) | undefined;
  onDeath: (() => void) | undefined;
}

export class TaskThreads {
  readonly #file: URL;
  readonly #idle: TaskThread[] = [];
  #slots: Slots | undefined;

  /** @param file the code of each thread. */
  constructor(file: URL) {
    this.#file = file;
  }

  /** True when a thread need not be started. */
  get hasIdle(): boolean {
    return this.#idle.some(({ death }) => death === undefined);
  }

  /** One that is idle, or a new one. */
  take(): TaskThread {
    for (let thread = this.#idle.pop(); thread !== undefined; thread = this.#idle.pop()) {
      if (thread.death === undefined) return thread;
    }
    return start(this.#file);
  }

  /** Takes back one that has answered all it was given. */
  give(thread: TaskThread): void {
    thread.onAnswer = undefined;
    thread.onDeath = undefined;
    this.#idle.push(thread);
  }

  /**
   * Slots that are free, or new ones. What an operation before left in them is still there.
   *
   * Kept, because shared memory goes only when V8 collects garbage: a thread that reads has twelve mebibytes of it for each
   * archive, and after two it would be taken for one that holds much memory, and be ended.
   */
  takeSlots(count: number, length: number): Slots {
    const kept = this.#slots;
    this.#slots = undefined;
    return kept?.count === count && kept.length === length ? kept : new Slots(count, length);
  }

  /** Takes back slots that no task uses any more. */
  giveSlots(slots: Slots): void {
    this.#slots = slots;
  }

  /** Waits until all have ended; those that a pool uses are its to close before. */
  async quit(): Promise<void> {
    const threads = this.#idle.splice(0);
    for (const { worker } of threads) worker.postMessage(QUIT);
    await Promise.all(threads.map(({ ended }) => ended));
  }
}

function start(file: URL): TaskThread {
  const worker = new Worker(file, { resourceLimits: THREAD_MEMORY });
  const thread: TaskThread = {
    worker,
    ended: endOf(worker),
    death: undefined,
    onAnswer: undefined,
    onDeath: undefined,
  };
  const die = (cause?: unknown): void => {
    thread.death ??= new Failure('internal', `Cannot go on: a worker thread ended${reasonOf(cause)}`, { cause });
    thread.onDeath?.();
  };
  worker.on('message', (answer) => thread.onAnswer?.(answer));
  worker.on('error', die);
  worker.on('exit', () => {
    die();
  });
  return thread;
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? ` (${cause.message})` : '';
}
