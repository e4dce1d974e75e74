/**
 * The listening socket.
 *
 * For: the daemon. Promises: bounds on connections, and on headers, bodies and their arrival before a route runs; a
 * refused connection is gone within a second, even if the client keeps its side open; websockets on known paths only; an
 * orderly close. Never: cuts a waiting request by a time limit; only its arrival and the taking of its answer have one.
 */
import {
  createServer as createPlainServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer, getRequestListener } from '@hono/node-server';
import { WebSocketServer } from 'ws';
import type { Log } from '../base/log/log.ts';
import type { ApiConfig } from '../config/types.ts';
import type { HttpApp } from './app.ts';
import { Connections, mostConnections } from './connections.ts';
import { trustedProxies } from './remote-address.ts';
import { readCertificate } from './certificate.ts';
import { answerClientErrors, bind, type EndSoon, endSoon, refusalBody, unanswered } from './refusals.ts';
import { CLOSE, LARGEST_FRAME } from '../protocols/native/native.ts';
import { sendingBodies } from './sending/send-body.ts';
import { shutDown } from './shut-down.ts';
import { systemTimers, type Timers } from '../base/timers.ts';

export interface ListenOptions {
  readonly app: HttpApp;
  readonly api: Pick<ApiConfig, 'host' | 'port' | 'tls'> & Partial<Pick<ApiConfig, 'trustedProxies'>>;
  readonly timers?: Timers;
  readonly log?: Log;
  /** Milliseconds for headers and whole request to arrive; for tests. */
  readonly receive?: { readonly headers: number; readonly request: number; readonly checkEvery: number };
  /** Milliseconds in which a client must take something of an answer; for tests. */
  readonly stalledMs?: number;
  /** Milliseconds until a connection that was refused is destroyed; for tests. */
  readonly lingerMs?: number;
  /** Connections in all and of one address; for tests. */
  readonly bounds?: { readonly most: number; readonly mostOfAddress: number };
  /** The descriptor of a listening socket to serve on; undefined: a new one at the address of the config. */
  readonly inherited?: number | undefined;
}

export interface HttpServer {
  /** Resolves with the actual address once connections are accepted. */
  listen(): Promise<{ readonly host: string; readonly port: number }>;
  /**
   * New connections get this certificate; open ones keep theirs. Nothing on a server without TLS.
   *
   * @throws Failure `config_invalid` for files that are no certificate with its key; the old certificate stays.
   */
  setCertificate(tls: ApiConfig['tls']): void;
  /** Closes all sockets: clients connect again, with a token that is valid now. */
  dropSockets(): void;
  /**
   * Accepts nothing new, closes idle connections and sockets (those that do not answer within a second, too), waits for
   * running requests, and cuts the rest after `deadline` milliseconds. Resolves when the last connection is gone; safe to call twice.
   */
  close(deadline: number): Promise<void>;
}

// Generous for headers of at most 16 KiB and bodies of 1 MiB.
const RECEIVE = { headers: 20_000, request: 120_000, checkEvery: 5_000 };
const KEEP_ALIVE_MS = 65_000;
const HANDSHAKE_MS = 20_000;
/** A client that takes nothing of its answer for so long is gone, or means to hold memory. */
const STALLED_MS = 120_000;
/** How long a client may still read why it was refused, and send what it had begun. */
const LINGER_MS = 500;
const PROBE_AFTER_MS = 60_000;

export function createHttpServer(options: ListenOptions): HttpServer {
  const timers = options.timers ?? systemTimers;
  let running: { readonly server: Server; readonly sockets: WebSocketServer } | undefined;
  let closed: Promise<void> | undefined;
  return {
    async listen() {
      const sockets = new WebSocketServer({
        noServer: true,
        maxPayload: LARGEST_FRAME,
        perMessageDeflate: false,
      });
      // A frame that breaks the protocol emits `error`, which would throw without a listener.
      sockets.on('connection', (socket) => socket.on('error', () => undefined));
      const server = createServer(options, sockets);
      await bind(server, { ...options.api, inherited: options.inherited }, 'api');
      running = { server, sockets };
      const { address, port } = server.address() as AddressInfo;
      return { host: address, port };
    },
    setCertificate(tls) {
      if (tls === null || running === undefined || !('setSecureContext' in running.server)) return;
      (running.server as TlsServer).setSecureContext(readCertificate(tls, 'api.tls'));
    },
    dropSockets() {
      const { code, text } = CLOSE.tokensChanged;
      for (const socket of running?.sockets.clients ?? []) socket.close(code, text);
    },
    async close(deadline) {
      if (running === undefined) return;
      closed ??= shutDownWith(running.sockets, running.server, deadline, timers);
      await closed;
    },
  };
}

