/**
 * Asks a game server to keep its files unchanged while they are read (such as `save-off`). Every server that was asked is
 * resumed: after the last byte was read, and on every error.
 */
import type { ArchiveWarning } from '../../archive/entry.ts';
import { asFailure } from '../../base/failure.ts';
import type { Log } from '../../base/log/log.ts';
import type { QuiescedRecord } from '../../catalogue/records.ts';
import type { Prepared, Stillness } from '../../servers/quiesce/hold.ts';
import type { GameServer } from '../../servers/registry.ts';

/** The part of the power port that is needed here. Both methods reject with a `Failure` when the command fails. */
export interface QuiescePort {
  /** Resolves when the files no longer change, or as far as that goes. */
  prepare(server: GameServer, signal: AbortSignal): Promise<Prepared>;
  /**
   * Allows writes again. Harmless when the server was not asked.
   *
   * @param prepared absent where it is not known any more.
   * @returns why the files may have changed all the same; a printable sentence.
   */
  resume(server: GameServer, prepared?: Prepared): Promise<string | undefined>;
}

export class Quiesced {
  readonly #port: QuiescePort;
  readonly #server: GameServer;
  readonly #log: Log;
  readonly #warnings: ArchiveWarning[] = [];
  #prepared: Prepared;
  #isDoubted = false;
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
      quiesced.#prepared = await port.prepare(server, signal);
      quiesced.#doubt(quiesced.#stillness?.doubt);
    } catch (error) {
      quiesced.#warn('Cannot keep the server still while it is read', error);
    }
    return quiesced;
  }

  /** The first part of files that alone is kept still, where the game names it. */
  get held(): Stillness['held'] {
    return this.#isDoubted ? undefined : this.#stillness?.held;
  }

  /** What was asked and heard; undefined where the files were not kept still. Final once `resume` has resolved. */
  get record(): QuiescedRecord | undefined {
    if (this.#stillness === undefined || this.#isDoubted) return undefined;
    const { how, heard } = this.#stillness;
    return heard === undefined ? { how } : { how, heard };
  }

  /** Warnings; complete once `resume` has resolved. */
  get warnings(): readonly ArchiveWarning[] {
    return this.#warnings;
  }

  /** Resumes the server; every call returns the same promise. Never rejects. */
  resume(): Promise<void> {
    this.#resumed ??= this.#port.resume(this.#server, this.#prepared).then(
      (doubt) => this.#doubt(doubt),
      (error: unknown) => this.#warn('Cannot let the server write again after reading it', error),
    );
    return this.#resumed;
  }

  get #stillness(): Stillness | undefined {
    return this.#prepared === 'stopped' ? undefined : this.#prepared;
  }

  #warn(doing: string, error: unknown): void {
    const { message } = asFailure(error, doing);
    this.#log.warn(message, { server: this.#server.id, error });
    this.#warnings.push({ path: '', code: 'not_quiesced', message });
  }

  /** @param doubt why the files may have changed; nothing to say without one. */
  #doubt(doubt: string | undefined): void {
    if (doubt === undefined) return;
    this.#isDoubted = true;
    const message = `The server may have written while it was read: ${doubt}`;
    this.#log.warn(message, { server: this.#server.id });
    this.#warnings.push({ path: '', code: 'not_quiesced', message });
  }
}
