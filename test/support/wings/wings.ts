/**
 * A Wings: a real HTTP server with the rules of one of the three daemons, as far as what stands before it can tell:
 * which path is matched, who is refused how, what a push does to its file, what a socket says, when an upload is
 * refused, and how a start is lost. `test/contract/wings.ts` holds it to a real one.
 */
import { decode } from '@msgpack/msgpack';
import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { WebSocketServer } from 'ws';
import type { PanelFlavour } from '../panel/flavours.ts';
import { TEST_CERTIFICATE, TEST_KEY } from '../certificate.ts';
import { freePort } from '../free-port.ts';
import { scratchDirectory } from '../scratch.ts';
import { knownSecret } from '../secret-shapes.ts';
import { WingsFile } from './config-file.ts';
import { DAEMON_RULES } from './rules.ts';
import { Game } from './game.ts';
import { WingsSocket } from './socket.ts';
import { claimsOf } from './token.ts';

export interface Received {
  readonly method: string;
  readonly target: string;
  readonly rawHeaders: readonly string[];
  /** sha256 of the body, and its bytes, once it is whole. */
  body?: { readonly sha256: string; readonly bytes: number; readonly text: string };
  /** The client was gone before its answer. */
  abandoned: boolean;
}

export interface WingsOptions {
  readonly flavour?: PanelFlavour;
  readonly remote?: string;
  readonly servers?: readonly string[];
  /** MiB of one file. */
  readonly uploadLimit?: number;
  /** The path of its own file, and what it says besides. */
  readonly file?: { readonly path: string; readonly content: Readonly<Record<string, unknown>> };
}

export const WINGS_TOKEN = knownSecret('wings-token-'.padEnd(64, 'w'));

type Answer = readonly [status: number, body: string, headers?: Readonly<Record<string, string>>];

export class Wings {
  readonly received: Received[] = [];
  readonly sockets: WingsSocket[] = [];
  /** Addresses of those who did something, as the activity log has them. */
  readonly activity: string[] = [];
  readonly games = new Map<string, Game>();
  readonly file: WingsFile;
  readonly flavour: PanelFlavour;
  /** Answers in its place when it gives true; for faults. */
  script: (incoming: IncomingMessage, outgoing: ServerResponse) => boolean = () => false;
  readonly #options: WingsOptions;
  readonly #denied = new Map<string, number>();
  readonly #accepting = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  #server: Server;
  #connections = new Set<Socket>();
  #port = 0;

