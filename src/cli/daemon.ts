/** What `roost serve` and `roost start` need of the daemon; the composition root builds it. */
import type { Failure } from '../base/failure.ts';
import type { Config } from '../config/config.ts';

export interface Daemon {
  /** Serves; rejects with a Failure when it cannot (a taken port). */
  start(): Promise<{ readonly url: string }>;
  /**
   * Takes over what may change while it runs: tokens, limits, retention, rates, verification, the log's level.
   *
   * @returns the keys that differ and count only after a restart.
   */
  reload(config: Config): readonly string[];
  /** A configuration that was to be reloaded and cannot be used goes into the daemon's own log. */
  refuseReload(failure: Failure): void;
  /** Stops taking requests, lets running jobs end or be resumed later, and frees everything. */
  stop(): Promise<void>;
}

/** Builds a daemon without starting it. Handed to the command line, which loads it only when it is needed. */
export type ComposeDaemon = (config: Config) => Promise<Daemon>;
