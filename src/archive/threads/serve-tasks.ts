/**
 * The thread's side of a ThreadPool: answers each task with its result or Failure, in order, from `Begin` to `END`, and
 * again until `QUIT`. The thread then ends on its own: terminating one while native code (koffi, ISA-L) is loaded or
 * called crashes the process.
 */
import type { MessagePort } from 'node:worker_threads';
import { asFailure, type Failure } from '../../base/failure.ts';
import { leaveDirectory, ownDirectory } from '../../base/files/thread-cwd.ts';
import type { Control } from './control.ts';
import { QUIT } from './thread.ts';

/** What a pool sends before its first task. */
export interface Begin {
  readonly begin: string;
  readonly data: object;
}

/** What a pool sends in place of a task when there will be no more; the thread answers with the same. */
export const END = 'end';

export interface TaskWork {
  readonly control: Control;
  /** The start of a failure's sentence when an unexpected error is thrown. */
  readonly doing: string;
  /** Works on a task; each kind of thread has its own. */
  readonly run: (message: never) => unknown;
  /** Frees what the thread holds, and clears memory that stays. */
  readonly end: () => void;
}

/** `data` is plain; each kind of work has its own. */
export type BeginWork = (data: never) => TaskWork;

interface Task {
  readonly id: number;
}

/** Answers what arrives at the port; kinds of work are loaded on demand. */
export function serveTasks(port: MessagePort, load: Readonly<Record<string, () => Promise<BeginWork>>>): void {
  ownDirectory();
  let work: TaskWork | undefined;
  let failure: Failure | undefined;
  let last = Promise.resolve();
  port.on('message', (message: Begin | Task | typeof END | typeof QUIT) => {
    last = last.then(() => take(message));
  });

  async function take(message: Begin | Task | typeof END | typeof QUIT): Promise<void> {
    if (message === QUIT) port.close();
    else if (message === END) end();
    else if ('begin' in message) await begin(message);
    else answer(message);
  }

  async function begin({ begin: kind, data }: Begin): Promise<void> {
    try {
      work = (await load[kind]?.())?.(data as never);
    } catch (error) {
      failure = asFailure(error, 'Cannot begin to work on the archive');
    }
  }

  function answer(task: Task): void {
    const { id } = task;
    try {
      if (failure !== undefined) throw failure;
      work?.control.checkStop();
      port.postMessage({ id, result: work?.run(task as never) });
    } catch (error) {
      port.postMessage({ id, failure: asFailure(error, work?.doing ?? 'Cannot work on the archive').toJSON() });
    }
  }

  function end(): void {
    const ended = work;
    work = undefined;
    failure = undefined;
    ended?.end();
    leaveDirectory();
    port.postMessage(END);
  }
}
