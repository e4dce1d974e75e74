/** The state of the node, and of its stores with what is in them. Asks the stores; never rejects for one that is away. */
import os from 'node:os';
import { type Clock, DAY_MS } from '../../base/clock.ts';
import type { Catalogue, BackupTotals } from '../../catalogue/contract.ts';
import type { StateReserve } from '../../catalogue/state-reserve.ts';
import type { StoreFlow } from '../../catalogue/records.ts';
import type { Config } from '../../config/types.ts';
import type { NodeView, StoreUsage, SystemView } from '../contract.ts';
import { countDeliveries, type OwedReports } from '../report/admin.ts';
import type { JobRunner } from '../runner/runner.ts';
import type { StoreSet } from '../stored/stores.ts';
import { viewStore } from '../views.ts';
import type { Registry } from '../../servers/registry.ts';
import type { UnwritablePlace } from '../../servers/writable.ts';

export interface SystemDeps extends OwedReports {
  readonly registry: Pick<Registry, 'list'>;
  readonly runner: Pick<JobRunner, 'open'>;
  readonly stores: StoreSet;
  readonly reserve?: StateReserve;
  readonly unwritable?: () => Promise<readonly UnwritablePlace[]>;
  readonly clock: Clock;
  readonly version: string;
  readonly engine: 'isal' | 'zlib';
}

/** @param startedAt of the monotonic clock, in ms. */
export async function viewSystem(startedAt: number, deps: SystemDeps): Promise<SystemView> {
  const { clock, engine, registry, reserve, runner, stores, version } = deps;
  const open = runner.open();
  const running = open.filter(({ state }) => state === 'running').length;
  const views = await Promise.all(stores.all().map(viewStore));
  return {
    version,
    node: process.version,
    engine,
    uptimeSeconds: Math.floor((clock.monotonic() - startedAt) / 1000),
    servers: (await registry.list()).length,
    jobs: { running, queued: open.length - running },
    stores: views.map(({ name, type, freeBytes, error, vault }) => ({ name, type, freeBytes, error, vault })),
    stateDisk: reserve && { freeBytes: reserve.freeBytes(), full: reserve.isGiven },
    unwritable: await deps.unwritable?.(),
    ...countDeliveries(deps),
  };
}

export interface NodeDeps {
  readonly catalogue: Pick<Catalogue, 'backups' | 'copies' | 'history'>;
  readonly stores: StoreSet;
  readonly config: Pick<Config, 'limits' | 'retention' | 'verification'>;
  readonly clock: Pick<Clock, 'now'>;
}

/** Days over which growth is measured. */
const GROWTH_DAYS = 14;

export async function viewNode(deps: NodeDeps): Promise<NodeView> {
  const { catalogue, config, clock, stores } = deps;
  const now = clock.now();
  const views = await Promise.all(stores.all().map(viewStore));
  const used = usedByStore(catalogue);
  const copies = catalogue.copies.counts();
  const flows = new Map(catalogue.history.flows(now - GROWTH_DAYS * DAY_MS).map((flow) => [flow.store, flow]));
  const { reserveFree, perServer, maxSize, serverBytes } = config.limits;
  const usages = views.map(({ name, type, freeBytes, totalBytes, error, vault }): StoreUsage => {
    const { backups, bytes } = used.get(name) ?? { backups: 0, bytes: 0 };
    const growthPerDay = growthOf(flows.get(name), now);
    return {
      name,
      type,
      freeBytes,
      error,
      isDefault: stores.default.name === name,
      totalBytes,
      usedBytes: bytes,
      vault,
      backups,
      reserveBytes: reserveFree,
      growthPerDay,
      fullAt: fullAt(freeBytes, reserveFree, growthPerDay, now),
      copies: { completed: 0, pending: 0, failed: 0, ...copies.get(name) },
    };
  });
  return {
    name: os.hostname(),
    stores: usages,
    retention: config.retention,
    limits: { perServer, maxSize, serverBytes },
    verification: config.verification,
  };
}

function usedByStore({ backups }: Pick<Catalogue, 'backups'>): ReadonlyMap<string, BackupTotals> {
  const used = new Map<string, { backups: number; bytes: number }>();
  for (const server of backups.servers()) {
    for (const [store, totals] of backups.overview(server).stores) {
      const sum = used.get(store) ?? { backups: 0, bytes: 0 };
      used.set(store, { backups: sum.backups + totals.backups, bytes: sum.bytes + totals.bytes });
    }
  }
  return used;
}

/** Bytes a day; null before there is a day to measure. */
export function growthOf(flow: StoreFlow | undefined, now: number): number | null {
  if (flow === undefined || flow.first === null) return flow === undefined ? null : -flow.removed / GROWTH_DAYS;
  const days = Math.min(GROWTH_DAYS, (now - flow.first) / DAY_MS);
  return days < 1 ? null : Math.round((flow.added - flow.removed) / days);
}

/** When what may be used is used up; null when that never comes, or is not known. */
export function fullAt(
  freeBytes: number | null,
  reserveBytes: number,
  growthPerDay: number | null,
  now: number,
): number | null {
  if (freeBytes === null || growthPerDay === null || growthPerDay <= 0) return null;
  const days = Math.max(0, freeBytes - reserveBytes) / growthPerDay;
  const at = now + days * DAY_MS;
  // Beyond what a date can say.
  return at > 8.64e15 ? null : Math.round(at);
}
