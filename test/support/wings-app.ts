/** The HTTP side of a node of a Wings panel over a scripted service, called without a network. */
import { Failure } from '../../src/base/failure.ts';
import type { ServerId } from '../../src/base/ids.ts';
import { Secret } from '../../src/config/secret.ts';
import { TokenDenylist } from '../../src/protocols/wings/tokens/denylist.ts';
import type { WingsFlavour } from '../../src/protocols/wings/flavours/flavours.ts';
import { NodeCredentials } from '../../src/protocols/wings/tokens/node-credentials.ts';
import type { PanelServers, PanelSettings } from '../../src/protocols/wings/panel/servers.ts';
import { wingsDialect, type WingsDeps } from '../../src/protocols/wings/wings.ts';
import { type Answer, type Call, openNativeApp } from './native-app.ts';
import { scratchCatalogue } from './scratch-catalogue.ts';
import { knownSecret } from './secret-shapes.ts';

export const NODE_TOKEN = knownSecret('node-token-'.padEnd(64, 'x'));
export const NODE_TOKEN_ID = 'node-token-id-01';
export const PANEL_URL = 'https://panel.test';
export const ALL_FLAVOURS: readonly WingsFlavour[] = ['pterodactyl', 'pelican', 'calagopus'];

/** What the panel says of servers, and what it was told. */
export class PanelServersDouble implements PanelServers {
  readonly known = new Map<string, PanelSettings>();
  readonly installed: ServerId[] = [];
  /** The panel does not answer. */
  away = false;
  refusesInstalls = false;

  async settings(server: ServerId): Promise<PanelSettings> {
    if (this.away) throw new Failure('store_unreachable', 'Cannot reach the panel: it does not answer');
    const settings = this.known.get(server);
    if (settings === undefined) throw new Failure('server_not_found', 'The panel has no such server');
    return settings;
  }

  async reportInstalled(server: ServerId): Promise<void> {
    if (this.refusesInstalls) throw new Failure('store_unreachable', 'Cannot reach the panel: it does not answer');
    this.installed.push(server);
  }
}

export async function openWingsApp(flavour: WingsFlavour, change: Partial<WingsDeps> = {}) {
  const { catalogue, clock } = await scratchCatalogue();
  const connection = { tokenId: NODE_TOKEN_ID, token: new Secret(NODE_TOKEN) };
  const credentials = NodeCredentials.open(connection, catalogue.keys);
  const denylist = TokenDenylist.open(catalogue, clock);
  const panel = new PanelServersDouble();
  const parts: WingsDeps = {
    flavour,
    credentials,
    panelUrl: PANEL_URL,
    allowedOrigins: [],
    denylist,
    panel,
    clock,
    newRequestId: () => 'a-new-request-id',
    ...change,
  };
  const app = openNativeApp({ dialects: [wingsDialect(parts)] });

  /** As the panel calls: with the node's token and labelled JSON, unless told otherwise. */
  async function call(method: string, path: string, { token = NODE_TOKEN, headers, body }: Call = {}): Promise<Answer> {
    return app.call(method, path, { token, headers: { 'content-type': 'application/json', ...headers }, body });
  }

  return { ...app, call, panel, denylist, credentials, catalogue, clock };
}
