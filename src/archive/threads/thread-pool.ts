/**
 * Up to a number of task threads for one operation, each working through its tasks in order. A task's result is a
 * promise; a thread that dies fails all its tasks, so no caller waits without end.
 */
import { Failure, type FailureRecord } from '../../base/failure.ts';
import { type Begin, END } from './serve-tasks.ts';
import type { TaskThread, TaskThreads } from './task-threads.ts';

interface Member<Result> {
  readonly thread: TaskThread;
  readonly waiting: Map<number, { resolve: (result: Result) => void; reject: (reason: Failure) => void }>;
  /** Resolves when the thread has freed what it held for this pool, or has died. */
  readonly released: Promise<void>;
}

type Answer<Result> =
  { readonly id: number; readonly result: Result } | { readonly id: number; readonly failure: FailureRecord };

export class ThreadPool<Message extends object, Result> {
  readonly #members: Member<Result>[];
  readonly #threads: TaskThreads;
  readonly #count: number;
  readonly #work: Begin;
  #closing: Promise<void> | undefined;
  #nextId = 0;

  /**
   * Takes the first thread. The others come when a task finds all busy, because a start costs 30 ms of CPU time, which
   * is more than small work needs.
   *
   * @param count of threads, at most.
   * @param work the message that each thread gets before its first task.
   */
  constructor(threads: TaskThreads, count: number, work: Begin) {
    this.#threads = threads;
    this.#count = count;
    this.#work = work;
    this.#members = [this.#enlist()];
  }

  /**
   * Gives a task to the thread with the fewest.
   *
   * @returns its result; rejects with the Failure that the thread answered, or `internal` when the thread died.
   */
  run(message: Message): Promise<Result> {
    const { thread, waiting } = this.#leastBusy();
    const id = this.#nextId++;
    const result = new Promise<Result>((resolve, reject) => {
      // A dead thread has the fewest tasks and is chosen soon; its tasks would never settle.
      if (thread.death === undefined) waiting.set(id, { resolve, reject });
      else reject(thread.death);
    });
    // The caller may await the result later; an early rejection must not end the process.
    result.catch(() => undefined);
    thread.worker.postMessage({ id, ...message });
    return result;
  }

  /**
   * Waits until each thread has finished its tasks and freed what it held, and gives the threads back; soon, once the
   * operation's stop flag is set. May be called again.
   */
  close(): Promise<void> {
    this.#closing ??= this.#release();
    return this.#closing;
  }

  async #release(): Promise<void> {
    for (const { thread } of this.#members) thread.worker.postMessage(END);
    await Promise.all(this.#members.map(({ released }) => released));
    for (const { thread } of this.#members) this.#threads.give(thread);
  }

  #leastBusy(): Member<Result> {
    const least = this.#members.reduce((best, next) => (next.waiting.size < best.waiting.size ? next : best));
    if (least.waiting.size === 0 || this.#members.length >= this.#count) return least;
    const enlisted = this.#enlist();
    this.#members.push(enlisted);
    return enlisted;
  }

  #enlist(): Member<Result> {
    const thread = this.#threads.take();
    const waiting: Member<Result>['waiting'] = new Map();
    const released = Promise.withResolvers<void>();
    thread.onAnswer = (answer) => {
      if (answer === END) {
        const left = new Failure('internal', 'Cannot go on: a worker thread ended its work without an answer');
        failAll(left);
        released.resolve();
        return;
      }
      const { id, ...outcome } = answer as Answer<Result>;
      const waiter = waiting.get(id);
      waiting.delete(id);
      if ('failure' in outcome) waiter?.reject(Failure.revive(outcome.failure));
      else waiter?.resolve(outcome.result);
    };
    thread.onDeath = () => {
      if (thread.death !== undefined) failAll(thread.death);
      released.resolve();
    };
    thread.worker.postMessage(this.#work);
    return { thread, waiting, released: released.promise };

    function failAll(failure: Failure): void {
      for (const { reject } of waiting.values()) reject(failure);
      waiting.clear();
    }
  }
}
