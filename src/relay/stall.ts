/** Notices a transfer that stands still. */
import type { Timers } from '../base/timers.ts';

export interface Transfer {
  /** Grows with each byte that moves. */
  readonly moved: () => number;
  /** True while nothing is expected to move, such as before the other server's answer. */
  readonly waits: () => boolean;
}

/**
 * Calls `stalled` once when nothing has moved for `milliseconds`, at the latest after twice that time.
 *
 * @returns a function that ends the watch.
 */
export function watchStall(timers: Timers, milliseconds: number, transfer: Transfer, stalled: () => void): () => void {
  let seen = transfer.moved();
  let waited = transfer.waits();
  const look = (): void => {
    const moved = transfer.moved();
    const waits = transfer.waits();
    if (moved === seen && !waits && !waited) return stalled();
    [seen, waited] = [moved, waits];
    cancel = timers.after(milliseconds, look);
  };
  let cancel = timers.after(milliseconds, look);
  return () => cancel();
}
