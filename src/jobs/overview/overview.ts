/**
 * The overview of the whole node (node-contract.ts). Uses counts that are kept up to date with each change of a backup, so
 * an overview of hundreds of servers with thousands of backups each takes milliseconds. Yields between servers.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Clock, DAY_MS, HOUR_MS } from '../../base/clock.ts';
import type { ServerId } from '../../base/ids.ts';
import type { Catalogue, ShownBackup } from '../../catalogue/contract.ts';
import type { Config } from '../../config/types.ts';
import { judgeProtection, type ScheduledTimes, ScheduleTimes } from '../../policy/health/protection.ts';
import type { Registry } from '../../servers/registry.ts';
import type { HistoryView, NodeReport, NodeService, NodeView, ScheduleView, ServerOverview } from '../contract.ts';
import { readFollowed, scheduleName, SCHEDULES_KEY, scheduleTimes } from '../look/schedule-times.ts';
import { undoable } from '../restore/previous/undo.ts';
import type { JobRunner } from '../runner/runner.ts';
import { bytesOf, limitsOf } from '../stored/server-limits.ts';
import { problemsOf } from './problems.ts';
import { type ExtraEventDeps, ExtraEventSource } from './extra-events.ts';
import { reportOf } from './report.ts';
import { type NodeDeps, viewNode } from './system.ts';

export interface OverviewDeps extends NodeDeps, ExtraEventDeps {
  readonly catalogue: Pick<Catalogue, 'backups' | 'copies' | 'history' | 'keys' | 'plans' | 'servers'>;
  readonly registry: Pick<Registry, 'get' | 'list'>;
  readonly runner: Pick<JobRunner, 'open' | 'watchQueue'>;
  readonly config: NodeDeps['config'] & Pick<Config, 'schedules'>;
  readonly clock: Clock;
}

/** Servers that are counted in one go. */
const AT_ONCE = 20;
/** How old the newest good backup of a server without a schedule may be. */
const UNPLANNED_MS = 48 * HOUR_MS;
/** How many coming times are shown of a schedule. */
const COMING = 3;
/** Attempts in one answer. */
const MOST_ATTEMPTS = 5000;
/** How long an answer that asked the stores is given again. */
const NODE_KEPT_MS = 5000;

export class NodeOverview implements NodeService {
  readonly #deps: OverviewDeps;
  #node: { readonly at: number; readonly view: Promise<NodeView> } | undefined;

  readonly #extra: ExtraEventSource;

  constructor(deps: OverviewDeps) {
    this.#deps = deps;
    this.#extra = new ExtraEventSource(deps);
  }

  follow(...asked: Parameters<NodeService['follow']>): () => void {
    return this.#extra.follow(...asked);
  }

  /** Counts ahead what overviews show, so that the first request is fast. Yields after each server. Never rejects. */
  async countAhead(signal: AbortSignal): Promise<void> {
    const { backups } = this.#deps.catalogue;
    try {
      for (const server of backups.servers()) {
        await nextTurn();
        if (signal.aborted) return;
        backups.overview(server);
      }
    } catch {
      // The first request counts the rest, and gets the error if there is one.
    }
  }

