/**
 * Verifies every archive again within the configured days, so that damage is found before the backup is needed.
 *
 * Starts one verification at a time: near the end of its days only on an idle node, and after them on any node.
 */
import { type Clock, DAY_MS, HOUR_MS } from '../../base/clock.ts';
import { Failure } from '../../base/failure.ts';
import type { BackupId } from '../../base/ids.ts';
import type { Log } from '../../base/log/log.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { BackupRecord } from '../../catalogue/records.ts';
import type { Config } from '../../config/types.ts';
import type { BackupService } from '../contract.ts';
import type { JobRunner } from '../runner/runner.ts';

export interface ReverifyDeps {
  readonly catalogue: Pick<Catalogue, 'backups'>;
  readonly runner: Pick<JobRunner, 'open'>;
  readonly service: Pick<BackupService, 'verify'>;
  readonly config: Pick<Config, 'verification'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** From this share of the days on, an idle node verifies early, so that few are overdue. */
const EARLY = 0.8;
/** A failed or cancelled verification is retried after this time. */
const RETRY_MS = HOUR_MS;
const LOOKED_AT = 100;

export class Reverify {
  readonly #deps: ReverifyDeps;
  readonly #notBefore = new Map<BackupId, number>();

  constructor(deps: ReverifyDeps) {
    this.#deps = deps;
  }

  /** Starts at most one verification; resolves when it is accepted. */
  async tick(): Promise<void> {
    const { clock, config, runner, service, log } = this.#deps;
    const period = config.verification.everyDays * DAY_MS;
    if (period === 0) return;
    const open = runner.open();
    if (open.some(({ record }) => record.kind === 'verify')) return;
    const now = clock.now();
    const record =
      this.#next(now - period, now) ?? (open.length === 0 ? this.#next(now - period * EARLY, now) : undefined);
    if (record === undefined) return;
    this.#notBefore.set(record.id, now + RETRY_MS);
    try {
      const { ended } = await service.verify(record.server, record.id, 'verification');
      ended.then(
        () => this.#notBefore.delete(record.id),
        () => undefined,
      );
    } catch (error) {
      const gone = error instanceof Failure && error.code === 'draining';
      log[gone ? 'debug' : 'warn']('Cannot begin a verification', { backup: record.id, error });
    }
  }

  /** The backup with the oldest verification before that time, without recent failures. */
  #next(before: number, now: number): BackupRecord | undefined {
    for (const [id, at] of this.#notBefore) if (at <= now) this.#notBefore.delete(id);
    const due = this.#deps.catalogue.backups.dueForVerification(before, LOOKED_AT + this.#notBefore.size);
    return due.find(({ id }) => !this.#notBefore.has(id));
  }
}
