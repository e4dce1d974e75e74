/**
 * Asks a game server to keep its files unchanged while they are read (such as `save-off`). Every server that was asked is
 * resumed: after the last byte was read, and on every error.
 */
import type { ArchiveWarning } from '../../archive/entry.ts';
import { asFailure } from '../../base/failure.ts';
import type { Log } from '../../base/log/log.ts';
import type { QuiescedRecord } from '../../catalogue/records.ts';
import type { Stillness } from '../../servers/quiesce/hold.ts';
import type { GameServer } from '../../servers/registry.ts';

/** The part of the power port that is needed here. Both methods reject with a `Failure` when the command fails. */
export interface QuiescePort {
  /** Resolves when the files no longer change, or as far as that goes; undefined where the server was not asked. */
  prepare(server: GameServer, signal: AbortSignal): Promise<Stillness | undefined>;
  /** Allows writes again. Harmless when the server was not asked. */
  resume(server: GameServer): Promise<void>;
}

export class Quiesced {
  readonly #port: QuiescePort;
  readonly #server: GameServer;
  readonly #log: Log;
  readonly #warnings: ArchiveWarning[] = [];
  #stillness: Stillness | undefined;
  #resumed: Promise<void> | undefined;

  private constructor(port: QuiescePort, server: GameServer, log: Log) {
    this.#port = port;
    this.#server = server;
    this.#log = log;
  }

  /** Never rejects for a server that does not obey: a backup with a warning is better than none. */
  static async begin(port: QuiescePort, server: GameServer, log: Log, signal: AbortSignal): Promise<Quiesced> {
    const quiesced = new Quiesced(port, server, log);
    try {
      quiesced.#stillness = await port.prepare(server, signal);
      const { doubt } = quiesced.#stillness ?? {};
      if (doubt !== undefined) quiesced.#doubt(`The server may have written while it was read: ${doubt}`);
    } catch (error) {
      quiesced.#warn('Cannot keep the server still while it is read', error);
    }
    return quiesced;
  }

  /** The first part of files that alone is kept still, where the game names it. */
  get held(): Stillness['held'] {
    return this.#stillness?.doubt === undefined ? this.#stillness?.held : undefined;
  }

  /** What was asked and heard; undefined where the files were not kept still. */
  get record(): QuiescedRecord | undefined {
    if (this.#stillness === undefined || this.#stillness.doubt !== undefined) return undefined;
    const { how, heard } = this.#stillness;
    return heard === undefined ? { how } : { how, heard };
  }

  /** Warnings; complete once `resume` has resolved. */
  get warnings(): readonly ArchiveWarning[] {
    return this.#warnings;
  }

  /** Resumes the server; every call returns the same promise. Never rejects. */
  resume(): Promise<void> {
    this.#resumed ??= this.#port.resume(this.#server).catch((error: unknown) => {
      this.#warn('Cannot let the server write again after reading it', error);
    });
    return this.#resumed;
  }

  #warn(doing: string, error: unknown): void {
    const failure = asFailure(error, doing);
    this.#doubt(failure.message, { error });
  }

  #doubt(message: string, more: { readonly error?: unknown } = {}): void {
    this.#log.warn(message, { server: this.#server.id, ...more });
    this.#warnings.push({ path: '', code: 'not_quiesced', message });
  }
}
