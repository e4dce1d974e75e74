/**
 * Applies retention: what the rules release is deleted by ordinary delete jobs, after a backup completes, before a backup is
 * refused for lack of room, and when an operator asks for it.
 *
 * A server whose backups fail keeps all of them, however old. A crash leaves backups that the next run removes. While the
 * clock is in doubt nothing is removed.
 */
import type { BelievableClock, ClockDoubt } from '../../base/believable-clock.ts';
import { isoDate } from '../../base/clock.ts';
import { Failure } from '../../base/failure.ts';
import type { BackupId, ServerId } from '../../base/ids.ts';
import type { KeyedMutex } from '../../base/keyed-mutex.ts';
import type { Log } from '../../base/log/log.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import { isSuspect, type BackupSummary } from '../../catalogue/records.ts';
import type { Config } from '../../config/types.ts';
import {
  judgeRetention,
  mostRemovals,
  releasedOf,
  type RetentionItem,
  type RetentionVerdict,
} from '../../policy/retention.ts';
import type { RetentionPlan } from '../contract.ts';
import { goingToPanel } from '../report/panel.ts';
import { viewBackups } from '../views.ts';
import type { EventHub } from '../runner/events.ts';
import type { JobRunner } from '../runner/runner.ts';

export interface JudgeDeps {
  readonly catalogue: Pick<Catalogue, 'backups' | 'deliveries'>;
  readonly runner: Pick<JobRunner, 'open'>;
  readonly config: Pick<Config, 'retention'>;
  readonly believable: BelievableClock;
}

export interface RetentionDeps extends JudgeDeps {
  readonly deleteBackup: (server: ServerId, backup: BackupId) => Promise<void>;
  /** Serializes the runs of one server. */
  readonly turns: KeyedMutex;
  readonly log: Log;
}

export interface PruneDeps extends RetentionDeps {
  readonly events: EventHub;
}

type Judged = RetentionItem & { readonly record: BackupSummary };

/**
 * The backups of a server, newest first, each with its retention verdict. Changes nothing. Backups on their way to the
 * panel are left out: the panel applies its own rules to them.
 *
 * @param coming as in `judgeRetention`.
 */
export function judgeServer(
  server: ServerId,
  { catalogue, runner, config, believable }: JudgeDeps,
  coming = false,
): readonly RetentionVerdict<Judged>[] {
  const busy = new Set(runner.open({ server }).map(({ record }) => record.backup));
  const going = goingToPanel(catalogue);
  const staying = catalogue.backups.list({ server }).filter(({ id }) => !going.has(id));
  const history = staying.map((record) => ({
    record,
    createdAt: record.createdAt,
    sequence: record.sequence,
    status: record.status,
    locked: record.locked,
    damaged: record.damagedAt !== null || record.removing,
    suspect: isSuspect(record),
    busy: busy.has(record.id),
  }));
  return judgeRetention(history, config.retention, believable.now(), coming);
}

/** The verdicts as callers see them. */
export function viewVerdicts(
  verdicts: readonly RetentionVerdict<Judged>[],
  deps: Parameters<typeof viewBackups>[1],
): RetentionPlan['backups'] {
  const views = viewBackups(
    verdicts.map(({ item }) => item.record),
    deps,
  );
  return views.map((backup, place) => ({ backup, reasons: verdicts[place]?.reasons ?? [] }));
}

export interface RetentionRun {
  /** True: all that is released may go; otherwise at most half of what the server has. */
  readonly all?: boolean;
  /** Judges as if one more good backup were completed now. */
  readonly coming?: boolean;
  /** Stays, whatever the rules say: what makes the room is about to use it. */
  readonly spared?: BackupId | undefined;
  /** Asked before each removal; true ends the run. */
  readonly enough?: () => boolean | Promise<boolean>;
  /** Ends the run; what is being deleted is finished. */
  readonly stopped?: () => boolean;
}

export interface RetentionResult {
  readonly removed: readonly BackupId[];
  /** Backups that could not be removed; the next run tries again. */
  readonly failed: readonly BackupId[];
  /** Nothing was removed because the clock is in doubt; null otherwise. */
  readonly doubt: ClockDoubt | null;
}

/** Removes what the rules release, oldest first, so that a run that is cut short leaves the newer ones. Never rejects. */
export function applyRetention(
  server: ServerId,
  deps: RetentionDeps,
  run: RetentionRun = {},
): Promise<RetentionResult> {
  return deps.turns.run(`retention:${server}`, async () => {
    const removed: BackupId[] = [];
    const failed: BackupId[] = [];
    try {
      const first = judgeServer(server, deps, run.coming);
      const released = releasedOf(first).filter(({ record }) => record.id !== run.spared);
      const doubt = deps.believable.doubt() ?? null;
      if (doubt !== null) return heldBack(server, doubt, released.length, deps);
      const most = run.all === true ? released.length : mostRemovals(first);
      for (const { record } of released) {
        if (removed.length === most || run.stopped?.() === true || (await run.enough?.()) === true) break;
        // Judged again: it may have been locked, or be in use, since the deletions before it, and the clock may have jumped.
        const now = releasedOf(judgeServer(server, deps, run.coming));
        if (!deps.believable.canDelete() || !now.some((item) => item.record.id === record.id)) continue;
        ((await removeOne(record, deps)) ? removed : failed).push(record.id);
      }
    } catch (error) {
      deps.log.error('Cannot judge which backups to let go', { server, error });
    }
    return { removed, failed, doubt: null };
  });
}

async function removeOne({ server, id }: BackupSummary, { deleteBackup, log }: RetentionDeps): Promise<boolean> {
  try {
    await deleteBackup(server, id);
    log.info('Retention removed a backup', { server, backup: id });
    return true;
  } catch (error) {
    const draining = error instanceof Failure && error.code === 'draining';
    log[draining ? 'debug' : 'warn']('Retention cannot remove a backup', { server, backup: id, error });
    return false;
  }
}

function heldBack(server: ServerId, doubt: ClockDoubt, released: number, { log }: RetentionDeps): RetentionResult {
  const { wall, expected } = doubt;
  log[released === 0 ? 'debug' : 'warn']('Retention removes nothing while the clock is in doubt', {
    server,
    clock: isoDate(wall),
    expected: isoDate(expected),
  });
  return { removed: [], failed: [], doubt };
}

/** Applies retention after each completed backup, until `close`. */
export class Pruner {
  readonly #stopListening: () => void;
  /** Runs follow one another: a deletion may wait long for a remote store. */
  #pending: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(deps: PruneDeps) {
    const stopped = (): boolean => this.#closed;
    this.#stopListening = deps.events.subscribe(({ type, server }) => {
      if (type === 'backup.completed') {
        this.#pending = this.#pending.then(() => applyRetention(server, deps, { stopped }));
      }
    });
  }

  /** Resolves when all runs started so far have ended. */
  async settled(): Promise<void> {
    await this.#pending;
  }

  /** Starts no further deletion. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stopListening();
    await this.#pending;
  }
}