  constructor(options: WingsOptions, directory: string) {
    this.#options = options;
    this.flavour = options.flavour ?? 'pterodactyl';
    for (const server of options.servers ?? []) this.#addGame(server);
    const { path = join(directory, 'wings.yml'), content = {} } = options.file ?? {};
    this.file = new WingsFile(path, {
      token_id: 'wings-token-id-1',
      token: WINGS_TOKEN,
      remote: options.remote ?? 'https://panel.test',
      allowed_origins: [],
      api: { host: '127.0.0.1', port: 0, ssl: { enabled: false }, trusted_proxies: ['127.0.0.1/32'] },
      system: { data: join(directory, 'volumes'), backup_directory: join(directory, 'wings-backups') },
      ...content,
    });
    this.#server = this.#newServer();
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  get token(): string {
    return String(this.file.read()['token']);
  }

  async start(): Promise<void> {
    const isFirst = this.#port === 0;
    // One that is free again when it comes back.
    if (isFirst) this.#port = await freePort();
    this.#server = this.#newServer();
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#port, '127.0.0.1', resolve);
    });
    if (!isFirst) return;
    const content = this.file.read();
    this.file.write({ ...content, api: { ...(content['api'] as object), port: this.#port } });
  }

  /** As its unit restarts it: it listens where its file says, which it writes again. */
  async restart(): Promise<void> {
    await this.kill().catch(() => undefined);
    const content = this.file.read();
    this.#port = (content['api'] as { port: number }).port;
    this.file.write(content);
    await this.start();
  }

  /** Dies: every connection is reset, and nothing listens. */
  async kill(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const connection of this.#connections) connection.destroy();
    await closed;
  }

  get #isSecure(): boolean {
    const { ssl } = this.file.read()['api'] as { ssl?: { enabled?: boolean } };
    return ssl?.enabled === true;
  }

  #newServer(): Server {
    const serve = (incoming: IncomingMessage, outgoing: ServerResponse): void => void this.#serve(incoming, outgoing);
    const pair = { cert: TEST_CERTIFICATE, key: TEST_KEY };
    const server = this.#isSecure ? createSecureServer(pair, serve) : createServer({ requestTimeout: 0 }, serve);
    server.on('connection', (socket) => {
      this.#connections.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => this.#connections.delete(socket));
    });
    server.on('upgrade', (incoming: IncomingMessage, socket: Socket, first: Buffer) => {
      const server = /^\/api\/servers\/([^/]+)\/ws$/.exec(new URL(incoming.url ?? '', 'http://x').pathname)?.[1] ?? '';
      const game = this.games.get(server);
      const origin = incoming.headers.origin;
      this.#note(incoming);
      const allowed = this.flavour === 'calagopus' || origin === this.file.read()['remote'];
      if (game === undefined || !allowed) {
        const [status, error] = game === undefined ? DAEMON_RULES[this.flavour].unknownServer : [403, 'Forbidden'];
        const body = JSON.stringify({ error });
        socket.end(
          `HTTP/1.1 ${status} Refused\r\nContent-Type: application/json\r\nX-Wings: itself\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
        );
        return;
      }
      this.#accepting.handleUpgrade(incoming, socket, first, (page) => {
        this.activity.push(clientOf(incoming));
        const power = (action: string): Promise<boolean> => game.power(action);
        const isDenied = (claims: Readonly<Record<string, unknown>>): boolean => this.#isDenied(claims);
        const now = Date.now;
        this.sockets.push(new WingsSocket(page, { server, game, key: () => this.token, isDenied, now, power }));
      });
    });
    return server;
  }

  #note(incoming: IncomingMessage): Received {
    const { method = '', url = '', rawHeaders } = incoming;
    const received: Received = { method, target: url, rawHeaders, abandoned: false };
    this.received.push(received);
    return received;
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const received = this.#note(incoming);
    outgoing.once('close', () => (received.abandoned = !outgoing.writableFinished));
    incoming.on('error', () => undefined);
    if (this.script(incoming, outgoing)) return;
    const [path = '', query = ''] = (incoming.url ?? '').split('?');
    const early = this.#early(incoming, path);
    if (early !== undefined) return this.#refuseEarly(incoming.socket, early);
    const hash = createHash('sha256');
    let [bytes, text] = [0, ''];
    try {
      for await (const chunk of incoming as AsyncIterable<Buffer>) {
        hash.update(chunk);
        bytes += chunk.length;
        if (bytes <= 65_536) text += chunk.toString('latin1');
      }
    } catch {
      return;
    }
    received.body = { sha256: hash.digest('hex'), bytes, text };
    const isPacked = this.flavour === 'calagopus' && incoming.headers['content-type'] === 'application/msgpack';
    const said = isPacked ? JSON.stringify(decode(Buffer.from(text, 'latin1'))) : text;
    this.#answer(outgoing, path, this.#route(incoming, path, new URLSearchParams(query), said));
  }

  /** Newer daemons refuse a file that is too large while it is still coming, and end the connection. */
  #early({ headers, method }: IncomingMessage, path: string): Answer | undefined {
    const limit = (this.#options.uploadLimit ?? 1024) * 1024 * 1024;
    if (method !== 'POST' || path !== '/upload/file' || Number(headers['content-length'] ?? 0) <= limit)
      return undefined;
    const error = `File big is larger than the maximum file upload size of ${this.#options.uploadLimit} MB.`;
    return [400, JSON.stringify({ error })];
  }

  /** As Go's server: the answer, the end of its side, and half a second later the end of the connection, body unread. */
  #refuseEarly(socket: Socket, [status, body]: Answer): void {
    const head = `HTTP/1.1 ${status} Bad Request\r\nContent-Type: application/json\r\nConnection: close\r\n`;
    socket.end(`${head}Content-Length: ${body.length}\r\n\r\n${body}`);
    const timer = setTimeout(() => socket.resetAndDestroy(), 500);
    socket.once('close', () => clearTimeout(timer));
  }

  #route(incoming: IncomingMessage, rawPath: string, query: URLSearchParams, body: string): Answer {
    const rules = DAEMON_RULES[this.flavour];
    const { method = '' } = incoming;
    const path = rules.decodesPath ? decodeURIComponent(rawPath) : rawPath;
    if (method === 'OPTIONS') return [204, ''];
    if (path === '/upload/file' || path === '/download/file') return this.#linked(incoming, path, query);
    if (path === '/' && this.flavour !== 'pterodactyl') return [200, ''];
    const [, first, name, server, topic] = path.split('/');
    const known =
      first === 'api' && ['servers', 'system', 'update', 'deauthorize-user', 'transfers'].includes(name ?? '');
    if (!known || path.endsWith('/') || path.includes('//'))
      return [404, '404 page not found', { 'Content-Type': 'text/plain' }];
    const bearer = /^Bearer (.*)$/.exec(incoming.headers.authorization ?? '')?.[1];
    if (bearer === undefined) return [rules.noToken[0], this.#error(rules.noToken[1])];
    if (bearer !== this.token) return [rules.wrongToken[0], this.#error(rules.wrongToken[1])];
    this.activity.push(clientOf(incoming));
    if (name === 'system') return [200, JSON.stringify({ version: rules.version })];
    if (name === 'update') {
      const applied = this.file.push(body, rules.takesToken);
      return applied ? [200, '{"applied":true}'] : [400, this.#error('An unexpected error was encountered')];
    }
    if (name === 'deauthorize-user') return this.#deauthorize(body);
    if (server === undefined) return method === 'POST' ? this.#add(body) : [200, JSON.stringify(this.#all())];
    if (topic === 'jobs') return [404, '404 page not found', { 'Content-Type': 'text/plain' }];
    const game = this.games.get(server);
    if (game === undefined) return [rules.unknownServer[0], this.#error(rules.unknownServer[1])];
    return this.#ofServer(method, server, topic, game, path, body);
  }

  #ofServer(method: string, server: string, topic: string | undefined, game: Game, path: string, body: string): Answer {
    const rules = DAEMON_RULES[this.flavour];
    if (topic === undefined && method === 'GET') return [200, JSON.stringify(shown(server, game))];
    if (topic === undefined && method === 'DELETE') {
      this.games.delete(server);
      for (const { socket } of this.sockets) socket.close(1001, 'server deleted');
      return rules.done;
    }
    if (topic === 'power') {
      const asked = JSON.parse(body || '{}') as { action?: unknown; wait_seconds?: number };
      const action = String(asked.action);
      if (!['start', 'stop', 'restart', 'kill'].includes(action))
        return [
          422,
          this.#error('The power action provided was not valid, should be one of "stop", "start", "restart", "kill"'),
        ];
      void game.power(action, asked.wait_seconds ?? 0);
      return rules.accepted;
    }
    if (topic === 'commands') {
      if (!game.started) return [500, this.#error('An unexpected error was encountered while processing this request')];
      if (game.state === 'offline') return [502, this.#error('Cannot send commands to a stopped server instance.')];
      for (const line of (JSON.parse(body || '{}') as { commands?: string[] }).commands ?? []) game.type(line);
      return rules.done;
    }
    if (path.endsWith('/ws/deny')) {
      for (const jti of (JSON.parse(body) as { jtis: string[] }).jtis) this.#denied.set(jti, Date.now() / 1000);
      return rules.done;
    }
    if (topic === 'files' && method === 'GET') return [200, 'the file', { 'Content-Type': 'text/plain' }];
    return topic === 'sync' || topic === 'files' ? rules.done : rules.accepted;
  }

  #linked(incoming: IncomingMessage, path: string, query: URLSearchParams): Answer {
    const claims = claimsOf(query.get('token') ?? '', this.token);
    if (claims === undefined)
      return [500, this.#error('An unexpected error was encountered while processing this request')];
    this.activity.push(clientOf(incoming));
    return path === '/upload/file' ? [200, ''] : [200, 'the file', { 'Content-Type': 'application/octet-stream' }];
  }

  #deauthorize(body: string): Answer {
    const { user } = JSON.parse(body) as { user: string };
    this.#denied.set(user, Date.now() / 1000);
    return DAEMON_RULES[this.flavour].done;
  }

  #isDenied(claims: Readonly<Record<string, unknown>>): boolean {
    const issued = Number(claims['iat'] ?? 0);
    return [claims['jti'], claims['user_uuid']].some((name) => issued <= (this.#denied.get(String(name)) ?? -1));
  }

  #add(body: string): Answer {
    const { uuid } = JSON.parse(body) as { uuid: string };
    this.#addGame(uuid);
    return this.flavour === 'calagopus' ? [200, '{}'] : [202, ''];
  }

  #all() {
    return [...this.games].map(([server, game]) => shown(server, game));
  }

  #addGame(server: string): void {
    const game = new Game();
    game.onState = () => this.#publish(server, 'status', game.state);
    game.say = (line) => this.#publish(server, 'console output', line);
    this.games.set(server, game);
  }

  /** To all pages of one server. */
  #publish(server: string, event: string, ...args: readonly string[]): void {
    for (const socket of this.sockets) if (socket.server === server) socket.publish(event, ...args);
  }

  #error(error: string): string {
    return JSON.stringify(DAEMON_RULES[this.flavour].namesRequests ? { error, request_id: randomUUID() } : { error });
  }

  #answer(outgoing: ServerResponse, path: string, [status, body, headers = {}]: Answer): void {
    const identity =
      this.flavour === 'pelican' && path.startsWith('/api/')
        ? { 'User-Agent': 'Pelican Wings/v1 (id:wings-token-id-1)' }
        : {};
    outgoing.writeHead(status, {
      'Access-Control-Allow-Origin': String(this.file.read()['remote']),
      'X-Request-Id': randomUUID(),
      ...(status === 204
        ? {}
        : { 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': String(Buffer.byteLength(body)) }),
      ...identity,
      ...headers,
    });
    outgoing.end(body);
  }
}

function shown(server: string, { state }: Game) {
  return { state, is_suspended: false, utilization: { state, memory_bytes: 0 }, configuration: { uuid: server } };
}

/** A peer in the trusted proxies is believed; the first of the list is what one of the daemons takes. */
function clientOf({ headers, socket }: IncomingMessage): string {
  const forwarded = headers['x-forwarded-for'];
  return typeof forwarded === 'string' ? (forwarded.split(',')[0] ?? '').trim() : (socket.remoteAddress ?? '');
}

/** A Wings on a loopback port; gone when the test ends. */
export async function openWings(options: WingsOptions = {}): Promise<Wings> {
  const wings = new Wings(options, await scratchDirectory());
  await wings.start();
  onTestFinished(() => wings.kill().catch(() => undefined));
  return wings;
}
