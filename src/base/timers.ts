/** Injected, so that tests decide when timers fire. */
export interface Timers {
  /**
   * Runs once after the delay; the returned function cancels it. Keeps the process alive, because a shutdown may wait
   * for nothing else.
   */
  after(milliseconds: number, run: () => void): () => void;
}

/** Waits for the delay or until the signal fires; never rejects. */
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
