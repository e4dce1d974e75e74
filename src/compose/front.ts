/**
 * Builds the front of Wings: the relay, the front of the panel's dialect, and the node's public listener.
 *
 * During a stop it keeps passing requests while jobs drain. Sockets are closed last, so that pages reconnect to the next
 * process and not to this one.
 */
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { attempt, Failure } from '../base/failure.ts';
import type { ServerId } from '../base/ids.ts';
import { systemTimers, type Timers } from '../base/timers.ts';
import type { Config, FrontConfig } from '../config/types.ts';
import { createDialectApp, type DialectAppOptions } from '../http/app.ts';
import { createFrontServer, type FrontServer } from '../http/front/front-server.ts';
import type { PassedTraffic } from '../protocols/native/native.ts';
import { FLAVOURS } from '../protocols/wings/flavours/flavours.ts';
import { Front } from '../protocols/wings/front/front.ts';
import { Pages } from '../protocols/wings/front/pages.ts';
import type { TokenDenylist } from '../protocols/wings/tokens/denylist.ts';
import { wingsDialect } from '../protocols/wings/wings.ts';
import { openRelay, type Relay } from '../relay/relay.ts';
import { type GameState, LiveState } from '../servers/live-state.ts';
import { readStates } from '../servers/wings-api.ts';
import { keepPush, type PanelPush, pushDiffers } from '../servers/panel-push.ts';
import { driftOf, nameInCertificatePath, type WingsConfig, WingsConfigFile } from '../servers/wings-config.ts';
import { LentArchives } from './front-lent.ts';
import type { FrontSource } from './front-config.ts';
import type { WingsPanel } from './panel.ts';

export interface FrontParts extends Omit<DialectAppOptions, 'api' | 'timers'> {
  readonly config: Config;
  readonly front: FrontConfig;
  readonly source: FrontSource;
  readonly panel: WingsPanel;
  readonly denylist: TokenDenylist;
  readonly timers?: Timers;
  /** The descriptor of a listening socket to serve on; undefined: a new one at `front.listen`. */
  readonly inherited?: number | undefined;
  /** Tells who listens that a game has started or stopped. */
  readonly tellPower: (server: ServerId, power: GameState) => void;
}

export interface ComposedFront {
  listen(): Promise<{ readonly host: string; readonly port: number }>;
  /** Reads Wings' file and the certificate again, now. */
  reload(tls: FrontConfig['listen']['tls']): void;
  readonly facts: () => PassedTraffic;
  /** The states of games, as Wings says; never rejects. */
  readonly states: () => Promise<ReadonlyMap<ServerId, GameState>>;
  /** Waits up to `deadline` milliseconds for requests under way, then cuts them. */
  close(deadline: number): Promise<void>;
}

const CERTIFICATE_EVERY_MS = 30_000;

export function composeFront(parts: FrontParts): ComposedFront {
  const { front: config, log, timers = systemTimers, panel } = parts;
  const relay = openRelay({ url: config.wings, timers });
  const file = new WingsFile(parts, timers);
  const { service, clock } = parts;
  const lent = new LentArchives({ directory: () => file.backupDirectory, service, clock, timers, log });
  const live = new LiveState({
    clock: parts.clock,
    read: () => readStates({ url: config.wings, token: () => panel.credentials.token }),
    onChange: parts.tellPower,
  });
  const pages = new Pages({
    ...parts,
    timers,
    facts: FLAVOURS[panel.flavour],
    key: () => panel.credentials.key,
    upstream: relay.upstream,
  });
  const server = createFrontServer({
    front: frontOf(parts, timers, { relay, pages, file, lent }),
    app: appOf(parts),
    config,
    log,
    timers,
    inherited: parts.inherited,
  });
  const certificate = followCertificate(config, server, parts, timers);
  return {
    async listen() {
      await file.follow();
      lent.follow();
      const address = await server.listen();
      certificate.follow();
      return address;
    },
    reload(tls) {
      void file.read();
      certificate.take(tls);
    },
    facts() {
      const { reached: wingsUp, ...counts } = relay.counts;
      return { ...counts, wingsUp, sockets: pages.count, drift: file.drift.length };
    },
    states: () => live.states(),
    async close(deadline) {
      certificate.close();
      await file.close();
      await lent.close();
      pages.close();
      await server.close(deadline);
      relay.close();
    },
  };
}

interface Behind {
  readonly relay: Relay;
  readonly pages: Pages;
  readonly file: WingsFile;
  readonly lent: LentArchives;
}

