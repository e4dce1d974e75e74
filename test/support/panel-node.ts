/** A node of a Wings panel on a loopback port, over a scripted service and one clock; and pages that open its sockets. */
import { onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { Secret } from '../../src/config/secret.ts';
import type { AppOptions } from '../../src/http/app.ts';
import type { WingsFlavour } from '../../src/protocols/wings/flavours/flavours.ts';
import { TokenDenylist } from '../../src/protocols/wings/tokens/denylist.ts';
import { NodeCredentials } from '../../src/protocols/wings/tokens/node-credentials.ts';
import { wingsDialect, type WingsDeps } from '../../src/protocols/wings/wings.ts';
import { eventually } from './eventually.ts';
import { listeningNode } from './listening-node.ts';
import { ManualTime } from './manual-time.ts';
import { type Claims, downloadClaims, signToken, socketClaims } from './panel/jwt.ts';
import { scratchCatalogue } from './scratch-catalogue.ts';
import { SERVER } from './scripted-service.ts';
import { NODE_TOKEN, NODE_TOKEN_ID, PANEL_URL, PanelServersDouble } from './wings-app.ts';

export const USER = { id: 7, uuid: '5b5b8c0e-0f3a-4b57-9a2c-6f0f3c1f7a11' };

export interface Frame {
  readonly event: string;
  readonly args?: readonly string[];
}

export interface PageOptions {
  readonly server?: string;
  /** null: the header is not sent. */
  readonly origin?: string | null;
  readonly path?: string;
}

/** A page of the panel: what it heard, and how its socket ended. */
export class Page {
  readonly frames: Frame[] = [];
  readonly texts: string[] = [];
  readonly pings: Buffer[] = [];
  readonly socket: WebSocket;
  /** The code and reason of its close. */
  readonly closed: Promise<readonly [number, string]>;
  /** The status that refused the upgrade; undefined once it is open. */
  readonly opened: Promise<number | undefined>;

  constructor(url: string, origin: string | null) {
    this.socket = new WebSocket(url, origin === null ? {} : { origin });
    this.socket.on('message', (data: Buffer) => {
      this.texts.push(data.toString('utf8'));
      this.frames.push(JSON.parse(data.toString('utf8')) as Frame);
    });
    this.socket.on('ping', (data: Buffer) => this.pings.push(data));
    this.socket.on('error', () => undefined);
    this.closed = new Promise((resolve) =>
      this.socket.on('close', (code, reason) => resolve([code, reason.toString('utf8')])),
    );
    this.opened = new Promise((resolve) => {
      this.socket.on('open', () => resolve(undefined));
      this.socket.on('unexpected-response', (_, response) => {
        resolve(response.statusCode);
        response.destroy();
      });
    });
    onTestFinished(() => this.socket.terminate());
  }

  async send(event: string, ...args: readonly (string | null)[]): Promise<void> {
    await this.sendText(JSON.stringify({ event, args }));
  }

  async sendText(text: string): Promise<void> {
    await this.opened;
    this.socket.send(text);
  }

  /** Waits for so many frames from the first on, and takes them. */
  async take(count: number): Promise<Frame[]> {
    await eventually(() => this.frames.length >= count);
    this.texts.splice(0, count);
    return this.frames.splice(0, count);
  }

  /** Everything heard until now, once all that was sent to it has arrived: the node answers a ping in order. */
  async heard(): Promise<Frame[]> {
    const answered = new Promise((resolve) => this.socket.once('pong', resolve));
    this.socket.ping();
    await answered;
    this.texts.splice(0);
    return this.frames.splice(0);
  }
}

export async function openPanelNode(
  flavour: WingsFlavour,
  change: Partial<WingsDeps> = {},
  app: Partial<AppOptions> = {},
) {
  const time = new ManualTime();
  const { catalogue } = await scratchCatalogue(time);
  const connection = { tokenId: NODE_TOKEN_ID, token: new Secret(NODE_TOKEN) };
  const credentials = NodeCredentials.open(connection, catalogue.keys);
  const denylist = TokenDenylist.open(catalogue, time);
  const panel = new PanelServersDouble();
  const parts = { flavour, credentials, panelUrl: PANEL_URL, allowedOrigins: [], denylist, panel, clock: time };
  const dialects = [wingsDialect({ ...parts, ...change })];
  const keys = { downloads: Buffer.alloc(32, 7), sockets: () => credentials.key };
  const node = await listeningNode({ clock: time, timers: time, dialects, keys, ...app });

  const subject = (server: string) => ({
    flavour,
    panelUrl: PANEL_URL,
    daemonUrl: node.url,
    user: USER,
    server,
    now: time.now(),
    scoped: false,
  });
  const sign = (claims: Claims): string => signToken(claims, credentials.token);
  const socketToken = (more: Claims = {}, permissions: readonly string[] = ['*']): string =>
    sign({ ...socketClaims(subject(SERVER), permissions), ...more });
  const downloadToken = (backup: string, more: Claims = {}): string =>
    sign({ ...downloadClaims(subject(SERVER), backup), ...more });
  const socketUrl = (server: string) => `${node.url.replace('http', 'ws')}/api/servers/${server}/ws`;
  const connect = ({ server = SERVER, origin = PANEL_URL }: PageOptions = {}): Page =>
    new Page(socketUrl(server), origin);
  /** A page that has proved itself; what it heard on the way is taken. */
  async function page(token = socketToken(), options: PageOptions = {}): Promise<Page> {
    const opened = connect(options);
    await opened.send('auth', token);
    await eventually(() => opened.frames.some(({ event }) => event === 'status'));
    await opened.heard();
    return opened;
  }

  return { ...node, time, catalogue, credentials, denylist, sign, socketToken, downloadToken, connect, page };
}
