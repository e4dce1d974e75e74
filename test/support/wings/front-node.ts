/** A front on a loopback port before a Wings, over a scripted service. Gone when the test ends. */
import { onTestFinished } from 'vitest';
import type { Config, FrontConfig } from '../../../src/config/types.ts';
import { composeFront } from '../../../src/compose/front.ts';
import { composePanel } from '../../../src/compose/panel.ts';
import { silentLog, type RootLog } from '../../../src/base/log/log.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { systemTimers, type Timers } from '../../../src/base/timers.ts';
import { Secret } from '../../../src/config/secret.ts';
import { TokenDenylist } from '../../../src/protocols/wings/tokens/denylist.ts';
import type { PanelFlavour } from '../panel/flavours.ts';
import { type Claims, downloadClaims, signToken, socketClaims } from '../panel/jwt.ts';
import { noVaults } from '../scripted-vaults.ts';
import { ScriptedComparisons } from '../scripted-comparisons.ts';
import { ScriptedNode } from '../scripted-node.ts';
import { ScriptedNotify } from '../scripted-notify.ts';
import { scratchCatalogue } from '../scratch-catalogue.ts';
import { ManualEvents, ScriptedService, SERVER } from '../scripted-service.ts';
import { Wings } from './wings.ts';

export const PAGE_USER = { id: 7, uuid: '5b5b8c0e-0f3a-4b57-9a2c-6f0f3c1f7a11' };

export interface FrontNodeOptions {
  readonly flavour?: PanelFlavour;
  readonly tls?: FrontConfig['listen']['tls'];
  readonly trustedProxies?: readonly string[];
  readonly timers?: Timers;
  readonly log?: RootLog;
  /** Where what the panel pushes is kept; nowhere when absent. */
  readonly stateDirectory?: string;
  /** Where it listens; a free one when absent. */
  readonly port?: number;
  /** Where Wings is; of the double when absent. */
  readonly wingsUrl?: string;
}

export async function openFrontNode(wings: Wings, options: FrontNodeOptions = {}) {
  const { flavour = wings.flavour, tls = null, trustedProxies = [], timers = systemTimers } = options;
  const { catalogue } = await scratchCatalogue();
  const clock = systemClock;
  const content = wings.file.read();
  const connection = {
    url: String(content['remote']),
    tokenId: String(content['token_id']),
    token: new Secret(wings.token),
  };
  const given = { url: null, tokenId: null, token: null };
  const panelConfig = {
    flavour,
    connection,
    given,
    allowedOrigins: [],
    restoreHostAllowlist: [],
    ownsReset: false,
    backupDirectories: [],
  };
  const panel = composePanel(panelConfig, catalogue, clock, '0.0.0');
  if (panel === undefined) throw new Error('no panel');
  const front: FrontConfig = {
    listen: { host: '127.0.0.1', port: options.port ?? 0, tls },
    wings: options.wingsUrl ?? wings.url,
    wingsConfig: wings.file.path,
    trustedProxies,
    remoteWings: false,
  };
  const service = new ScriptedService();
  const events = new ManualEvents();
  const denylist = TokenDenylist.open(catalogue, clock);
  const stateDirectory = options.stateDirectory ?? '/nowhere';
  const config = { panel: panelConfig, power: { driver: 'none' }, stateDirectory } as unknown as Config;
  const log = options.log ?? silentLog();
  const source = { complete: (each: Config) => each, fault: undefined, take: () => undefined };
  const told: [string, string][] = [];
  const composed = composeFront({
    service,
    node: new ScriptedNode(),
    comparisons: new ScriptedComparisons(service),
    vaults: noVaults(service),
    notify: new ScriptedNotify(),
    events,
    keys: { downloads: Buffer.alloc(32, 7), sockets: () => panel.credentials.key },
    clock,
    log,
    version: '0.0.0',
    config,
    front,
    source,
    panel,
    denylist,
    tellPower: (server, power) => void told.push([server, power]),
    timers,
  });
  const { port } = await composed.listen();
  onTestFinished(() => composed.close(0));
  const url = `${tls === null ? 'http' : 'https'}://127.0.0.1:${port}`;
  const authorized = { authorization: `Bearer ${wings.token}` };
  const subject = () => ({
    flavour,
    panelUrl: connection.url,
    daemonUrl: url,
    user: PAGE_USER,
    server: SERVER,
    now: Date.now(),
    scoped: false,
  });
  const socketToken = (more: Claims = {}, permissions: readonly string[] = ['*']): string =>
    signToken({ ...socketClaims(subject(), permissions), ...more }, wings.token);
  const downloadToken = (backup: string): string => signToken(downloadClaims(subject(), backup), wings.token);
  return { composed, told, port, url, service, events, denylist, panel, authorized, socketToken, downloadToken };
}
