/** What `roost serve` and `roost start` need of the daemon; the composition root builds it. */
import type { Config } from '../config/config.ts';

export interface Daemon {
  /** Serves; rejects with a Failure when it cannot (a taken port). */
  start(): Promise<{ readonly url: string }>;
  /** Stops taking requests, lets running jobs end or be resumed later, and frees everything. */
  stop(): Promise<void>;
}

/** Builds a daemon without starting it. Handed to the command line, which loads it only when it is needed. */
export type ComposeDaemon = (config: Config) => Promise<Daemon>;
