/** Timers are handed in like the clock, so that tests decide when they fire. */
export interface Timers {
  /**
   * Runs once after so many milliseconds; the returned function prevents it. Keeps the process alive until then: a
   * shutdown that waits for its deadline may be all that is left.
   */
  after(milliseconds: number, run: () => void): () => void;
}

export const systemTimers: Timers = {
  after(milliseconds, run) {
    const timer = setTimeout(run, milliseconds);
    return () => clearTimeout(timer);
  },
};
