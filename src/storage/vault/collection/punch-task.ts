/** What a punching thread is asked; it answers each task with a number, the bytes that were given back. */
import type { Stretch } from './dead-data.ts';

export interface PunchTask {
  /** Open for writing until the answer has come, or the thread has ended. */
  readonly descriptor: number;
  readonly stretch: Stretch;
}

/** What ends a thread. */
export const QUIT = 'quit';