function frontOf(parts: FrontParts, timers: Timers, { relay, pages, file, lent }: Behind): Front {
  const { panel, service, denylist, log, version } = parts;
  return new Front({
    facts: FLAVOURS[panel.flavour],
    relay,
    credentials: panel.credentials,
    panelOrigin: new URL(panel.url).origin,
    allowedOrigins: panel.allowedOrigins,
    version,
    denylist,
    service,
    panel: panel.client,
    lent,
    timers,
    log,
    onUpdate: async ({ port, tls, certificate }) => {
      const wanted = { port, tls, name: nameInCertificatePath(certificate) };
      log.info('The panel has pushed its configuration of this node to Wings', wanted);
      takePush(wanted, parts);
      await file.read();
    },
    openPage: (upgrade, named, refuse) => pages.open(upgrade, named, refuse),
  });
}

/** Kept for `roost doctor`; a state disk that is full costs no more than that. */
function takePush(wanted: PanelPush, { config, front, log }: FrontParts): void {
  const differences = pushDiffers(wanted, front.listen);
  if (differences.length > 0)
    log.warn('The panel looks for this node elsewhere than its front listens', { differences });
  attempt(() => keepPush(config.stateDirectory, wanted));
}

function appOf(parts: FrontParts) {
  const { panel, denylist, front, clock } = parts;
  const { url: panelUrl, client, ...rest } = panel;
  const dialect = wingsDialect({ ...rest, panelUrl, panel: client, denylist, clock, newRequestId: randomUUID });
  // No Strict-Transport-Security: it would bind the whole host name, where other ports may speak plain http.
  const api = { publicUrl: null, tls: null, trustedProxies: front.trustedProxies };
  return createDialectApp({ ...parts, api }, dialect);
}

/** Wings' file, and what follows from each new content of it. */
class WingsFile {
  readonly #parts: FrontParts;
  readonly #file: WingsConfigFile | undefined;
  drift: readonly string[] = [];
  backupDirectory: string | undefined;

  constructor(parts: FrontParts, timers: Timers) {
    this.#parts = parts;
    const path = parts.front.wingsConfig;
    if (path === null) return;
    const onChange = (wings: WingsConfig): void => this.#take(wings);
    this.#file = new WingsConfigFile({ path, timers, onChange, log: parts.log });
  }

  async follow(): Promise<void> {
    await this.#file?.follow();
  }

  async read(): Promise<void> {
    await this.#file?.read();
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }

  #take(wings: WingsConfig): void {
    const { config, source, panel, front, log } = this.#parts;
    source.take(wings);
    this.backupDirectory = wings.backupDirectory ?? undefined;
    const { tokenId, token } = config.panel.given;
    const next = { tokenId: tokenId ?? wings.tokenId, token: token ?? wings.token };
    panel.credentials.configure(next);
    if (config.power.driver === 'wings') config.power.token.renew(next.token);
    const drift = driftOf(wings, front.wings);
    if (drift.length > 0 && drift.join() !== this.drift.join()) {
      const hint =
        'Set them back before Wings is started again, or it takes the address of Roost, or can be reached past it.';
      log.error('The configuration of Wings does not agree with front.wings', { drift, hint });
    }
    this.drift = drift;
    if (wings.remote !== panel.url && config.panel.given.url === null) {
      log.error('The configuration of Wings names another panel: it counts after a restart', { remote: wings.remote });
    }
  }
}

/** A certificate that was renewed is served without a restart; a pair that does not fit changes nothing. */
function followCertificate({ listen }: FrontConfig, server: FrontServer, { log }: FrontParts, timers: Timers) {
  let tls = listen.tls;
  let seen = stampOf(tls);
  let cancel = (): void => undefined;
  const take = (next: FrontConfig['listen']['tls']): void => {
    tls = next;
    seen = stampOf(tls);
    try {
      server.setCertificate(tls);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      log.error('The certificate was not reloaded: the one from before is served on', { error });
    }
  };
  const look = (): void => {
    if (stampOf(tls) !== seen) take(tls);
    cancel = timers.after(CERTIFICATE_EVERY_MS, look);
  };
  return {
    follow: () => void (listen.tls !== null && (cancel = timers.after(CERTIFICATE_EVERY_MS, look))),
    take: (next: FrontConfig['listen']['tls']) => void (listen.tls !== null && next !== null && take(next)),
    close: () => cancel(),
  };
}

function stampOf(tls: FrontConfig['listen']['tls']): string {
  const files = tls === null ? [] : [tls.cert, tls.key];
  return files
    .map((path) => {
      const stats = attempt(() => fs.statSync(path, { bigint: true }));
      return stats === undefined ? '' : `${stats.size} ${stats.mtimeNs} ${stats.ino}`;
    })
    .join();
}
