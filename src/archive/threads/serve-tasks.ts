/**
 * The thread's side of a ThreadPool: tasks one after another, each answered with its result or its Failure, until the
 * pool says that it is over. The thread then ends by itself: one that is terminated while native code is being loaded
 * or called (koffi, and ISA-L through it) takes the whole process down.
 */
import type { MessagePort } from 'node:worker_threads';
import { asFailure } from '../../base/failure.ts';
import type { Control } from './control.ts';

/** What a pool sends in place of a task when there will be no more. */
export const END = 'end';

export interface TaskOptions {
  readonly control: Control;
  /** The start of a failure's sentence when an unexpected error is thrown. */
  readonly doing: string;
  /** Works on a task; each kind of thread has its own. */
  readonly run: (message: never) => unknown;
  /** Frees what the thread holds. */
  readonly end: () => void;
}

/** Answers each task that arrives at the port, until `END`. */
export function serveTasks(port: MessagePort, { control, doing, run, end }: TaskOptions): void {
  port.on('message', (message: { readonly id: number } | typeof END) => {
    if (message === END) {
      end();
      port.close();
      return;
    }
    const { id } = message;
    try {
      control.checkStop();
      port.postMessage({ id, result: run(message as never) });
    } catch (error) {
      port.postMessage({ id, failure: asFailure(error, doing).toJSON() });
    }
  });
}