function createServer(options: ListenOptions, sockets: WebSocketServer): Server {
  const {
    app,
    api: { tls },
    timers = systemTimers,
    lingerMs = LINGER_MS,
  } = options;
  const receive = options.receive ?? RECEIVE;
  const end: EndSoon = (socket) => endSoon(socket, timers, lingerMs);
  const connections = connectionsOf(options);
  const settings: ServerOptions & { cert?: Buffer; key?: Buffer; handshakeTimeout: number } = {
    headersTimeout: receive.headers,
    requestTimeout: receive.request,
    connectionsCheckingInterval: receive.checkEvery,
    keepAliveTimeout: KEEP_ALIVE_MS,
    handshakeTimeout: HANDSHAKE_MS,
    // Detects peers that vanished silently, such as during a long wait.
    keepAlive: true,
    keepAliveInitialDelay: PROBE_AFTER_MS,
    // Without this, Node passes every `Upgrade` to the websocket side, where `Upgrade: h2c`, a default of some HTTP
    // clients, would hang.
    shouldUpgradeCallback: (request) => wantsSocket(request, app) && beginUpgrade(request, connections, end),
    ...(tls === null ? {} : readCertificate(tls, 'api.tls')),
  };
  // @hono/node-server answers a malformed URL or Host without the app; only its listener takes an error handler.
  const listener = getRequestListener(sendingBodies(app.fetch), { errorHandler: unanswered });
  const handle = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    if (hasTwoHosts(incoming)) return refuseTwoHosts(outgoing);
    nameHost(incoming);
    void listener(incoming, outgoing);
  };
  const create = () => (tls === null ? createPlainServer(settings, handle) : createTlsServer(settings, handle));
  const server = createAdaptorServer({
    fetch: app.fetch,
    websocket: { server: sockets },
    createServer: create as typeof createPlainServer,
  }) as Server;
  connections.follow(server);
  answerClientErrors(server, end);
  // Without a listener Node would end every connection that is quiet, those that wait for a job included.
  server.setTimeout(options.stalledMs ?? STALLED_MS, (socket) => {
    if (!connections.isBusy(socket) || socket.writableLength > 0) socket.destroy();
  });
  // While closing, an answered connection would otherwise wait for a next request.
  server.on('request', (_, outgoing) => {
    outgoing.once('close', () => setImmediate(() => !server.listening && server.closeIdleConnections()));
  });
  return server;
}

function connectionsOf({ api: { trustedProxies: proxies = [] }, bounds, log }: ListenOptions): Connections {
  const most = mostConnections();
  const { most: inAll, mostOfAddress } = bounds ?? { most, mostOfAddress: Math.ceil(most / 2) };
  const now = (): number => performance.now();
  return new Connections({ most: inAll, mostOfAddress, isProxy: trustedProxies(proxies), log, now });
}

function wantsSocket(request: IncomingMessage, app: HttpApp): boolean {
  const asked = request.method === 'GET' && request.headers.upgrade?.toLowerCase() === 'websocket';
  if (!asked || !app.speaksSocket(request.url ?? '') || hasTwoHosts(request)) return false;
  // What has no usable address is answered as an ordinary request.
  return URL.canParse(`http://${request.headers.host ?? 'localhost'}${request.url}`);
}

/** An upgrade that is refused is answered by ending the connection, which the client may leave half open. */
function beginUpgrade({ socket }: IncomingMessage, connections: Connections, end: EndSoon): true {
  connections.begin(socket);
  socket.once('finish', () => end(socket));
  return true;
}

/** RFC 9112 3.2: a request with more than one Host is answered 400, or two servers would read two requests in it. */
function hasTwoHosts({ rawHeaders }: IncomingMessage): boolean {
  return rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host').length > 1;
}

function refuseTwoHosts(outgoing: ServerResponse): void {
  const body = refusalBody('it names two hosts', 'invalid_request');
  outgoing.writeHead(400, { 'Content-Type': 'application/json', Connection: 'close' }).end(body);
}

/**
 * HTTP/1.0 knows no Host header (RFC 9112 3.2), and HTTP/1.1 lets it be empty: health checks of HAProxy and Nagios do
 * either. The address that was connected to stands in for it. `OPTIONS *` (RFC 9110 9.3.7) asks for no path at all.
 */
function nameHost(incoming: IncomingMessage): void {
  const { localAddress = '127.0.0.1', localPort = 80 } = incoming.socket;
  const address = localAddress.includes(':') && !localAddress.includes('.') ? `[${localAddress}]` : localAddress;
  if ((incoming.headers.host ?? '') === '') incoming.headers.host = `${address.replace(/^::ffff:/i, '')}:${localPort}`;
  if (incoming.method === 'OPTIONS' && incoming.url === '*') incoming.url = '/';
}

async function shutDownWith(sockets: WebSocketServer, server: Server, deadline: number, timers: Timers): Promise<void> {
  const gone = shutDown(server, deadline, timers, () => sockets.clients.forEach((socket) => socket.terminate()));
  for (const socket of sockets.clients) socket.close(CLOSE.shuttingDown.code, CLOSE.shuttingDown.text);
  await gone;
}
