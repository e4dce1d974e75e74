/**
 * A panel: a real HTTP server with the rules of one of the three (what is validated, when a row can be seen, how it is
 * refused), that drives a daemon and is called back by it, and that can be away in every way in which panels are.
 * Roost itself is not in here: nothing is taken from its code but the clock.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { onTestFinished } from 'vitest';
import { type Clock, systemClock } from '../../../src/base/clock.ts';
import { freePort } from '../free-port.ts';
import { knownSecret } from '../secret-shapes.ts';
import { FLAVOUR_RULES, type PanelFlavour } from './flavours.ts';
import { type Claims, downloadClaims, signToken, socketClaims, type TokenUser } from './jwt.ts';
import { NodeCalls } from './node-calls.ts';
import { keyOf, type PanelAnswer, type PanelCall } from './call.ts';
import { RemoteApi } from './remote.ts';
import { type PanelBackup, PanelRows, type PanelServer } from './rows.ts';
import type { PanelUploads } from './uploads.ts';

export type { PanelFlavour } from './flavours.ts';
export type { PanelCall } from './call.ts';
export type { PanelBackup, PanelServer } from './rows.ts';

/**
 * How a panel is away: nobody listens; it takes a request and never answers; it answers a status (500, 403, 429, …) in
 * its own words; a proxy answers 502 in HTML; the connection is cut before the request is done, or when it is done and
 * only the answer is lost.
 */
export type Outage = 'refuse' | 'hang' | 'gateway' | 'reset' | 'lost-answer' | number;

export interface PanelOptions {
  readonly flavour: PanelFlavour;
  readonly clock?: Clock;
  /** Milliseconds until others can see what a request wrote; Infinity: when `commit()` is called. */
  readonly commitAfter?: number;
  readonly uploads?: PanelUploads;
  /** Bytes of one part; the panel's own without it. */
  readonly partSize?: number;
  /** Pterodactyl from 1.12 on, and the newest Calagopus: their tokens name a scope. */
  readonly scoped?: boolean;
}

export interface NodeCredential {
  readonly uuid: string;
  readonly tokenId: string;
  readonly token: string;
}

export class Panel {
  readonly flavour: PanelFlavour;
  readonly rows: PanelRows;
  /** The node that the daemon is; credentials change with `rotate`. */
  readonly node: { readonly uuid: string; tokenId: string; token: string };
  readonly user: TokenUser = { id: 7, uuid: randomUUID() };
  /** All requests, the refused and the unanswered included. */
  readonly calls: PanelCall[] = [];
  readonly daemon: NodeCalls;
  partSize: number;
  /** Answers in the panel's place when it gives something; asked for each request that is not cut off. */
  script: (call: PanelCall) => PanelAnswer | undefined = () => undefined;
  /** A key of the panel's application API, which `configure` presents. */
  readonly applicationKey: string;

  readonly #clock: Clock;
  readonly #remote: RemoteApi;
  readonly #uploads: PanelUploads | undefined;
  readonly #scoped: boolean;
  readonly #waiting = new Set<() => void>();
  #server: Server;
  #port = 0;
  #outage: Outage | null = null;

