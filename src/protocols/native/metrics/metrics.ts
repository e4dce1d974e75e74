/**
 * `GET /metrics`: the state of this node in the Prometheus text format (version 0.0.4).
 *
 * For: scrapers with a `node.read` token. Promises: names and labels stay; counters only grow until a restart; labels
 * are bounded: servers that exist, stores of the config, known codes. Never: reads files or records, or shows servers
 * that the token does not hold.
 */
import { z } from '@hono/zod-openapi';
import { Gauge, Registry } from 'prom-client';
import type { Clock } from '../../../base/clock.ts';
import type { BackupService, EventSource } from '../../../jobs/contract.ts';
import { holdsServer } from '../../access.ts';
import type { App } from '../../dialect.ts';
import { bearerRoute } from '../../route-answers.ts';
import { ANY_ERROR } from '../answers.ts';
import { guard, nativeCaller } from '../guard.ts';
import type { EventLoopDelay } from './event-loop-delay.ts';
import { countJobs } from './jobs.ts';
import { LastSuccesses } from './last-success.ts';
import { type PassedTraffic, showPassed } from './passed.ts';

export interface MetricsDeps {
  readonly service: Pick<BackupService, 'servers' | 'backups' | 'system'>;
  readonly events: EventSource;
  readonly clock: Clock;
  readonly eventLoop?: EventLoopDelay;
  /** Copies in further stores that are pending or failed. */
  readonly openCopies?: () => OpenCopies;
  /** Undefined where nothing is passed to another daemon. */
  readonly passed?: (() => PassedTraffic | undefined) | undefined;
}

export interface OpenCopies {
  readonly pending: number;
  readonly failed: number;
  readonly damaged: number;
}

const metrics = bearerRoute({
  method: 'get',
  path: '/metrics',
  summary: 'The state of this node for Prometheus',
  description: 'Gauges of servers are those that the token holds; counters are of the whole node.',
  middleware: [guard('node.read')],
  responses: {
    200: { description: 'Prometheus text, version 0.0.4', content: { 'text/plain': { schema: z.string() } } },
    ...ANY_ERROR,
  },
});

export function mountMetrics(app: App, ports: MetricsDeps): void {
  const counters = new Registry();
  countJobs(counters, ports.events);
  const successes = new LastSuccesses(ports.service, ports.clock);
  successes.follow(ports.events);
  app.openapi(metrics, async (c) => {
    const caller = nativeCaller(c);
    // New for each answer, so that a server or store that is gone leaves no value behind.
    const now = new Registry();
    const servers = (await ports.service.servers()).filter(({ id }) => holdsServer(caller, id));
    await showNode(now, ports);
    showServers(now, servers, await successes.of(servers));
    const passed = ports.passed?.();
    if (passed !== undefined) showPassed(now, passed);
    return c.text(`${await now.metrics()}\n${await counters.metrics()}`, 200, { 'Content-Type': now.contentType });
  });
}

async function showNode(registry: Registry, { service, eventLoop, openCopies }: MetricsDeps): Promise<void> {
  const { version, node, engine, uptimeSeconds, jobs, stores, deliveries } = await service.system();
  const gauge = gauges(registry);
  gauge('roost_build_info', 'What runs, as labels; always 1', ['version', 'node']).set({ version, node }, 1);
  gauge('roost_engine_info', 'The deflate engine in use; always 1', ['engine']).set({ engine }, 1);
  gauge('roost_uptime_seconds', 'Since the daemon was started', []).set(uptimeSeconds);
  const queue = gauge('roost_jobs', 'Jobs without a final state', ['state']);
  queue.set({ state: 'running' }, jobs.running);
  queue.set({ state: 'waiting' }, jobs.queued);
  if (openCopies !== undefined) {
    const { pending, failed, damaged } = openCopies();
    const what = 'Copies in further stores that are not there, by why; damaged: found so, and not made anew yet';
    const copies = gauge('roost_copies', what, ['state']);
    copies.set({ state: 'pending' }, pending);
    copies.set({ state: 'failed' }, failed);
    copies.set({ state: 'damaged' }, damaged);
  }
  if (deliveries !== undefined) {
    const reports = gauge('roost_panel_reports', 'Reports that the panel is owed; parked: it refused them', ['state']);
    reports.set({ state: 'pending' }, deliveries.pending);
    reports.set({ state: 'parked' }, deliveries.parked);
  }
  const up = gauge('roost_store_up', '1 when the store can be used now', ['store']);
  const free = gauge('roost_store_free_bytes', 'Free bytes, where the store can say', ['store']);
  for (const { name, freeBytes, error } of stores) {
    up.set({ store: name }, error === null ? 1 : 0);
    if (freeBytes !== null) free.set({ store: name }, freeBytes);
  }
  showVaults(registry, stores);
  if (eventLoop === undefined) return;
  const { p99, max } = eventLoop.take();
  gauge('roost_event_loop_delay_p99_seconds', '99 of 100 turns were later by less, since the last scrape', []).set(p99);
  gauge('roost_event_loop_delay_max_seconds', 'The longest delay since the last scrape', []).set(max);
}

/** Stores whose archives share bytes, once they were collected. */
function showVaults(registry: Registry, stores: Awaited<ReturnType<BackupService['system']>>['stores']): void {
  const gauge = gauges(registry);
  const stored = gauge('roost_vault_stored_bytes', 'Bytes that the disk holds', ['store']);
  const live = gauge('roost_vault_live_bytes', 'Bytes that a backup needs', ['store']);
  const dead = gauge('roost_vault_dead_bytes', 'Bytes on the disk that no backup needs', ['store']);
  const packs = gauge('roost_vault_packs', 'Files that hold the bytes of archives', ['store']);
  const at = gauge('roost_vault_collected_timestamp_seconds', 'When the server was collected that waits longest', [
    'store',
  ]);
  for (const { name: store, vault } of stores) {
    if (vault === undefined) continue;
    stored.set({ store }, vault.storedBytes);
    live.set({ store }, vault.liveBytes);
    dead.set({ store }, Math.max(0, vault.storedBytes - vault.liveBytes));
    packs.set({ store }, vault.packs);
    at.set({ store }, vault.collectedAt / 1000);
  }
}

type Servers = Awaited<ReturnType<BackupService['servers']>>;

function showServers(registry: Registry, servers: Servers, successes: ReadonlyMap<string, number>): void {
  const gauge = gauges(registry);
  // A server without one has a time, too: an alert on the age of a series that is absent never fires.
  const last = gauge(
    'roost_backup_last_success_timestamp_seconds',
    'When the newest backup was completed; 0 without one',
    ['server'],
  );
  const count = gauge('roost_backups', 'Backups that are kept: of any status by server, and by state of all', [
    'server',
    'state',
  ]);
  const bytes = gauge('roost_backup_bytes', 'Bytes of all archives', ['server']);
  for (const { id: server, ...view } of servers) {
    count.set({ server }, view.backups);
    bytes.set({ server }, view.bytes);
    last.set({ server }, (successes.get(server) ?? 0) / 1000);
    for (const [state, number] of Object.entries(view.states ?? {})) count.inc({ state }, number);
  }
}

function gauges(registry: Registry) {
  return <Label extends string>(name: string, help: string, labelNames: readonly Label[]): Gauge<Label> =>
    new Gauge({ name, help, labelNames: [...labelNames], registers: [registry] });
}
