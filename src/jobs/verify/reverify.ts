/**
 * Verifies every archive again within the configured days, so that damage is found before the backup is needed: that of
 * each backup, and that of each copy in a further store.
 *
 * Starts one verification at a time: near the end of its days only on an idle node, and after them on any node.
 */
import { type Clock, DAY_MS, HOUR_MS } from '../../base/clock.ts';
import { Failure } from '../../base/failure.ts';
import type { Log } from '../../base/log/log.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { DueForVerification } from '../../catalogue/due-contract.ts';
import type { Config } from '../../config/types.ts';
import type { JobRunner } from '../runner/runner.ts';
import type { StoreSet } from '../stored/stores.ts';
import { requestVerification, type WhatToVerify } from './request.ts';

export interface ReverifyDeps {
  readonly catalogue: Pick<Catalogue, 'backups' | 'copies'>;
  readonly runner: Pick<JobRunner, 'open' | 'submit'>;
  readonly stores: Pick<StoreSet, 'all'>;
  readonly config: Pick<Config, 'verification'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** From this share of the days on, an idle node verifies early, so that few are overdue. */
const EARLY = 0.8;
/** A failed or cancelled verification is retried after this time. */
const RETRY_MS = HOUR_MS;
/** What is dated further ahead was dated by a clock that was wrong. */
const AHEAD_MS = DAY_MS;

export class Reverify {
  readonly #deps: ReverifyDeps;
  /** By backup and store, what was begun and has not succeeded, and until when it is left alone. */
  readonly #tried = new Map<string, { readonly what: WhatToVerify; readonly until: number }>();

  constructor(deps: ReverifyDeps) {
    this.#deps = deps;
  }

  /** Starts at most one verification; resolves when it is accepted. */
  async tick(): Promise<void> {
    const { clock, config, runner, log } = this.#deps;
    const period = config.verification.everyDays * DAY_MS;
    if (period === 0) return;
    const open = runner.open();
    if (open.some(({ record }) => record.kind === 'verify')) return;
    const now = clock.now();
    const what =
      this.#next(now - period, now) ?? (open.length === 0 ? this.#next(now - period * EARLY, now) : undefined);
    if (what === undefined) return;
    const name = nameOf(what);
    this.#tried.set(name, { what, until: now + RETRY_MS });
    try {
      requestVerification(what, this.#deps).ended.then(
        () => this.#tried.delete(name),
        () => undefined,
      );
    } catch (error) {
      const gone = error instanceof Failure && error.code === 'draining';
      log[gone ? 'debug' : 'warn']('Cannot begin a verification', { ...what, error });
    }
  }

  /** What was last read before that time the longest ago, without recent failures. */
  #next(before: number, now: number): DueForVerification | undefined {
    const { catalogue, stores } = this.#deps;
    for (const [name, { until }] of this.#tried) if (until <= now) this.#tried.delete(name);
    const except = Array.from(this.#tried.values(), ({ what }) => what);
    const due = { before, ahead: now + AHEAD_MS, except };
    const names = stores.all().map(({ name }) => name);
    const backup = catalogue.backups.dueForVerification(due);
    const copy = catalogue.copies.dueForVerification(due, names);
    if (backup === undefined || copy === undefined) return backup ?? copy;
    return copy.since < backup.since ? copy : backup;
  }
}

function nameOf({ backup, copy = '' }: WhatToVerify): string {
  return `${backup}/${copy}`;
}
