/** How long the event loop kept things waiting: what every answer and every socket of this process suffers alike. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

export interface EventLoopDelay {
  /** Seconds that 99 of 100 turns stayed below, and the longest; both since the call before. */
  take(): { readonly p99: number; readonly max: number };
  close(): void;
}

/** Milliseconds between two looks. */
const RESOLUTION = 10;

export function watchEventLoop(): EventLoopDelay {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION });
  histogram.enable();
  // Node counts the time between two looks, the planned ten milliseconds included.
  const beyondPlan = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e9 - RESOLUTION / 1e3);
  return {
    take() {
      const taken = { p99: beyondPlan(histogram.percentile(99)), max: beyondPlan(histogram.max) };
      histogram.reset();
      return taken;
    },
    close: () => void histogram.disable(),
  };
}
