/**
 * The composition root: config, catalogue, stores, servers, jobs, HTTP. Only compose/ builds these and knows their
 * implementations.
 *
 * Promises: a daemon owns its state directory alone; leftovers of the last run are settled before requests are
 * answered; it serves while a store is unreachable; `stop` frees all that `start` opened, also after half a start.
 * Never: holds rules about backups; those belong to jobs.
 */
import { type Catalogue, CATALOGUE_NAME } from '../catalogue/contract.ts';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { selectedEngine } from '../archive/archive.ts';
import type { BelievableClock } from '../base/believable-clock.ts';
import { type Clock, DAY_MS, HOUR_MS, systemClock } from '../base/clock.ts';
import { attempt, type Failure } from '../base/failure.ts';
import type { ServerId } from '../base/ids.ts';
import type { Log, RootLog } from '../base/log/log.ts';
import { openStdoutLog, type StdoutLog } from '../base/log/stdout.ts';
import { systemTimers } from '../base/timers.ts';
import { DOWNLOAD_TOKEN_KEY } from '../catalogue/catalogue.ts';
import { openOrRenewCatalogue } from '../catalogue/salvage.ts';
import { forgetAddress, writeAddress } from '../catalogue/state-address.ts';
import { lockStateDirectory } from '../catalogue/state-lock.ts';
import { StateReserve } from '../catalogue/state-reserve.ts';
import type { Daemon, InheritedSockets } from '../cli/daemon.ts';
import { version } from '../cli/version.ts';
import { believableClock } from './believed-time.ts';
import { composeDialects } from './dialects.ts';
import { composeFront, type ComposedFront } from './front.ts';
import { type FrontSource, openFrontSource } from './front-config.ts';
import { composeJobs, type Jobs, type OnRestoreStep } from './jobs.ts';
import type { JobRecord } from '../catalogue/records.ts';
import { FLAVOURS } from '../protocols/wings/flavours/flavours.ts';
import { composePanel, type WingsPanel } from './panel.ts';
import { openStores } from './stores.ts';
import { fingerprint, liveConfig, type LiveConfig } from '../config/live.ts';
import type { Config } from '../config/types.ts';
import { createApp, type HttpApp } from '../http/app.ts';
import { watchEventLoop } from '../protocols/native/metrics/event-loop-delay.ts';
import { isReported } from '../jobs/runner/job-end.ts';
import { createHttpServer, type HttpServer } from '../http/server.ts';
import { TokenDenylist } from '../protocols/wings/tokens/denylist.ts';
import { PanelStartup } from '../protocols/wings/panel/startup.ts';
import { findUnwritable } from '../servers/writable.ts';
import { openRegistry } from '../servers/registry.ts';

/** Under `keys`: signs tokens for the socket of a node without a panel. */
const SOCKET_TOKEN_KEY = 'socket-token';

/** How long `stop` lets running jobs go on; below the TimeoutStopSec of systemd/roost.service. */
const DRAIN_MS = 60_000;
/** How long `stop` waits for answers to callers whose job has just ended, before it cuts their connections. */
const ANSWERS_MS = 5_000;
/** How long the start waits for stores that do not answer. */
const STORES_MS = 5_000;
const SWEEP_EVERY_MS = HOUR_MS;
/** How often ends of jobs that could not be stored are tried again. */
const SAVE_ENDS_EVERY_MS = 3_000;
/** How long ended jobs are shown. */
const JOBS_KEPT_MS = 30 * DAY_MS;

/** How long the history keeps attempts whose backups are gone. */
const HISTORY_KEPT_MS = 400 * DAY_MS;

export interface DaemonDeps {
  readonly clock?: Clock;
  readonly log?: RootLog;
  /** Milliseconds that `stop` lets running jobs go on. */
  readonly drainMs?: number;
  /** Called at each step of a restore or its recovery. Tests stop the process there. */
  readonly onRestoreStep?: OnRestoreStep;
  /** Sockets to serve on, in place of new ones at the addresses of the config. */
  readonly inherited?: InheritedSockets;
}

interface Settings {
  readonly drainMs: number;
  readonly onRestoreStep: OnRestoreStep | undefined;
  readonly inherited: InheritedSockets;
}

