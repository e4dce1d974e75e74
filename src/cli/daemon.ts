/** The daemon as `roost serve` and `roost start` use it; compose/ implements it. */
import type { Failure } from '../base/failure.ts';
import type { Config } from '../config/config.ts';

export interface Daemon {
  /** Rejects with a Failure when it cannot serve, such as for a taken port. */
  start(): Promise<{ readonly url: string }>;
  /**
   * Applies settings that may change at run time: tokens, limits, retention, rates, verification, log level.
   *
   * @returns the changed keys that need a restart.
   */
  reload(config: Config): readonly string[];
  /** Logs that a configuration could not be reloaded. */
  refuseReload(failure: Failure): void;
  /** Refuses new requests, lets running jobs end or be resumed later, and frees everything. */
  stop(): Promise<void>;
}

/** Descriptors of listening sockets that were open before the daemon, by what is served on them. */
export interface InheritedSockets {
  readonly api?: number;
  readonly front?: number;
}

/** Builds a daemon without starting it. Loaded on demand. */
export type ComposeDaemon = (config: Config, inherited: InheritedSockets) => Promise<Daemon>;