  constructor({ flavour, clock = systemClock, commitAfter = 1000, uploads, partSize, scoped = false }: PanelOptions) {
    this.flavour = flavour;
    this.#clock = clock;
    this.#uploads = uploads;
    this.#scoped = scoped;
    this.rows = new PanelRows(clock, commitAfter);
    this.node = newCredential();
    this.partSize = partSize ?? FLAVOUR_RULES[flavour].partSize;
    this.applicationKey = `${flavour === 'pelican' ? 'papp_' : 'ptla_'}${randomBytes(22).toString('hex').slice(0, 43)}`;
    const now = (): number => clock.now();
    const { rows, node } = this;
    this.#remote = new RemoteApi({ flavour, rows, node, uploads, partSize: () => this.partSize, now });
    this.daemon = new NodeCalls({ flavour, rows, node, downloadUrl: (backup) => this.downloadUrl(backup) });
    this.#server = this.#newServer();
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async listen(): Promise<void> {
    // One that is free again when it comes back.
    if (this.#port === 0) this.#port = await freePort();
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#port, '127.0.0.1', resolve);
    });
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Goes away; requests under way are cut. `undefined` brings it back, at the same address. */
  async setOutage(outage: Outage | undefined): Promise<void> {
    const refused = this.#outage === 'refuse';
    this.#outage = outage ?? null;
    if (!refused && outage !== undefined) this.#server.closeAllConnections();
    if (outage === 'refuse' && !refused) await this.close();
    if (outage !== 'refuse' && refused) {
      this.#server = this.#newServer();
      await this.listen();
    }
  }

  /** The newest requests of one kind. */
  callsTo(method: string, path: RegExp): PanelCall[] {
    return this.calls.filter((call) => call.method === method && path.test(call.path));
  }

  /** Resolves once so many requests of a kind were answered (or cut off). */
  async untilCalls(count: number, method: string, path: RegExp): Promise<readonly PanelCall[]> {
    for (;;) {
      const found = this.callsTo(method, path);
      if (found.length >= count) return found;
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** Reports of a backup, or of its restore, that changed something. */
  effective(path: RegExp): number {
    return this.calls.filter((call) => call.effective && path.test(call.path)).length;
  }

  addServer(uuid: string, more: Partial<PanelServer> = {}): PanelServer {
    return this.rows.addServer(uuid, more);
  }

  /** Makes everything that was written so far visible. */
  commit(): void {
    this.rows.commit();
  }

  /** New credentials of the node; they count at once. Returns those before. */
  rotate(): NodeCredential {
    const before = { ...this.node };
    const { tokenId, token } = newCredential();
    Object.assign(this.node, { tokenId, token });
    return before;
  }

  /** The whole node, as `configure` fetches it and `/api/update` pushes it. */
  nodeConfiguration(): Readonly<Record<string, unknown>> {
    const { uuid, tokenId: token_id, token } = this.node;
    return {
      debug: false,
      uuid,
      token_id,
      token,
      api: { host: '0.0.0.0', port: 8080, ssl: { enabled: false, cert: '', key: '' }, upload_limit: 100 },
      system: { data: '/var/lib/pterodactyl/volumes', sftp: { bind_port: 2022 } },
      allowed_mounts: [],
      remote: this.url,
    };
  }

  signed(claims: Claims, key = this.node.token): string {
    return signToken(claims, key);
  }

  downloadClaims(backup: PanelBackup, user = this.user): Claims {
    return downloadClaims(this.#subject(backup.server.uuid, user), backup.uuid);
  }

  socketClaims(server: string, permissions: readonly string[] = ['*'], user = this.user): Claims {
    return socketClaims(this.#subject(server, user), permissions);
  }

  /** What a browser is sent to for a download. */
  downloadUrl(backup: PanelBackup): string {
    if (backup.disk === 's3' && this.#uploads !== undefined) return this.#uploads.downloadUrl(keyOf(backup));
    return `${this.daemon.url}/download/backup?token=${this.signed(this.downloadClaims(backup))}`;
  }

  /** What a page of the panel opens its socket with; the page's origin is the panel's. */
  socketAccess(server: string, permissions: readonly string[] = ['*']) {
    const socket = `${this.daemon.url.replace(/^http/, 'ws')}/api/servers/${server}/ws`;
    return { token: this.signed(this.socketClaims(server, permissions)), socket, origin: this.url };
  }

  #subject(server: string, user: TokenUser) {
    const { flavour, url: panelUrl, daemon } = this;
    const now = this.#clock.now();
    return { flavour, panelUrl, daemonUrl: daemon.url, user, server, now, scoped: this.#scoped };
  }

  #newServer(): Server {
    return createServer((request, response) => void this.#serve(request, response));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const call = await readCall(request, this.#clock.now()).catch(() => undefined);
    if (call === undefined) return;
    this.calls.push(call);
    const outage = this.#outage;
    if (outage === 'reset') request.socket.resetAndDestroy();
    else if (outage !== 'hang') await this.#reply(call, request, response, outage);
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  async #reply(
    call: PanelCall,
    request: IncomingMessage,
    response: ServerResponse,
    outage: Outage | null,
  ): Promise<void> {
    const answer = this.script(call) ?? this.#fault(outage) ?? (await this.#answer(call));
    if (outage === 'lost-answer') return void request.socket.resetAndDestroy();
    call.status = answer.status;
    response.writeHead(answer.status, answer.headers);
    response.end(answer.body);
  }

  #fault(outage: Outage | null): PanelAnswer | undefined {
    if (outage === 'gateway') {
      const body = '<html><body><h1>502 Bad Gateway</h1></body></html>';
      return { status: 502, body, headers: { 'Content-Type': 'text/html' } };
    }
    if (typeof outage !== 'number') return undefined;
    const body = FLAVOUR_RULES[this.flavour].envelope({ status: outage, code: 'HttpException', detail: 'Away.' });
    return { status: outage, body, headers: { 'Content-Type': 'application/json' } };
  }

  #answer(call: PanelCall): Promise<PanelAnswer> {
    const [, node] = /^\/api\/application\/nodes\/(\w+)\/configuration$/.exec(call.path) ?? [];
    return node === undefined ? this.#remote.answer(call) : Promise.resolve(this.#configuration(call, node));
  }

  #configuration({ method, headers }: PanelCall, node: string): PanelAnswer {
    const { envelope } = FLAVOUR_RULES[this.flavour];
    const type = { 'Content-Type': 'application/json' };
    const refuse = (status: number, code: string, detail: string): PanelAnswer => ({
      status,
      body: envelope({ status, code, detail }),
      headers: type,
    });
    if (headers['authorization'] !== `Bearer ${this.applicationKey}`) {
      return refuse(401, 'AuthenticationException', 'Unauthenticated.');
    }
    if (method !== 'GET' || node !== NODE_ID) {
      return refuse(404, 'NotFoundHttpException', 'The requested resource could not be found on the server.');
    }
    return { status: 200, body: JSON.stringify(this.nodeConfiguration()), headers: type };
  }
}

/** The node's number in the panel. */
export const NODE_ID = '3';

/** A panel that listens; gone when the test ends. */
export async function openPanel(options: PanelOptions): Promise<Panel> {
  const panel = new Panel(options);
  await panel.listen();
  onTestFinished(async () => {
    await panel.setOutage(undefined);
    await panel.close();
  });
  return panel;
}

/** 16 and 64 characters, as panels make them. */
function newCredential(): { uuid: string; tokenId: string; token: string } {
  return {
    uuid: randomUUID(),
    tokenId: randomBytes(8).toString('hex'),
    token: knownSecret(randomBytes(32).toString('hex')),
  };
}

async function readCall(request: IncomingMessage, at: number): Promise<PanelCall> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8');
  const url = new URL(request.url ?? '', 'http://panel');
  const { method = '', headers } = request;
  return {
    method,
    path: url.pathname,
    query: url.searchParams,
    headers,
    body: parsed(text),
    at,
    status: 0,
    effective: false,
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