export async function composeDaemon(config: Config, deps: DaemonDeps = {}): Promise<Daemon> {
  const { clock = systemClock, drainMs = DRAIN_MS, onRestoreStep, inherited = {} } = deps;
  const log = deps.log === undefined ? openStdoutLog(config.log) : { log: deps.log, close: () => undefined };
  const front = await openFrontSource(config);
  return new RoostDaemon(liveConfig(front.complete(config)), front, clock, log, { drainMs, onRestoreStep, inherited });
}

class RoostDaemon implements Daemon {
  readonly #live: LiveConfig;
  readonly #reserve: StateReserve;
  readonly #config: Config;
  readonly #clock: Clock;
  readonly #log: RootLog;
  readonly #drainMs: number;
  readonly #onRestoreStep: OnRestoreStep | undefined;
  readonly #inherited: InheritedSockets;
  /** Closed by `stop`, the last opened first. */
  readonly #opened = new AsyncDisposableStack();
  #serving = false;
  #stopping: Promise<void> | undefined;
  #app: HttpApp | undefined;
  #server: HttpServer | undefined;
  #denylist: TokenDenylist | undefined;
  #tokens: Config['tokens'];
  #panel: WingsPanel | undefined;
  #believable: BelievableClock | undefined;
  readonly #frontSource: FrontSource;
  #front: ComposedFront | undefined;

  constructor(
    live: LiveConfig,
    frontSource: FrontSource,
    clock: Clock,
    { log, close }: StdoutLog,
    { drainMs, onRestoreStep, inherited }: Settings,
  ) {
    this.#live = live;
    this.#frontSource = frontSource;
    this.#config = live.config;
    this.#reserve = new StateReserve(live.config.stateDirectory);
    this.#tokens = live.config.tokens;
    this.#clock = clock;
    this.#log = log;
    // Deferred first, so closed last.
    this.#opened.defer(close);
    this.#drainMs = drainMs;
    this.#onRestoreStep = onRestoreStep;
    this.#inherited = inherited;
  }

