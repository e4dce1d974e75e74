/**
 * A fixed number of worker threads that each work through what they are given in order. A task's result comes back as
 * a promise; a thread that dies fails all its tasks, so nobody waits for ever.
 */
import { Worker } from 'node:worker_threads';
import { Failure, type FailureRecord } from '../../base/failure.ts';
import { THREAD_MEMORY, endOf } from './thread.ts';
import { END } from './serve-tasks.ts';

interface Member<Result> {
  readonly worker: Worker;
  readonly ended: Promise<void>;
  /** Why it ended, once it has: it takes no more tasks. */
  death: Failure | undefined;
  readonly waiting: Map<number, { resolve: (result: Result) => void; reject: (reason: Failure) => void }>;
}

type Answer<Result> =
  { readonly id: number; readonly result: Result } | { readonly id: number; readonly failure: FailureRecord };

export class ThreadPool<Message extends object, Result> {
  readonly #members: Member<Result>[] = [];
  #nextId = 0;

  /** Starts the threads; each runs `file` with the same `workerData`. */
  constructor(file: URL, count: number, workerData: unknown) {
    for (let number = 0; number < count; number++) this.#members.push(startMember<Result>(file, workerData));
  }

  /**
   * Gives a task to the thread with the fewest.
   *
   * @returns its result; rejects with the Failure that the thread answered, or `internal` when the thread died.
   */
  run(message: Message): Promise<Result> {
    const member = this.#members.reduce((best, next) => (next.waiting.size < best.waiting.size ? next : best));
    const id = this.#nextId++;
    const result = new Promise<Result>((resolve, reject) => {
      // A dead thread has nothing to do, so it is soon chosen, and what it was given would wait for ever.
      if (member.death === undefined) member.waiting.set(id, { resolve, reject });
      else reject(member.death);
    });
    // A rejection is looked at when the result is; until then it must not end the process.
    result.catch(() => undefined);
    member.worker.postMessage({ id, ...message });
    return result;
  }

  /**
   * Waits until the threads have ended: each when it is through with what it was given, which is soon after the
   * operation's stop flag was set.
   */
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
