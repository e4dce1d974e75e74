/** Archives that Wings was lent for transfers, in the backup directory that its file names: put there, and taken back. */
import type { Clock } from '../base/clock.ts';
import type { BackupId, ServerId } from '../base/ids.ts';
import type { Log } from '../base/log/log.ts';
import type { Timers } from '../base/timers.ts';
import type { BackupService } from '../jobs/contract.ts';
import type { LentToWings } from '../protocols/wings/front/lock.ts';
import { takeBackArchives } from '../servers/lent-archives.ts';

export interface LentDeps {
  /** Wings' backup directory; undefined where its file does not say. */
  readonly directory: () => string | undefined;
  readonly service: Pick<BackupService, 'lendArchives'>;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
}

/** A transfer of much that goes on for longer has opened its archives by then, or is not to be waited for. */
const LENT_FOR_MS = 24 * 3_600_000;
const LOOK_EVERY_MS = 3_600_000;

export class LentArchives implements LentToWings {
  readonly #deps: LentDeps;
  #cancel: () => void = () => undefined;
  #sweeping: Promise<void> = Promise.resolve();

  constructor(deps: LentDeps) {
    this.#deps = deps;
  }

  /** Takes back what is due now, and then each hour. */
  follow(): void {
    this.#sweeping = this.#takeBack({ before: this.#deps.clock.now() - LENT_FOR_MS });
    this.#cancel = this.#deps.timers.after(LOOK_EVERY_MS, () => this.follow());
  }

  async close(): Promise<void> {
    this.#cancel();
    await this.#sweeping;
  }

  async lend(server: ServerId, backups: readonly BackupId[]): Promise<void> {
    const { service, log } = this.#deps;
    const directory = this.#deps.directory();
    if (directory === undefined || backups.length === 0) return;
    const lent = await service.lendArchives(server, backups, directory);
    log.info('Wings was lent archives for a transfer', { server, asked: backups.length, lent });
  }

  takeBack(server: ServerId): Promise<void> {
    return this.#takeBack({ server });
  }

  async #takeBack(which: Parameters<typeof takeBackArchives>[1]): Promise<void> {
    const directory = this.#deps.directory();
    if (directory === undefined) return;
    try {
      const taken = await takeBackArchives(directory, which);
      if (taken > 0) this.#deps.log.info('Archives that Wings was lent were taken back', { taken });
    } catch (error) {
      this.#deps.log.error('Archives that Wings was lent could not be taken back; tried again later', { error });
    }
  }
}