  async overviews(servers: readonly ServerId[]): Promise<readonly ServerOverview[]> {
    const present = new Set((await this.#deps.registry.list()).map(({ id }) => id));
    const made: ServerOverview[] = [];
    const times = new ScheduleTimes(this.#deps.config.schedules, this.#deps.clock.now());
    for (const [at, server] of servers.entries()) {
      if (at % AT_ONCE === AT_ONCE - 1) await nextTurn();
      made.push(this.#overview(server, present.has(server), times.of(server)));
    }
    return made;
  }

  async schedules(): Promise<readonly ScheduleView[]> {
    const { catalogue, clock, config: node, registry } = this.#deps;
    const now = clock.now();
    const present = (await registry.list()).map(({ id }) => id);
    const followed = readFollowed(catalogue.keys.getText(SCHEDULES_KEY));
    return scheduleTimes(node.schedules, now, COMING).map(({ config, last, next }) => {
      const { server, cron, timezone, ignore, missed: whenMissed } = config;
      const servers = server === '*' ? present : [server];
      return {
        server,
        servers,
        cron,
        timezone,
        ignore,
        whenMissed,
        next,
        last: last === undefined ? null : { at: last, ...this.#outcomes(servers, last) },
        missed: followed.get(scheduleName(config))?.missed ?? null,
      };
    });
  }

  node(): Promise<NodeView> {
    const now = this.#deps.clock.monotonic();
    if (this.#node === undefined || now - this.#node.at >= NODE_KEPT_MS) {
      this.#node = { at: now, view: viewNode(this.#deps) };
    }
    return this.#node.view;
  }

  async report(holds: (server: ServerId) => boolean): Promise<NodeReport> {
    const { catalogue, clock, registry } = this.#deps;
    const names = new Map((await registry.list()).map(({ id, name }) => [id, name]));
    const ids = [...new Set([...names.keys(), ...catalogue.backups.servers()])].filter(holds).sort();
    const [overviews, node] = await Promise.all([this.overviews(ids), this.node()]);
    const servers = overviews.map((overview) => ({
      name: names.get(overview.server) ?? overview.server.slice(0, 8),
      overview,
      verifiedAt: catalogue.backups.lastVerified(overview.server),
    }));
    return reportOf({ now: clock.now(), servers, node, owedCopies: catalogue.copies.oldestOwed() });
  }

  async history(server: ServerId, days: number): Promise<HistoryView> {
    const { catalogue, clock, registry } = this.#deps;
    const found = catalogue.history.list(server, clock.now() - days * DAY_MS, MOST_ATTEMPTS + 1);
    if (found.length === 0 && catalogue.backups.overview(server).backups === 0) await registry.get(server);
    return { attempts: found.slice(0, MOST_ATTEMPTS), more: found.length > MOST_ATTEMPTS };
  }

  #overview(server: ServerId, directory: boolean, times: ScheduledTimes | undefined): ServerOverview {
    const { catalogue, clock, runner } = this.#deps;
    const counts = catalogue.backups.overview(server);
    const now = clock.now();
    const lateSeconds = counts.newest === null ? null : lateBy(counts.newest, times, now);
    const { suspended } = catalogue.servers.get(server);
    const running = runner.open({ server }).some(({ record }) => record.kind === 'backup');
    const limits = limitsOf(server, undefined, this.#deps);
    return {
      server,
      newest: counts.newest,
      lastFailure: counts.lastFailure,
      recent: counts.recent,
      locked: counts.locked,
      damaged: counts.states.damaged,
      suspect: counts.states.suspect,
      next: times?.nextAt ?? null,
      lateSeconds,
      limits: {
        backups: { used: counts.backups - counts.states.failed, most: limits.perServer },
        bytes: { used: bytesOf(server, this.#deps), most: limits.serverBytes },
        maxSize: limits.maxSize,
      },
      undo: undoable(server, this.#deps) ?? null,
      problems: problemsOf({ counts, directory, suspended, lateSeconds, running }),
    };
  }

  /** The outcomes of the backups of these servers that began at or after `at` (ms). */
  #outcomes(servers: readonly ServerId[], at: number) {
    const counts = { completed: 0, failed: 0, running: 0, without: 0 };
    for (const server of servers) {
      const { recent } = this.#deps.catalogue.backups.overview(server);
      counts[outcomeOf(recent.filter(({ createdAt }) => createdAt >= at))]++;
    }
    return counts;
  }
}

/** Seconds since the time that passed without a good backup, by the rule of the doctor and of notifications; 0 in time. */
function lateBy(newest: ShownBackup, times: ScheduledTimes | undefined, now: number): number {
  if (times === undefined) return Math.max(0, Math.round((now - newest.createdAt - UNPLANNED_MS) / 1000));
  const good = { createdAt: newest.createdAt, sequence: 0, status: 'COMPLETED', damaged: false } as const;
  const { state, dueAt } = judgeProtection([good], times, now);
  return state === 'overdue' && dueAt !== null ? Math.round((now - dueAt) / 1000) : 0;
}

function outcomeOf(since: readonly ShownBackup[]): 'completed' | 'failed' | 'running' | 'without' {
  if (since.some(({ status }) => status === 'COMPLETED')) return 'completed';
  if (since.some(({ status }) => status === 'IN_PROGRESS')) return 'running';
  return since.length > 0 ? 'failed' : 'without';
}
