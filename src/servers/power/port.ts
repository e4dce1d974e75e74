/** What every power driver offers. */
import type { GameServer } from '../registry.ts';

export type PowerState = 'running' | 'stopped';

export interface PowerPort {
  /** True where no server is ever stopped: the operator makes sure that it does not run. */
  readonly unmanaged?: boolean;
  /** True where the state cannot be asked for: a server is taken to run until it was told to stop. */
  readonly assumesState?: boolean;
  /** How long a restore waits for a daemon that is away to tell the state; absent where it fails at once. */
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
  /** Owes a server that may run a restart: it is killed and started as soon as its state can be told. */
  restartLater?(server: GameServer): void;
  /** Requests a start without waiting for it. A running server is no error. */
  start(server: GameServer): Promise<void>;
  /**
   * Makes the server stop changing its files (such as `save-off`) and waits for that. Does nothing unless configured.
   */
  prepare(server: GameServer, signal: AbortSignal): Promise<void>;
  /** Lets the server write again. Harmless without `prepare`. */
  resume(server: GameServer): Promise<void>;
}
