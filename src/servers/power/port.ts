/** What the drivers of power.ts have in common. */
import type { GameServer } from '../registry.ts';

export type PowerState = 'running' | 'stopped';

export interface PowerPort {
  /** @throws Failure `server_busy` when it cannot be told. */
  state(server: GameServer, signal?: AbortSignal): Promise<PowerState>;
  /**
   * Stops a server and waits; kills it when it does not obey in time, where the driver can.
   *
   * @throws Failure `server_busy` when it still runs; `cancelled` when aborted, and it may be stopping then.
   */
  stop(server: GameServer, signal: AbortSignal): Promise<void>;
  /** Asks for the start and does not wait for its end. One that runs already is no fault. */
  start(server: GameServer): Promise<void>;
  /** Has the server keep its files still (such as `save-off`); resolves when they are. Nothing where not configured. */
  prepare(server: GameServer, signal: AbortSignal): Promise<void>;
  /** Lets the server write again. Harmless when it was never asked to keep still. */
  resume(server: GameServer): Promise<void>;
}
