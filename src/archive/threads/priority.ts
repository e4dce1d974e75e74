/**
 * The priority of the calling thread. On Linux each thread has its own, with which threads that it starts begin; it can
 * be given away, and not be taken back without a right that the daemon does not have. Where the I/O scheduler minds
 * priorities, that of a thread follows from its CPU priority unless one was set.
 */
import fs from 'node:fs';
import os from 'node:os';

const LEAST = 19;

/**
 * Makes this thread, and those that it starts from now on, so many steps nicer than it is, down to 19. Stays as it is
 * where that is refused (a sandbox): work that is less polite is better than none.
 */
export function lowerPriority(steps: number): void {
  if (steps <= 0) return;
  try {
    const thread = currentThread();
    os.setPriority(thread, Math.min(os.getPriority(thread) + steps, LEAST));
  } catch {
    // Refused; see above.
  }
}

/** The number by which Linux knows the calling thread. `process.pid` is that of the first one. */
export function currentThread(): number {
  // PID/task/TID, of whoever asks: a synchronous call asks from this very thread.
  return Number(fs.readlinkSync('/proc/thread-self').split('/').at(-1));
}
