/**
 * A pool for work that may be a single task: that one is done in the calling thread, because the start of another costs
 * more CPU time than a mebibyte takes. Its threads start with the second task.
 */
import { asFailure, Failure } from '../../base/failure.ts';
import type { TaskWork } from './serve-tasks.ts';
import type { ThreadPool } from './thread-pool.ts';

/** What gives tasks to threads and waits for their end. */
export type Pool<Message extends object, Result> = Pick<ThreadPool<Message, Result>, 'run' | 'close'>;

interface Held<Message, Result> {
  readonly message: Message;
  readonly result: PromiseWithResolvers<Result>;
}

export class SmallWork<Message extends object, Result> implements Pool<Message, Result> {
  readonly #start: () => Pool<Message, Result>;
  readonly #begin: () => Promise<TaskWork>;
  readonly #doing: string;
  #held: Held<Message, Result> | undefined;
  #pool: Pool<Message, Result> | undefined;
  #isFirst = true;
  #here: Promise<void> | undefined;

  /**
   * @param start the threads, for all tasks but the first.
   * @param begin the work of the calling thread; ended once the first task is done.
   * @param doing the start of a failure's sentence when an unexpected error is thrown.
   */
  constructor(start: () => Pool<Message, Result>, begin: () => Promise<TaskWork>, doing: string) {
    this.#start = start;
    this.#begin = begin;
    this.#doing = doing;
  }

  /** As `ThreadPool.run`. */
  run(message: Message): Promise<Result> {
    if (this.#isFirst) return this.#hold(message);
    this.#pool ??= this.#start();
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) this.#pool.run(held.message).then(held.result.resolve, held.result.reject);
    return this.#pool.run(message);
  }

  /** As `ThreadPool.close`. */
  async close(): Promise<void> {
    this.#held?.result.reject(new Failure('internal', `${this.#doing}: it was given up before it began`));
    this.#held = undefined;
    await this.#here;
    await this.#pool?.close();
  }

  /** Keeps the first task until its caller waits for something: by then a second one has come, if it comes at all soon. */
  #hold(message: Message): Promise<Result> {
    this.#isFirst = false;
    const result = Promise.withResolvers<Result>();
    // The caller may await the result later; an early rejection must not end the process.
    result.promise.catch(() => undefined);
    this.#held = { message, result };
    setImmediate(() => {
      const held = this.#held;
      this.#held = undefined;
      if (held !== undefined) this.#here = this.#doHere(held);
    });
    return result.promise;
  }

  async #doHere({ message, result }: Held<Message, Result>): Promise<void> {
    let work: TaskWork | undefined;
    try {
      work = await this.#begin();
      work.control.checkStop();
      result.resolve(work.run(message as never) as Result);
    } catch (error) {
      result.reject(asFailure(error, work?.doing ?? this.#doing));
    } finally {
      work?.end();
    }
  }
}
