/**
 * The restore verb as the daemon runs it: a real catalogue, runner and disk; archives, power and time are doubles.
 * Needs no test runner, so that a child process can be killed in the middle of it.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../../src/base/failure.ts';
import { type BackupId, type JobId, newJobId, type ServerId } from '../../src/base/ids.ts';
import { silentLog } from '../../src/base/log/log.ts';
import { openCatalogue } from '../../src/catalogue/catalogue.ts';
import type { PlanTable } from '../../src/catalogue/contract.ts';
import type { RoostEvent } from '../../src/jobs/contract.ts';
import { EventHub } from '../../src/jobs/runner/events.ts';
import { sweepPrevious } from '../../src/jobs/restore/previous/sweep.ts';
import { recoverRestores, sweepRestores } from '../../src/jobs/restore/recovery.ts';
import type { FetchedArchive, RestoreDeps, RestoreStep } from '../../src/jobs/restore/deps.ts';
import { restoreVerb } from '../../src/jobs/restore/restore.ts';
import { JobRunner } from '../../src/jobs/runner/runner.ts';
import type { PowerPort, PowerState } from '../../src/servers/power/port.ts';
import type { ServersConfig } from '../../src/config/types.ts';
import { holdOut } from '../../src/servers/held-out.ts';
import { openRegistry } from '../../src/servers/registry.ts';
import type { RestoreJobRequest } from '../../src/catalogue/records.ts';
import { StillClock } from './still-clock.ts';
import { clearDirectory, makeTree, manifestAt, type Tree } from './tree.ts';
import { archiveOf, TreeArchives } from './tree-archive.ts';

export const SERVER = '00000000-0000-4000-8000-000000000001' as ServerId;
export const BACKUP = 'bbbbbbbb-0000-4000-8000-000000000001' as BackupId;

/**
 * Where tests end the process: the steps that a restore tells of, and the moment after it has forgotten its row, whatever
 * it thinks is the right time for that.
 */
export type KillPoint = RestoreStep | 'row deleted';

export interface RestoreNodeOptions {
  /** Where servers, state and all lie; an existing, empty directory. */
  readonly root: string;
  readonly archive?: RestoreDeps['archive'];
  readonly reserveFree?: number;
  /** Directories besides the state's that restores must not touch. */
  readonly heldOut?: readonly string[];
  /** Servers besides the one of the root. */
  readonly list?: ServersConfig['list'];
  readonly onStep?: (step: KillPoint) => void;
  readonly clock?: StillClock;
}

export type RestoreNode = ReturnType<typeof openRestoreNode>;

export function openRestoreNode(options: RestoreNodeOptions) {
  const { root, archive = new TreeArchives(), reserveFree = 0, clock = new StillClock(), heldOut = [] } = options;
  const servers = join(root, 'volumes');
  const stateDirectory = join(root, 'state');
  const live = join(servers, SERVER);
  fs.mkdirSync(live, { recursive: true });
  const catalogue = openCatalogue(join(stateDirectory, 'catalogue.sqlite'), clock);
  const log = silentLog();
  const events = new EventHub(clock, () => undefined);
  const told: RoostEvent[] = [];
  events.subscribe((event) => told.push(event));
  const power = new PowerDouble();
  const hooks = {
    /** What the next restores fetch. */
    archive: archiveOf(new Map()),
    /** How they fetch it. */
    fetch: (): Promise<FetchedArchive> => Promise.resolve(hooks.archive),
    onStep: options.onStep ?? (() => undefined),
  };
  const { backups, deliveries, jobs, plans } = catalogue;
  const transaction = <Result>(write: () => Result): Result => catalogue.transaction(write);
  const registry = openRegistry({ root: servers, list: options.list ?? [] });
  const deps = {
    catalogue: {
      backups,
      deliveries,
      jobs,
      plans: withDeletion(plans, () => hooks.onStep('row deleted')),
      transaction,
    },
    registry,
    archive,
    power,
    heldOut: holdOut([stateDirectory, ...heldOut], registry),
    running: new Set<JobId>(),
    config: configOf(servers, stateDirectory, reserveFree),
    fetch: () => hooks.fetch(),
    clock,
    log,
    events,
    onStep: (step: KillPoint) => hooks.onStep(step),
  };
  const verbs = [restoreVerb(deps)];
  const runner = new JobRunner({ catalogue, verbs, events, clock, log, concurrent: 2, maxQueued: 10 });
  const submit = (request: RestoreJobRequest, backup = BACKUP) =>
    runner.submit({ id: newJobId(), kind: 'restore', server: SERVER, backup, request });
  return Object.assign(hooks, {
    root,
    servers,
    live,
    stateDirectory,
    catalogue,
    told,
    power,
    clock,
    deps,
    runner,
    submit,
    /** Restores and waits; `done` or the code of the failure. */
    restore: (request: RestoreJobRequest = {}): Promise<string> => outcomeOf(submit(request).ended),
    recover: () => recoverRestores(deps),
    sweep: async () => {
      await sweepRestores(deps);
      await sweepPrevious(deps);
    },
    /** Replaces what is in the server's directory. */
    setLive: (tree: Tree): void => {
      clearDirectory(live);
      makeTree(live, tree);
    },
    manifest: (): string[] => manifestAt(live),
    close: (): void => catalogue.close(),
  });
}

