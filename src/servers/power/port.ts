/** What every power driver offers. */
import type { Prepared } from '../quiesce/hold.ts';
import type { GameServer } from '../registry.ts';

export type PowerState = 'running' | 'stopped';

export interface PowerPort {
  /** True where no server is ever stopped: the operator makes sure that it does not run. */
  readonly unmanaged?: boolean;
  /** True where `prepare` and `resume` never do anything. */
  readonly cannotQuiesce?: boolean;
  /** True where the state cannot be read: a server counts as running until it was stopped. */
  readonly assumesState?: boolean;
  /** How long a restore waits while the daemon that knows the state is away; absent: it fails at once. */
  readonly patienceMs?: number;
  /** @throws Failure `server_busy` when the state cannot be found out. */
  state(server: GameServer, signal?: AbortSignal): Promise<PowerState>;
  /**
   * Stops a server and waits; kills it after its timeout, where the driver can.
   *
   * @throws Failure `server_busy` when it still runs; `cancelled` when aborted, and it may be stopping then.
   */
  stop(server: GameServer, signal: AbortSignal): Promise<void>;
  /**
   * Ends a server that runs without letting it save, where the driver can; otherwise stops it.
   *
   * @throws as `stop`.
   */
  kill(server: GameServer, signal: AbortSignal): Promise<void>;
  /** Kills and starts a server that may be running, as soon as its state can be read. Kept across restarts of Roost. */
  restartLater?(server: GameServer): void;
  /** Requests a start without waiting for it. A running server is no error. */
  start(server: GameServer): Promise<void>;
  /**
   * Makes the server stop changing its files (such as `save-off`) and waits for that. Does nothing unless configured.
   *
   * @returns what was asked and heard; undefined where a server is never asked.
   * @throws Failure `server_busy`, `cancelled`; it may have been asked all the same.
   */
  prepare(server: GameServer, signal: AbortSignal): Promise<Prepared>;
  /**
   * Lets the server write again. Harmless without `prepare`.
   *
   * @param prepared what `prepare` returned, when a reading ends.
   * @returns why the files may have changed all the same, as far as that is seen; a printable sentence.
   * @throws Failure `server_busy`.
   */
  resume(server: GameServer, prepared?: Prepared): Promise<string | undefined>;
}
