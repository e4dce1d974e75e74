/**
 * The thread's side of a ThreadPool: answers each task with its result or Failure, in order, until `END` arrives. The
 * thread then ends on its own: terminating one while native code (koffi, ISA-L) is loaded or called crashes the process.
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