export async function outcomeOf(ended: Promise<unknown>): Promise<string> {
  return ended.then(
    () => 'done',
    // What nobody foresaw is shown whole.
    (error: unknown) => (error instanceof Failure && error.code !== 'internal' ? error.code : String(error)),
  );
}

/** All names in and beside the server's directory that are not the server's own. */
export function remains({ servers, live }: Pick<RestoreNode, 'servers' | 'live'>): string[] {
  const names = [...fs.readdirSync(servers), ...fs.readdirSync(live)];
  return names.filter((name) => name.includes('roost'));
}

function withDeletion(plans: PlanTable, deleted: () => void): PlanTable {
  return {
    insert: (...row) => plans.insert(...row),
    find: (job) => plans.find(job),
    list: (filter) => plans.list(filter),
    advance: (...row) => plans.advance(...row),
    delete: (job) => {
      plans.delete(job);
      deleted();
    },
  };
}

class PowerDouble implements PowerPort {
  readonly calls: string[] = [];
  onCall: (call: string) => void = () => undefined;
  now: PowerState = 'stopped';
  refuse: 'stop' | 'start' | undefined;
  onStop: (signal: AbortSignal) => Promise<void> | void = () => undefined;

  state: PowerPort['state'] = () => Promise.resolve(this.now);

  async stop(_server: unknown, signal: AbortSignal): Promise<void> {
    this.#note('stop');
    await this.onStop(signal);
    if (this.refuse === 'stop') throw new Failure('server_busy', 'Cannot stop the server: it still runs');
    this.now = 'stopped';
  }

  async kill(): Promise<void> {
    this.#note('kill');
    this.now = 'stopped';
  }

  async start(): Promise<void> {
    this.#note('start');
    if (this.refuse === 'start') throw new Failure('server_busy', 'Cannot start the server');
    this.now = 'running';
  }

  async prepare(): Promise<undefined> {
    this.#note('prepare');
  }

  async resume(): Promise<undefined> {
    this.#note('resume');
  }

  #note(call: string): void {
    this.calls.push(call);
    this.onCall(call);
  }
}

function configOf(root: string, stateDirectory: string, reserveFree: number): RestoreDeps['config'] {
  return {
    stateDirectory,
    servers: { root, list: [] },
    backups: {
      compression: 'fast',
      engine: 'zlib',
      workers: 1,
      nice: 0,
      concurrent: 2,
      readLimit: 0,
      writeLimit: 0,
      uploadLimit: 0,
      wingsReadable: false,
      suspect: { lostFiles: 50, lostBytes: 50, unreadable: 10 },
    },
    limits: { perServer: 0, maxSize: 0, serverBytes: 0, servers: {}, reserveFree },
    restore: { setuid: 'strip', owner: 'archive' },
  };
}