  async start(): Promise<{ readonly url: string }> {
    const { catalogue, jobs } = await this.#open();
    await this.#recover(jobs);
    this.#keepTidy(catalogue, jobs);
    const url = await this.#serve(catalogue, jobs);
    if (this.#panel !== undefined) this.#greet(this.#panel, catalogue, jobs);
    const automatic = jobs.automate();
    this.#opened.defer(() => automatic.close());
    attempt(() => writeAddress(this.#config.stateDirectory, url));
    this.#serving = true;
    this.#log.info('Roost serves', { url, version: version(), node: process.version });
    return { url };
  }

  reload(read: Config): readonly string[] {
    const next = this.#frontSource.complete(read);
    const later = this.#live.reload(next);
    this.#takeTokens(next.tokens);
    this.#takeCertificate(next.api.tls);
    if (next.panel.connection !== null) this.#panel?.credentials.configure(next.panel.connection);
    this.#front?.reload(next.front?.listen.tls ?? null);
    this.#log.setLevel(next.log.level);
    for (const note of next.notes) this.#log.warn(note);
    this.#log.info('The configuration was reloaded');
    if (later.length > 0) this.#log.warn('Some of what was changed counts only after a restart', { keys: later });
    return later;
  }

  #takeTokens(tokens: Config['tokens']): void {
    if (fingerprint(tokens) === fingerprint(this.#tokens)) return;
    this.#tokens = tokens;
    this.#app?.setTokens(tokens);
    // Sockets opened with a removed token must close, and tokens it issued must not work again.
    this.#server?.dropSockets();
    this.#denylist?.denyOwn();
  }

  /** A pair of files that was renewed half-way must not end the service: the certificate from before is served on. */
  #takeCertificate(tls: Config['api']['tls']): void {
    try {
      this.#server?.setCertificate(tls);
    } catch (error) {
      this.#log.error('The certificate was not reloaded: the one from before is served on', { error });
    }
  }

  refuseReload(failure: Failure): void {
    this.#log.error('The configuration was not reloaded: the one from before stays in force', { error: failure });
  }

  /** Safe to call twice: both calls wait for the same end. */
  stop(): Promise<void> {
    this.#stopping ??= this.#close();
    return this.#stopping;
  }

  async #close(): Promise<void> {
    if (this.#serving) this.#log.info('Roost stops', { drainSeconds: this.#drainMs / 1000 });
    await this.#opened.disposeAsync();
  }

  async #open(): Promise<{ readonly catalogue: Catalogue; readonly jobs: Jobs }> {
    const config = this.#config;
    const [clock, log] = [this.#clock, this.#log];
    for (const note of config.notes) log.warn(note);
    const { fault } = this.#frontSource;
    if (fault !== undefined) log.error('Requests are passed to Wings; backups wait for its token', { error: fault });
    // Checked first: a missing engine is a config fault, and nothing needs closing yet.
    const engine = selectedEngine(config.backups.engine);
    const reserve = this.#reserve;
    const lock = reserve.retryWithRoom(() => lockStateDirectory(config.stateDirectory));
    this.#opened.defer(() => lock.release());
    forgetAddress(config.stateDirectory);
    this.#opened.defer(() => forgetAddress(config.stateDirectory));
    // Once the catalogue is closed, its log gives the room back.
    this.#opened.defer(() => void reserve.take());
    const catalogue = reserve.retryWithRoom(() => this.#openCatalogue());
    this.#opened.defer(() => catalogue.close());
    if (reserve.isGiven) this.#tellFull();
    reserve.take();
    this.#panel = composePanel(config.panel, catalogue, clock, version(), config.front !== null);
    const stores = await openStores(config, catalogue, clock, log);
    this.#opened.defer(async () => void (await Promise.all(stores.all().map((store) => store.close()))));
    const registry = openRegistry(config.servers);
    for (const fault of await registry.check()) log.warn(fault);
    for (const { path, error, hint } of await findUnwritable(config.servers)) log.error(error, { path, hint });
    const believable = believableClock(catalogue, clock, log);
    this.#believable = believable;
    const built = { config, catalogue, reserve, stores, registry, clock, believable, log, version: version(), engine };
    const jobs = composeJobs({
      ...built,
      onRestoreStep: this.#onRestoreStep,
      panel: this.#panel?.client,
      wingsPanel: this.#panel,
    });
    this.#opened.defer(() => jobs.close());
    return { catalogue, jobs };
  }

  #tellFull(): void {
    const { stateDirectory } = this.#config;
    this.#log.error('The disk of the state directory is full: nothing but deletions is begun', { stateDirectory });
  }

  #openCatalogue(): Catalogue {
    const path = join(this.#config.stateDirectory, CATALOGUE_NAME);
    const onFull = (): boolean => {
      if (!this.#reserve.isGiven) this.#tellFull();
      return this.#reserve.give();
    };
    const { catalogue, damage, setAside } = openOrRenewCatalogue(path, this.#clock, onFull);
    if (damage !== undefined) {
      this.#log.error('The catalogue is damaged; it is made again from the manifests', { setAside, error: damage });
    }
    return catalogue;
  }

  /** Restores are recovered in full; stores only until STORES_MS has passed, so that the API can answer. */
  async #recover(jobs: Jobs): Promise<void> {
    await jobs.recoverServers();
    const stores = jobs.recoverStores().catch((error: unknown) => {
      this.#log.error('Cannot end what the last run left in the stores', { error });
    });
    // Work cut off by the stop fails on the closed store; the next start repeats it.
    this.#opened.defer(() => within(stores, STORES_MS));
    await within(stores, STORES_MS);
  }

  #keepTidy(catalogue: Catalogue, jobs: Jobs): void {
    const tidy = (): void => {
      if (this.#believable?.canDelete() !== true) return;
      catalogue.jobs.forgetEnded(this.#clock.now() - JOBS_KEPT_MS);
      catalogue.history.forget(this.#clock.now() - HISTORY_KEPT_MS);
      catalogue.usedTokens.sweep();
      this.#app?.sweepSessions();
    };
    const sweep = async (): Promise<void> => {
      try {
        tidy();
        await jobs.sweep();
      } catch (error) {
        this.#log.warn('Cannot tidy up', { error });
      }
    };
    tidy();
    const save = (): void => {
      jobs.runner.saveEnds();
      if (this.#reserve.take()) this.#log.info('The disk of the state directory has room again');
    };
    const saving = setInterval(save, SAVE_ENDS_EVERY_MS);
    let sweeping = Promise.resolve();
    const timer = setInterval(() => void (sweeping = sweep()), SWEEP_EVERY_MS);
    this.#opened.defer(async () => {
      clearInterval(timer);
      clearInterval(saving);
      await sweeping;
    });
  }

  /** Runs in the background: the panel may be unreachable for days. */
  #greet(panel: WingsPanel, catalogue: Catalogue, { reports, runner, service }: Jobs): void {
    const held = this.#config.panel.ownsReset && FLAVOURS[panel.flavour].panel.resetFailsBackups === true;
    const isWaitedFor = ({ record }: { readonly record: JobRecord }): boolean =>
      isReported(record) && (!held || record.kind === 'restore');
    const busy = (): boolean =>
      runner.open().some(isWaitedFor) ||
      catalogue.deliveries.list({ state: 'pending' }).some(({ kind }) => kind === 'restore');
    const { ownsReset } = this.#config.panel;
    const onReset = (): void => reports?.release();
    const about = { panel: panel.client, service, ownsReset, busy, onReset, random: Math.random, log: this.#log };
    const greeting = new PanelStartup({ ...about, timers: systemTimers });
    this.#opened.defer(() => greeting.close());
    // Retry reports that failed with the old token.
    this.#opened.defer(panel.credentials.onRotate(() => void reports?.retry()));
    reports?.start({ held });
    greeting.start();
  }

  async #serve(catalogue: Catalogue, jobs: Jobs): Promise<string> {
    const { api, tokens, panel, front } = this.#config;
    const downloads = catalogue.keys.get(DOWNLOAD_TOKEN_KEY) ?? new Uint8Array();
    const { service, node, comparisons, vaults, notify, events, runner } = jobs;
    const [clock, log] = [this.#clock, this.#log];
    const eventLoop = watchEventLoop();
    this.#opened.defer(() => eventLoop.close());
    const sockets = catalogue.keys.ensure(SOCKET_TOKEN_KEY, () => randomBytes(32));
    const denylist = TokenDenylist.open(catalogue, clock);
    this.#denylist = denylist;
    // The panel's pages and this node's own clients use the same sockets, unless the front has the panel's.
    const panelKey = (): Uint8Array | undefined => (front === null ? this.#panel?.credentials.key : undefined);
    const keys = { downloads, sockets: () => panelKey() ?? sockets };
    const dialects = composeDialects({ panel, wings: front === null ? this.#panel : undefined, denylist, clock });
    const openCopies = () => catalogue.copies.missing();
    const passed = () => this.#front?.facts();
    const shown = { eventLoop, openCopies, passed, version: version() };
    const { sessions } = catalogue;
    const parts = { service, node, comparisons, vaults, notify, events, keys, clock, log, version: version() };
    const power = front === null ? undefined : async () => (await this.#front?.states()) ?? new Map();
    const app = createApp({ ...parts, power, tokens, api, sessions, dialects, ...shown });
    this.#app = app;
    const server = createHttpServer({ app, api, log, inherited: this.#inherited.api });
    this.#server = server;
    if (front !== null && this.#panel !== undefined) {
      const tellPower = (id: ServerId, state: string): void => tellServerPower(id, state, { service, events, log });
      const about = { config: this.#config, front, source: this.#frontSource, panel: this.#panel, denylist, tellPower };
      this.#front = composeFront({ ...parts, ...about, inherited: this.#inherited.front });
    }
    const { host, port } = await server.listen();
    this.#opened.defer(async () => {
      // In parallel: callers waiting for a job get their answer when the drain ends it.
      const drained = runner.drain(AbortSignal.timeout(this.#drainMs));
      await Promise.all([drained, server.close(this.#drainMs + ANSWERS_MS)]);
      await this.#front?.close(ANSWERS_MS);
    });
    await this.#listenBeforeWings();
    return urlOf(host, port, api.tls !== null);
  }

  async #listenBeforeWings(): Promise<void> {
    const { front } = this.#config;
    if (this.#front === undefined || front === null) return;
    const { host, port } = await this.#front.listen();
    this.#log.info('Roost stands before Wings', {
      url: urlOf(host, port, front.listen.tls !== null),
      wings: front.wings,
    });
  }
}

/** In the background: the state of a game is shown beside what Roost does with the server. */
function tellServerPower(
  server: ServerId,
  power: string,
  { service, events, log }: Pick<Jobs, 'service' | 'events'> & { readonly log: Log },
): void {
  service.server(server).then(
    ({ status }) => events.publish({ type: 'server.status', server, data: { status, power } }),
    (error: unknown) => log.debug('The state of a server was not told', { server, error }),
  );
}

function urlOf(host: string, port: number, encrypted: boolean): string {
  return `${encrypted ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Waits for a promise that never rejects, at most this long. */
async function within(promise: Promise<void>, milliseconds: number): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, milliseconds);
  await Promise.race([promise, late.promise]);
  clearTimeout(timer);
}
