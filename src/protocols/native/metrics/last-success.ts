/**
 * When each server was last backed up. Backups of a server are read when a scraper that holds it first asks, and then
 * every ten minutes (stores may bring in some without an event); events keep the times current in between, so that a
 * scrape is cheap.
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
  readonly #lookedAt = new Map<ServerId, number>();

  constructor(service: Pick<BackupService, 'backups'>, clock: Clock) {
    this.#service = service;
    this.#clock = clock;
  }

  follow(events: EventSource): void {
    events.subscribe(({ type, server, at }) => {
      if (type === 'backup.completed') this.#note(server, at);
    });
  }

  /** Milliseconds since the epoch, for servers with a completed backup. */
  async of(servers: readonly ServerView[]): Promise<ReadonlyMap<ServerId, number>> {
    const now = this.#clock.monotonic();
    // Scrapers hold different servers: what one has read says nothing of the servers of another.
    const due = servers.filter(({ id }) => now - (this.#lookedAt.get(id) ?? Number.NEGATIVE_INFINITY) >= LOOK_EVERY_MS);
    for (const server of due) await this.#lookAt(server, now);
    const here = servers.map(({ id }) => [id, this.#times.get(id)] as const);
    return new Map(here.filter((item): item is readonly [ServerId, number] => item[1] !== undefined));
  }

  async #lookAt({ id, backups }: ServerView, now: number): Promise<void> {
    if (backups === 0) return;
    this.#lookedAt.set(id, now);
    // Yields between servers: there may be thousands, with hundreds of backups each.
    await nextTurn();
    const views = await this.#service.backups(id);
    for (const { completedAt } of views) if (completedAt !== null) this.#note(id, completedAt);
  }

  #note(server: ServerId, at: number): void {
    this.#times.set(server, Math.max(at, this.#times.get(server) ?? 0));
  }
}
