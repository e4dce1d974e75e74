/** The delay of the event loop, which slows every answer and socket of this process. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

export interface EventLoopDelay {
  /** The 99th percentile and the longest delay in seconds, since the call before. */
  take(): { readonly p99: number; readonly max: number };
  close(): void;
}

const RESOLUTION = 10;

export function watchEventLoop(): EventLoopDelay {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION });
  histogram.enable();
  // Node's values include the sampling interval.
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
