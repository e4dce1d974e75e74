/**
 * Up to a number of worker threads, each working through its tasks in order. A task's result is a promise; a thread
 * that dies fails all its tasks, so no caller waits without end.
 */
import { Worker } from 'node:worker_threads';
import { Failure, type FailureRecord } from '../../base/failure.ts';
import { THREAD_MEMORY, endOf } from './thread.ts';
import { END } from './serve-tasks.ts';

interface Member<Result> {
  readonly worker: Worker;
  readonly ended: Promise<void>;
  /** Set once it has ended; later tasks are rejected with it. */
  death: Failure | undefined;
  readonly waiting: Map<number, { resolve: (result: Result) => void; reject: (reason: Failure) => void }>;
}

type Answer<Result> =
  { readonly id: number; readonly result: Result } | { readonly id: number; readonly failure: FailureRecord };

export class ThreadPool<Message extends object, Result> {
  readonly #members: Member<Result>[];
  readonly #start: () => Member<Result>;
  readonly #count: number;
  #nextId = 0;

  /**
   * Starts the first thread; each runs `file` with the same `workerData`. The others start when a task finds all busy,
   * because a start costs 30 ms of CPU time, which is more than small work needs.
   *
   * @param count of threads, at most.
   */
  constructor(file: URL, count: number, workerData: unknown) {
    this.#start = () => startMember<Result>(file, workerData);
    this.#count = count;
    this.#members = [this.#start()];
  }

  /**
   * Gives a task to the thread with the fewest.
   *
   * @returns its result; rejects with the Failure that the thread answered, or `internal` when the thread died.
   */
  run(message: Message): Promise<Result> {
    const member = this.#leastBusy();
    const id = this.#nextId++;
    const result = new Promise<Result>((resolve, reject) => {
      // A dead thread has the fewest tasks and is chosen soon; its tasks would never settle.
      if (member.death === undefined) member.waiting.set(id, { resolve, reject });
      else reject(member.death);
    });
    // The caller may await the result later; an early rejection must not end the process.
    result.catch(() => undefined);
    member.worker.postMessage({ id, ...message });
    return result;
  }

  #leastBusy(): Member<Result> {
    const least = this.#members.reduce((best, next) => (next.waiting.size < best.waiting.size ? next : best));
    if (least.waiting.size === 0 || this.#members.length >= this.#count) return least;
    const started = this.#start();
    this.#members.push(started);
    return started;
  }

  /** Waits until each thread has finished its tasks and ended; soon, once the operation's stop flag is set. */
  async close(): Promise<void> {
    for (const { worker } of this.#members) worker.postMessage(END);
    await Promise.all(this.#members.map(({ ended }) => ended));
  }
}

function startMember<Result>(file: URL, workerData: unknown): Member<Result> {
  const worker = new Worker(file, { workerData, resourceLimits: THREAD_MEMORY });
  const ended = endOf(worker);
  const member: Member<Result> = { worker, ended, death: undefined, waiting: new Map() };
  worker.on('message', (answer: Answer<Result>) => {
    const waiter = member.waiting.get(answer.id);
    member.waiting.delete(answer.id);
    if ('failure' in answer) waiter?.reject(Failure.revive(answer.failure));
    else waiter?.resolve(answer.result);
  });
  const die = (cause?: unknown): void => {
    member.death ??= new Failure('internal', `Cannot go on: a worker thread ended${reasonOf(cause)}`, { cause });
    for (const waiter of member.waiting.values()) waiter.reject(member.death);
    member.waiting.clear();
  };
  worker.on('error', die);
  worker.on('exit', () => {
    die();
  });
  return member;
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? ` (${cause.message})` : '';
}
