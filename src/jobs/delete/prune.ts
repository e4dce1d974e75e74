/**
 * Retention at work: after a backup is proven (its row says COMPLETED), what the rules let go of that server is
 * removed, by the same jobs as when somebody deletes it.
 *
 * Nothing else begins a removal: a server whose backups fail keeps all that it has, however old. A crash between the
 * two leaves too many backups, and the next one that completes finds them.
 */
import type { Clock } from '../../base/clock.ts';
import { Failure } from '../../base/failure.ts';
import type { BackupId, ServerId } from '../../base/ids.ts';
import type { Log } from '../../base/log.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { BackupRecord } from '../../catalogue/records.ts';
import type { Config } from '../../config/types.ts';
import { judgeRetention, type RetentionItem, type RetentionVerdict } from '../../policy/retention.ts';
import { goesToPanel } from '../report/panel.ts';
import type { EventHub } from '../runner/events.ts';
import type { JobRunner } from '../runner/runner.ts';

export interface RetentionDeps {
  readonly catalogue: Pick<Catalogue, 'backups' | 'deliveries'>;
  readonly runner: Pick<JobRunner, 'open'>;
  readonly config: Pick<Config, 'retention'>;
  readonly clock: Clock;
}

export interface PruneDeps extends RetentionDeps {
  readonly events: EventHub;
  readonly deleteBackup: (server: ServerId, backup: BackupId) => Promise<void>;
  readonly log: Log;
}

/**
 * A server's backups, newest first, each with what retention says of it now. Changes nothing. Those on their way to the
 * panel are not among them: the panel keeps them by its own rules, and they take no place of one that stays.
 */
export function judgeServer(
  server: ServerId,
  { catalogue, runner, config, clock }: RetentionDeps,
): readonly RetentionVerdict<RetentionItem & { readonly record: BackupRecord }>[] {
  const busy = new Set(runner.open({ server }).map(({ record }) => record.backup));
  const staying = catalogue.backups.list({ server }).filter(({ id }) => !goesToPanel(id, catalogue));
  const history = staying.map((record) => ({
    record,
    createdAt: record.createdAt,
    status: record.status,
    locked: record.locked,
    damaged: record.damagedAt !== null,
    busy: busy.has(record.id),
  }));
  return judgeRetention(history, config.retention, clock.now());
}

/** Prunes after each backup that completes, until `close`. */
export class Pruner {
  readonly #deps: PruneDeps;
  readonly #stopListening: () => void;
  /** One server at a time, one backup at a time: a removal may be a long wait for a remote store. */
  #pending: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(deps: PruneDeps) {
    this.#deps = deps;
    this.#stopListening = deps.events.subscribe(({ type, server }) => {
      if (type === 'backup.completed') this.#pending = this.#pending.then(() => this.#prune(server));
    });
  }

  /** Resolves when all that was begun so far has ended. */
  settled(): Promise<void> {
    return this.#pending;
  }

  /** Begins nothing more; what is left is found when the next backup completes. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stopListening();
    await this.#pending;
  }

  /** Never rejects: a backup that cannot be removed now is tried again after the next one. */
  async #prune(server: ServerId): Promise<void> {
    const { log, deleteBackup } = this.#deps;
    try {
      for (const id of this.#expired(server)) {
        if (this.#closed) return;
        // Judged again: it may have been locked, or be restored from, since the removals before it began.
        if (!this.#expired(server).includes(id)) continue;
        await deleteBackup(server, id).then(
          () => log.info('Retention removed a backup', { server, backup: id }),
          (error: unknown) => this.#logFailure(server, id, error),
        );
      }
    } catch (error) {
      log.error('Cannot judge which backups to let go', { server, error });
    }
  }

  /** Oldest first: should it be stopped half-way, what is left is the better half. */
  #expired(server: ServerId): BackupId[] {
    const verdicts = judgeServer(server, this.#deps).filter(({ reasons }) => reasons.length === 0);
    return verdicts.map(({ item }) => item.record.id).reverse();
  }

  #logFailure(server: ServerId, backup: BackupId, error: unknown): void {
    const draining = error instanceof Failure && error.code === 'draining';
    this.#deps.log[draining ? 'debug' : 'warn']('Retention cannot remove a backup', { server, backup, error });
  }
}
