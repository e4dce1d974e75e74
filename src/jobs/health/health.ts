/**
 * The doctor's findings, as the daemon sees them: with its own rights, its own stores and its own jobs.
 *
 * For: `GET /api/doctor`, which `roost doctor` prints.
 * Promises: a failing check is itself a fault and prevents no other; stores that do not answer are faults with the hint
 * of their failure.
 * Never: starts a job or changes anything.
 */
import type { BelievableClock } from '../../base/believable-clock.ts';
import { countText } from '../../base/sizes.ts';
import { type Clock, isoDate } from '../../base/clock.ts';
import { asFailure, type Failure, reasonOf } from '../../base/failure.ts';
import { fault, fine, type Finding, warning } from '../../base/finding.ts';
import type { CatalogueFacts } from '../../catalogue/inspect.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { StateReserve } from '../../catalogue/state-reserve.ts';
import type { Config } from '../../config/types.ts';
import { checkBackups } from '../../policy/health/backups.ts';
import { checkCopies, checkReports } from '../../policy/health/owed.ts';
import { checkProtection } from '../../policy/health/protected.ts';
import { checkHooks, checkJobs } from '../../policy/health/running.ts';
import { checkSpace } from '../../policy/health/space.ts';
import { checkServers, checkStages } from '../../servers/examine.ts';
import type { Registry } from '../../servers/registry.ts';
import { findUnwritable } from '../../servers/writable.ts';
import type { Store } from '../../storage/store.ts';
import type { JobRunner } from '../runner/runner.ts';
import type { StoreSet } from '../stored/stores.ts';
import { viewJob } from '../views.ts';

export interface HealthDeps {
  readonly catalogue: Pick<Catalogue, 'jobs' | 'servers'>;
  /** Reads the catalogue again; undefined while it holds nothing. */
  readonly inspect: () => CatalogueFacts | undefined;
  readonly reserve: Pick<StateReserve, 'isGiven'>;
  readonly stores: StoreSet;
  readonly registry: Registry;
  readonly runner: JobRunner;
  readonly config: Pick<Config, 'limits' | 'panel' | 'power' | 'retention' | 'schedules' | 'servers'>;
  readonly believable: Pick<BelievableClock, 'canDelete' | 'now'>;
  readonly clock: Clock;
  /** Why the panel took nothing when it was asked last. */
  readonly panelAway: () => Failure | undefined;
}

/** Runs every check once. The findings are in the order of the checks; the caller sorts them. Never rejects. */
export async function examineNode(deps: HealthDeps): Promise<readonly Finding[]> {
  const { clock, config } = deps;
  let facts: CatalogueFacts | undefined;
  const checks: readonly (readonly [string, () => Finding[] | Promise<Finding[]>])[] = [
    ['catalogue', () => [catalogueFinding((facts = deps.inspect()))]],
    ['state', () => stateFindings(deps)],
    ['clock', () => [clockFinding(deps)]],
    ['jobs', () => checkJobs(openJobs(deps), clock.now())],
    ['store', () => storesOf(deps)],
    ['copies', () => checkCopies(facts)],
    ['panel', () => checkReports(config.panel.connection !== null, facts?.deliveries, clock.now(), deps.panelAway())],
    ['servers', () => serversOf(deps, facts)],
    ['stages', () => checkStages(config, facts?.restoring ?? new Set())],
    ['backups', () => checkBackups(config, facts, clock.now())],
    ['protection', () => protectionOf(deps, facts)],
    ['power', () => (config.power.driver === 'none' ? [] : checkHooks(facts?.unquiesced ?? []))],
  ];
  const findings: Finding[] = [];
  for (const [name, check] of checks) findings.push(...(await guarded(name, check)));
  return findings;
}

async function guarded(name: string, check: () => Finding[] | Promise<Finding[]>): Promise<readonly Finding[]> {
  try {
    return await check();
  } catch (error) {
    const { message, hint } = asFailure(error, `Cannot check ${name}`);
    return [fault(name, message, hint)];
  }
}

function catalogueFinding(facts: CatalogueFacts | undefined): Finding {
  return fine('catalogue', countText(facts?.backups ?? 0, 'backup'));
}

function stateFindings({ reserve }: HealthDeps): Finding[] {
  if (!reserve.isGiven) return [];
  const hint = 'Delete backups on that disk, or free space on it.';
  return [fault('state', 'The disk of the state directory is full: nothing but deletions is begun', hint)];
}

function clockFinding({ believable, clock }: HealthDeps): Finding {
  const now = clock.now();
  if (believable.canDelete()) return fine('clock', `The clock says ${isoDate(now)}`);
  const hint = 'Nothing is deleted until it has held for an hour. Keep it set: timedatectl set-ntp true.';
  const expected = isoDate(believable.now());
  return warning('clock', `The clock has jumped: it says ${isoDate(now)}, and ${expected} was expected`, hint);
}

function openJobs({ catalogue, runner }: HealthDeps) {
  return catalogue.jobs.active().map((record) => {
    const { id, kind, server, state, phase, startedAt, progress } = viewJob(record, runner);
    return { id, kind, server, state, phase, startedAt, bytesPerSecond: progress?.bytesPerSecond ?? 0 };
  });
}

async function storesOf({ stores, config }: HealthDeps): Promise<Finding[]> {
  const found = await Promise.all(stores.all().map((store) => storeFindings(store, config.limits.reserveFree)));
  return found.flat();
}

async function storeFindings(store: Store, reserve: number): Promise<Finding[]> {
  const { name } = store;
  try {
    await store.check();
    const free = await store.freeSpace(0);
    if (free === null) return [fine('store', `The store "${name}" answers the daemon`)];
    return checkSpace(name, free.bytes, free.inodes, reserve);
  } catch (error) {
    const { hint = 'Mount it, or correct the config; backups are refused until it answers.' } = asFailure(error, '');
    return [fault('store', `The daemon cannot use the store "${name}": ${reasonOf(error)}`, hint)];
  }
}

async function serversOf({ config }: HealthDeps, facts: CatalogueFacts | undefined): Promise<Finding[]> {
  const unwritable = await findUnwritable(config.servers);
  // A directory that cannot be written is logged once.
  const others = unwritable.length > 0 ? [] : await checkServers(config, facts?.servers ?? []);
  return [...unwritable.map(({ error, hint }) => fault('servers', error, hint)), ...others];
}

async function protectionOf(
  { catalogue, clock, config, registry }: HealthDeps,
  facts: CatalogueFacts | undefined,
): Promise<Finding[]> {
  const present = await registry.list();
  const servers = present.map(({ id }) => id).filter((id) => !catalogue.servers.get(id).suspended);
  const histories = facts?.histories ?? new Map<string, never>();
  const panel = config.panel.connection !== null;
  return checkProtection({ servers, histories, schedules: config.schedules, panel }, clock.now());
}
