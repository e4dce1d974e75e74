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

/**
 * Serves tasks.
 *
 * @param doing the start of the sentence for what nobody foresaw.
 * @param end frees what the thread holds.
 */
export function serveTasks(
  port: MessagePort,
  control: Control,
  doing: string,
  // Each kind of thread knows what its own pool sends.
  run: (message: never) => unknown,
  end: () => void,
): void {
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
