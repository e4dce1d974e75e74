/** How well the node is protected, in figures: what `roost report` prints. Pure. */
import { DAY_MS } from '../../base/clock.ts';
import type { NodeReport, NodeView, ServerOverview } from '../contract.ts';

export interface ReportFacts {
  readonly now: number;
  readonly servers: readonly {
    readonly name: string;
    readonly overview: ServerOverview;
    readonly verifiedAt: number | null;
  }[];
  readonly node: NodeView;
  /** By store: when the oldest backup was completed of which a copy is missing there. */
  readonly owedCopies: ReadonlyMap<string, number>;
}

export function reportOf({ now, servers, node, owedCopies }: ReportFacts): NodeReport {
  const stores = node.stores.map(({ name, freeBytes, growthPerDay, fullAt, copies, error }) => {
    const owed = owedCopies.get(name);
    const hasCopies = copies.completed + copies.pending + copies.failed > 0;
    return {
      name,
      freeBytes,
      growthPerDay,
      daysUntilFull: fullAt === null ? null : Math.max(0, Math.floor((fullAt - now) / DAY_MS)),
      copies: hasCopies ? { ...copies, lagSeconds: owed === undefined ? 0 : secondsSince(owed, now) } : null,
      error,
    };
  });
  const rows = servers.map(({ name, overview, verifiedAt }) => ({
    server: overview.server,
    name,
    newest: overview.newest && { id: overview.newest.id, createdAt: overview.newest.createdAt },
    ageSeconds: overview.newest === null ? null : secondsSince(overview.newest.createdAt, now),
    next: overview.next,
    lateSeconds: overview.lateSeconds,
    verifiedAt,
    problems: overview.problems.map(({ code }) => code),
  }));
  const healthy =
    rows.every(({ problems }) => problems.length === 0) &&
    stores.every(({ error, copies }) => error === null && (copies?.failed ?? 0) === 0);
  return { name: node.name, at: now, healthy, servers: rows, stores };
}

/** Whole seconds; 0 for a time in the future, as after the clock was set back. */
function secondsSince(time: number, now: number): number {
  return Math.max(0, Math.round((now - time) / 1000));
}
