/** Timers are handed in like the clock, so that tests decide when they fire. */
export interface Timers {
  /** Runs once after so many milliseconds; the returned function prevents it. Does not keep the process alive. */
  after(milliseconds: number, run: () => void): () => void;
}

export const systemTimers: Timers = {
  after(milliseconds, run) {
    const timer = setTimeout(run, milliseconds);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
