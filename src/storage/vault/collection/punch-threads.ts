/**
 * Threads of a collection that give dead blocks back. There are thousands of holes, and each call takes some ten microseconds
 * and then waits for the disk. Node's threads for calls about files would need a turn of the main thread for each.
 *
 * For: the collection, which has as many tasks under way as there are to be threads. Promises: a task settles when its thread
 * does nothing about it any more, with a Failure when the thread died; when they are disposed of, all have ended. Never: starts
 * a thread before the first task; terminates one, which crashes the process while native code (koffi) is loaded.
 */
import { Worker } from 'node:worker_threads';
import { asFailure, Failure } from '../../../base/failure.ts';
import { type PunchTask, QUIT } from './punch-task.ts';

const DOING = 'Cannot give back what no backup needs';
/** MiB. A task is a few KiB. */
const MEMORY = { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 64 };

/** The code of a thread: beside this file unbuilt, in a build beside this code, and CommonJS (rolldown.config.ts). */
function punchThread(): URL {
  const here = import.meta.url;
  return new URL(`punch-thread.${here.endsWith('.ts') ? 'ts' : 'cjs'}`, here);
}

export class PunchThreads implements AsyncDisposable {
  readonly #file: URL;
  readonly #threads: PunchThread[] = [];
  readonly #idle: PunchThread[] = [];

  constructor(file = punchThread()) {
    this.#file = file;
  }

  /** @returns bytes given back. @throws Failure `internal` when the thread could not be started, or died. */
  async punch(task: PunchTask): Promise<number> {
    const thread = this.#idle.pop() ?? this.#start();
    const freed = await thread.run(task);
    this.#idle.push(thread);
    return freed;
  }

  /** Resolves when all have ended. To be called when no task is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.end()));
  }

  #start(): PunchThread {
    const thread = new PunchThread(this.#file);
    this.#threads.push(thread);
    return thread;
  }
}

/** One thread, which has one task at a time. */
class PunchThread {
  readonly #worker: Worker;
  readonly #ended = Promise.withResolvers<never>();
  #answer: ((freed: number) => void) | undefined;

  constructor(file: URL) {
    let failure = new Failure('internal', `${DOING}: its thread ended`);
    this.#worker = new Worker(file, { resourceLimits: MEMORY });
    this.#worker.on('message', (freed: number) => this.#answer?.(freed));
    this.#worker.on('error', (error) => (failure = asFailure(error, DOING)));
    // Not sooner: until then it may use a descriptor, whose number another file gets when it is closed.
    this.#worker.on('exit', () => this.#ended.reject(failure));
    this.#ended.promise.catch(() => undefined);
  }

  run(task: PunchTask): Promise<number> {
    const answer = new Promise<number>((resolve) => (this.#answer = resolve));
    this.#worker.postMessage(task);
    return Promise.race([answer, this.#ended.promise]);
  }

  async end(): Promise<void> {
    this.#worker.postMessage(QUIT);
    await this.#ended.promise.catch(() => undefined);
  }
}
