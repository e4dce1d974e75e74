/**
 * Asking a game server to keep its files still while they are read (such as `save-off`), with the promise that every
 * server that was asked is let go again: as soon as the last byte was read, and on every other way out.
 */
import type { ArchiveWarning } from '../../archive/entry.ts';
import { asFailure } from '../../base/failure.ts';
import type { Log } from '../../base/log.ts';
import type { GameServer } from '../../servers/registry.ts';

/** The power port's side of it. Both reject with a `Failure` when the program behind them does not obey. */
export interface QuiescePort {
  /** Resolves when the files are still. */
  prepare(server: GameServer, signal: AbortSignal): Promise<void>;
  /** Lets the server write again. Harmless when it was never asked. */
  resume(server: GameServer): Promise<void>;
}

export class Quiesced {
  readonly #port: QuiescePort;
  readonly #server: GameServer;
  readonly #log: Log;
  readonly #warnings: ArchiveWarning[] = [];
  #resumed: Promise<void> | undefined;

  private constructor(port: QuiescePort, server: GameServer, log: Log) {
    this.#port = port;
    this.#server = server;
    this.#log = log;
  }

  /** Never rejects for a server that does not obey: a backup of moving files, with a warning, is better than none. */
  static async begin(port: QuiescePort, server: GameServer, log: Log, signal: AbortSignal): Promise<Quiesced> {
    const quiesced = new Quiesced(port, server, log);
    try {
      await port.prepare(server, signal);
    } catch (error) {
      quiesced.#warn('Cannot keep the server still while it is read', error);
    }
    return quiesced;
  }

  /** What did not work, once `resume` has resolved. */
  get warnings(): readonly ArchiveWarning[] {
    return this.#warnings;
  }

  /** Lets the server go; again and again gives the same promise. Never rejects. */
  resume(): Promise<void> {
    this.#resumed ??= this.#port.resume(this.#server).catch((error: unknown) => {
      this.#warn('Cannot let the server write again after reading it', error);
    });
    return this.#resumed;
  }

  #warn(doing: string, error: unknown): void {
    const failure = asFailure(error, doing);
    this.#log.warn(failure.message, { server: this.#server.id, error });
    this.#warnings.push({ path: '', code: 'not_quiesced', message: failure.message });
  }
}
