/** Timers are handed in like the clock, so that tests decide when they fire. */
export interface Timers {
  /**
   * Runs once after so many milliseconds; the returned function prevents it. Keeps the process alive until then: a
   * shutdown that waits for its deadline may be all that is left.
   */
  after(milliseconds: number, run: () => void): () => void;
}

/** Waits for so long, or until the signal fires; never rejects. */
export function pause(timers: Timers, milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const cancel = timers.after(milliseconds, over);
    signal.addEventListener('abort', over, { once: true });
    function over(): void {
      cancel();
      signal.removeEventListener('abort', over);
      resolve();
    }
  });
}

export const systemTimers: Timers = {
  after(milliseconds, run) {
    const timer = setTimeout(run, milliseconds);
    return () => clearTimeout(timer);
  },
};
