/**
 * Applies retention: after a backup completes, the backups of that server that the rules release are deleted by ordinary
 * delete jobs.
 *
 * Nothing else starts a prune, so a server whose backups fail keeps all of them, however old. A crash leaves backups that
 * the next completed backup prunes.
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
 * The backups of a server, newest first, each with its retention verdict. Changes nothing. Backups on their way to the
 * panel are left out: the panel applies its own rules to them.
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

/** Prunes after each completed backup, until `close`. */
export class Pruner {
  readonly #deps: PruneDeps;
  readonly #stopListening: () => void;
  /** Prunes run one after another: a deletion may wait long for a remote store. */
  #pending: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(deps: PruneDeps) {
    this.#deps = deps;
    this.#stopListening = deps.events.subscribe(({ type, server }) => {
      if (type === 'backup.completed') this.#pending = this.#pending.then(() => this.#prune(server));
    });
  }

  /** Resolves when all prunes started so far have ended. */
  settled(): Promise<void> {
    return this.#pending;
  }

  /** Starts no further deletion. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stopListening();
    await this.#pending;
  }

  /** Never rejects; a backup that cannot be deleted is tried again after the next one. */
  async #prune(server: ServerId): Promise<void> {
    const { log, deleteBackup } = this.#deps;
    try {
      for (const id of this.#expired(server)) {
        if (this.#closed) return;
        // Check again: it may have been locked, or be in use, since the deletions before it.
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

  /** Oldest first, so that an interrupted prune leaves the newer backups. */
  #expired(server: ServerId): BackupId[] {
    const verdicts = judgeServer(server, this.#deps).filter(({ reasons }) => reasons.length === 0);
    return verdicts.map(({ item }) => item.record.id).reverse();
  }

  #logFailure(server: ServerId, backup: BackupId, error: unknown): void {
    const draining = error instanceof Failure && error.code === 'draining';
    this.#deps.log[draining ? 'debug' : 'warn']('Retention cannot remove a backup', { server, backup, error });
  }
}
