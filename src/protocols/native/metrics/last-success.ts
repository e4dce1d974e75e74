/**
 * When each server was last backed up. Backups are looked through once at first and now and then later (stores may
 * bring in some without an event); in between the events keep it up to date, so that a scrape costs nothing.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../../base/clock.ts';
import type { ServerId } from '../../../base/ids.ts';
import type { BackupService, EventSource, ServerView } from '../../../jobs/contract.ts';

const LOOK_EVERY_MS = 600_000;

export class LastSuccesses {
  readonly #service: Pick<BackupService, 'backups'>;
  readonly #clock: Clock;
  readonly #times = new Map<ServerId, number>();
  #lookedAt: number | undefined;

  constructor(service: Pick<BackupService, 'backups'>, clock: Clock) {
    this.#service = service;
    this.#clock = clock;
  }

  follow(events: EventSource): void {
    events.subscribe(({ type, server, at }) => {
      if (type === 'backup.completed') this.#note(server, at);
    });
  }

  /** Milliseconds since the epoch, for those of the servers that have a completed backup. */
  async of(servers: readonly ServerView[]): Promise<ReadonlyMap<ServerId, number>> {
    if (this.#lookedAt === undefined || this.#clock.monotonic() - this.#lookedAt >= LOOK_EVERY_MS) {
      this.#lookedAt = this.#clock.monotonic();
      for (const server of servers) await this.#lookAt(server);
    }
    const here = servers.map(({ id }) => [id, this.#times.get(id)] as const);
    return new Map(here.filter((item): item is readonly [ServerId, number] => item[1] !== undefined));
  }

  async #lookAt({ id, backups }: ServerView): Promise<void> {
    if (backups === 0) return;
    // A server may have hundreds of backups and a node thousands of servers: each gets a turn of its own.
    await nextTurn();
    const views = await this.#service.backups(id);
    for (const { completedAt } of views) if (completedAt !== null) this.#note(id, completedAt);
  }

  #note(server: ServerId, at: number): void {
    this.#times.set(server, Math.max(at, this.#times.get(server) ?? 0));
  }
}
