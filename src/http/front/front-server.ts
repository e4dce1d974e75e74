/**
 * The node's public HTTP server when Roost stands in front of Wings.
 *
 * For: the daemon in front mode. Promises: heads are checked before anything is decided; heads and connections are
 * bounded; a request as a whole has no time limit, so that long uploads are not cut; new connections get a renewed
 * certificate; a close ends sockets last. Never: parses leniently.
 */
import {
  createServer as createPlainServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { getRequestListener } from '@hono/node-server';
import type { Log } from '../../base/log/log.ts';
import { systemTimers, type Timers } from '../../base/timers.ts';
import type { FrontConfig } from '../../config/types.ts';
import type { Front } from '../../protocols/wings/front/front.ts';
import { isFault, readHead, type RequestHead } from '../../relay/relay.ts';
import type { HttpApp } from '../app.ts';
import { readCertificate } from '../certificate.ts';
import { Connections, mostConnections } from '../connections.ts';
import { trustedProxies } from '../remote-address.ts';
import { answerClientErrors, bind, endSoon, unanswered } from '../refusals.ts';
import { sendingBodies } from '../sending/send-body.ts';
import { shutDown } from '../shut-down.ts';
import { clientFacts } from './client-facts.ts';

export interface FrontServerOptions {
  readonly front: Pick<Front, 'request' | 'upgrade' | 'refuse' | 'wantsSocket'>;
  /** The dialect's own routes. */
  readonly app: Pick<HttpApp, 'fetch'>;
  readonly config: Pick<FrontConfig, 'listen' | 'trustedProxies'>;
  readonly log: Log;
  readonly timers?: Timers;
  /** Milliseconds for heads and for bodies of served routes to arrive; for tests. */
  readonly receive?: { readonly headers: number; readonly body: number; readonly checkEvery: number };
  readonly bounds?: { readonly most: number; readonly mostOfAddress: number };
  /** The descriptor of a listening socket to serve on; undefined: a new one at the address of the config. */
  readonly inherited?: number | undefined;
}

export interface FrontServer {
  /** Resolves with the actual address. @throws Failure `config_invalid` when it cannot be listened on. */
  listen(): Promise<{ readonly host: string; readonly port: number }>;
  /** @throws Failure `config_invalid` for files that are no certificate with its key; the old one stays. */
  setCertificate(tls: FrontConfig['listen']['tls']): void;
  /**
   * Accepts no new connections, waits for requests under way, and cuts them after `deadline` milliseconds. Sockets have been
   * told to end before: after a second they are cut.
   */
  close(deadline: number): Promise<void>;
}

const RECEIVE = { headers: 20_000, body: 120_000, checkEvery: 5_000 };
const HEAD_BYTES = 16 * 1024;
const KEEP_ALIVE_MS = 65_000;
const HANDSHAKE_MS = 20_000;
/** A client that reads nothing of an answer from Roost for this long is cut off; passed answers have their own bound. */
const STALLED_MS = 120_000;
const LINGER_MS = 500;
const PROBE_AFTER_MS = 60_000;

export function createFrontServer(options: FrontServerOptions): FrontServer {
  const { config, timers = systemTimers } = options;
  let server: Server | undefined;
  let closed: Promise<void> | undefined;
  const connections = connectionsOf(options);
  const upgraded = new Set<Duplex>();
  return {
    async listen() {
      const created = create(options, connections, timers);
      created.on('upgrade', (_, socket) => {
        upgraded.add(socket);
        socket.once('close', () => upgraded.delete(socket));
      });
      await bind(created, { ...config.listen, inherited: options.inherited }, 'front.listen');
      server = created;
      const { address, port } = created.address() as AddressInfo;
      return { host: address, port };
    },
    setCertificate(tls) {
      if (tls === null || server === undefined || !('setSecureContext' in server)) return;
      (server as TlsServer).setSecureContext(readCertificate(tls, 'front.listen.tls'));
    },
    async close(deadline) {
      if (server === undefined) return;
      closed ??= shutDown(server, deadline, timers, () => upgraded.forEach((socket) => socket.destroy()));
      await closed;
    },
  };
}

function create(options: FrontServerOptions, connections: Connections, timers: Timers): Server {
  const { front, app, config } = options;
  const { listen, trustedProxies: proxies } = config;
  const receive = options.receive ?? RECEIVE;
  const settings: ServerOptions & { cert?: Buffer; key?: Buffer; handshakeTimeout: number; ALPNProtocols?: string[] } =
    {
      headersTimeout: receive.headers,
      // A limit on whole requests would cut uploads (nodejs/node#46574).
      requestTimeout: 0,
      connectionsCheckingInterval: receive.checkEvery,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: HEAD_BYTES,
      insecureHTTPParser: false,
      handshakeTimeout: HANDSHAKE_MS,
      keepAlive: true,
      keepAliveInitialDelay: PROBE_AFTER_MS,
      shouldUpgradeCallback: (request) => isUpgrade(request, front) && beginUpgrade(request, connections, timers),
      ...(listen.tls === null ? {} : readCertificate(listen.tls, 'front.listen.tls')),
    };
  const proto = listen.tls === null ? 'http' : 'https';
  const clientOf = clientFacts(trustedProxies(proxies), proto);
  const listener = getRequestListener(sendingBodies(app.fetch), { errorHandler: unanswered });
  const served = new WeakSet<Duplex>();
  const handle = (incoming: IncomingMessage, outgoing: ServerResponse, expectsContinue: boolean): void => {
    const head = readHead(incoming.method ?? '', incoming.url ?? '', incoming.rawHeaders);
    if (isFault(head)) {
      const error = `Cannot read the request: ${head.problem}`;
      return front.refuse(incoming, outgoing, { status: head.status, error });
    }
    const serve = (): void => {
      served.add(incoming.socket);
      outgoing.once('close', () => served.delete(incoming.socket));
      if (expectsContinue) outgoing.writeContinue();
      boundBody(incoming, receive.body, timers);
      incoming.url = canonical(head);
      nameHost(incoming);
      void listener(incoming, outgoing);
    };
    front.request({ head, incoming, outgoing, client: clientOf(incoming), expectsContinue, serve });
  };
  const server = listen.tls === null ? createPlainServer(settings) : createTlsServer(settings);
  server.on('request', (incoming, outgoing) => handle(incoming, outgoing, false));
  server.on('checkContinue', (incoming, outgoing) => handle(incoming, outgoing, true));
  server.on('upgrade', (incoming: IncomingMessage, socket: Duplex, first: Buffer) => {
    const head = readHead(incoming.method ?? '', incoming.url ?? '', incoming.rawHeaders);
    socket.on('error', () => undefined);
    // Checked before it was taken for an upgrade.
    if (isFault(head)) socket.destroy();
    else front.upgrade({ head, incoming, socket, first, client: clientOf(incoming) });
  });
  connections.follow(server);
  server.on('checkContinue', (incoming: IncomingMessage, outgoing: ServerResponse) => {
    outgoing.once('close', connections.begin(incoming.socket));
  });
  answerClientErrors(server, (socket) => endSoon(socket, timers, LINGER_MS));
  server.setTimeout(STALLED_MS, (socket: Socket) => {
    if (!connections.isBusy(socket) || (served.has(socket) && socket.writableLength > 0)) socket.destroy();
  });
  // While closing, an answered connection would otherwise wait for a next request.
  server.on('request', (_, outgoing) => {
    outgoing.once('close', () => setImmediate(() => !server.listening && server.closeIdleConnections()));
  });
  return server;
}

function connectionsOf({ config, bounds, log }: FrontServerOptions): Connections {
  const most = mostConnections();
  const { most: inAll, mostOfAddress } = bounds ?? { most, mostOfAddress: Math.ceil(most / 2) };
  const now = (): number => performance.now();
  return new Connections({ most: inAll, mostOfAddress, isProxy: trustedProxies(config.trustedProxies), log, now });
}

/** True for a websocket. Another `Upgrade`, such as to h2c, or a refused head is handled as an ordinary request. */
function isUpgrade(request: IncomingMessage, front: FrontServerOptions['front']): boolean {
  if (request.headers.upgrade?.toLowerCase() !== 'websocket') return false;
  const head = readHead(request.method ?? '', request.url ?? '', request.rawHeaders);
  return !isFault(head) && front.wantsSocket(head);
}

function beginUpgrade({ socket }: IncomingMessage, connections: Connections, timers: Timers): true {
  connections.begin(socket);
  socket.once('finish', () => endSoon(socket, timers, LINGER_MS));
  return true;
}

/** Bounds the time for the body of a request that Roost serves; those bodies are small. */
function boundBody(incoming: IncomingMessage, milliseconds: number, timers: Timers): void {
  if (incoming.complete) return;
  const cancel = timers.after(milliseconds, () => {
    if (!incoming.complete) incoming.socket.destroy();
  });
  incoming.once('close', cancel);
}

/** The path that was decided on, encoded again in one way, so that the routes cannot decode it differently. */
function canonical({ segments, query }: RequestHead): string {
  return `/${segments.map(encodeURIComponent).join('/')}${query}`;
}

/** HTTP/1.0 knows no Host; the address that was connected to stands in for it. */
function nameHost(incoming: IncomingMessage): void {
  const { localAddress = '127.0.0.1', localPort = 80 } = incoming.socket;
  const address = localAddress.includes(':') && !localAddress.includes('.') ? `[${localAddress}]` : localAddress;
  if ((incoming.headers.host ?? '') === '') incoming.headers.host = `${address.replace(/^::ffff:/i, '')}:${localPort}`;
}
