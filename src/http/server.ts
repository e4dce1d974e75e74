/**
 * The listening socket.
 *
 * For: the daemon. Promises: bounds on headers, bodies and their arrival before a route runs; websockets on known paths
 * only; an orderly close. Never: cuts a waiting request by a time limit; only its arrival has one.
 */
import { readFileSync } from 'node:fs';
import {
  createServer as createPlainServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { createAdaptorServer, getRequestListener, RequestError } from '@hono/node-server';
import { WebSocketServer } from 'ws';
import { errnoOf, Failure } from '../base/failure.ts';
import type { ApiConfig } from '../config/types.ts';
import type { HttpApp } from './app.ts';
import { CLOSE, LARGEST_FRAME } from '../protocols/native/native.ts';
import { sendingBodies } from './sending/send-body.ts';
import { systemTimers, type Timers } from '../base/timers.ts';

export interface ListenOptions {
  readonly app: HttpApp;
  readonly api: Pick<ApiConfig, 'host' | 'port' | 'tls'>;
  readonly timers?: Timers;
  /** Milliseconds for headers and whole request to arrive; for tests. */
  readonly receive?: { readonly headers: number; readonly request: number; readonly checkEvery: number };
}

export interface HttpServer {
  /** Resolves with the actual address once connections are accepted. */
  listen(): Promise<{ readonly host: string; readonly port: number }>;
  /** Closes all sockets: clients connect again, with a token that is valid now. */
  dropSockets(): void;
  /**
   * Accepts nothing new, closes idle connections and sockets, waits for running requests, and cuts the rest after
   * `deadline` milliseconds. Resolves when the last connection is gone; safe to call twice.
   */
  close(deadline: number): Promise<void>;
}

// Generous for headers of at most 16 KiB and bodies of 1 MiB.
const RECEIVE = { headers: 20_000, request: 120_000, checkEvery: 5_000 };
const KEEP_ALIVE_MS = 65_000;
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
      await bind(server, options.api);
      running = { server, sockets };
      const { address, port } = server.address() as AddressInfo;
      return { host: address, port };
    },
    dropSockets() {
      const { code, text } = CLOSE.tokensChanged;
      for (const socket of running?.sockets.clients ?? []) socket.close(code, text);
    },
    async close(deadline) {
      if (running === undefined) return;
      closed ??= shutDown(running.server, running.sockets, deadline, timers);
      await closed;
    },
  };
}

function createServer(options: ListenOptions, sockets: WebSocketServer): Server {
  const {
    app,
    api: { tls },
  } = options;
  const receive = options.receive ?? RECEIVE;
  const settings: ServerOptions & { cert?: Buffer; key?: Buffer } = {
    headersTimeout: receive.headers,
    requestTimeout: receive.request,
    connectionsCheckingInterval: receive.checkEvery,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // Detects peers that vanished silently, such as during a long wait.
    keepAlive: true,
    keepAliveInitialDelay: PROBE_AFTER_MS,
    // Without this, Node passes every `Upgrade` to the websocket side, where `Upgrade: h2c`, a default of some HTTP
    // clients, would hang.
    shouldUpgradeCallback: (request) => wantsSocket(request, app),
    ...(tls === null ? {} : { cert: pem(tls.cert), key: pem(tls.key) }),
  };
  // @hono/node-server answers a malformed URL or Host without the app; only its listener takes an error handler.
  const listener = getRequestListener(sendingBodies(app.fetch), { errorHandler: unanswered });
  const handle = (incoming: IncomingMessage, outgoing: ServerResponse): void => void listener(incoming, outgoing);
  const create = () => (tls === null ? createPlainServer(settings, handle) : createTlsServer(settings, handle));
  const server = createAdaptorServer({
    fetch: app.fetch,
    websocket: { server: sockets },
    createServer: create as typeof createPlainServer,
  }) as Server;
  server.on('clientError', answerClientError);
  // While closing, an answered connection would otherwise wait for a next request.
  server.on('request', (_, outgoing) => {
    outgoing.once('close', () => setImmediate(() => !server.listening && server.closeIdleConnections()));
  });
  return server;
}

function wantsSocket(request: IncomingMessage, app: HttpApp): boolean {
  const [path = ''] = (request.url ?? '').split('?', 1);
  return request.method === 'GET' && request.headers.upgrade?.toLowerCase() === 'websocket' && app.speaksSocket(path);
}

function pem(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new Failure('config_invalid', `Cannot read ${path}: ${errnoOf(error) ?? 'it is unreadable'}`, {
      cause: error,
      hint: 'Check `api.tls` in the config, and that Roost’s user may read both files.',
    });
  }
}

async function bind(server: Server, { host, port }: ListenOptions['api']): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ host, port }, resolve);
  await promise.catch((error: unknown) => {
    throw cannotListen(error, host, port);
  });
  server.off('error', reject);
}

function cannotListen(error: unknown, host: string, port: number): Failure {
  const errno = errnoOf(error);
  const [reason, hint] = {
    EADDRINUSE: [
      'the port is taken',
      'Choose another with --port (or `api.port` in the config), or end what holds it.',
    ],
    EACCES: ['the port needs more rights', 'Choose one above 1023 with --port (or `api.port` in the config).'],
    EADDRNOTAVAIL: ['this machine has no such address', 'Choose another with --host (or `api.host` in the config).'],
  }[errno ?? ''] ?? [errno ?? String(error), 'Check `api.host` and `api.port` in the config.'];
  return new Failure('config_invalid', `Cannot listen on ${host}:${port}: ${reason}`, {
    cause: error,
    hint,
    facts: { host, port, errno },
  });
}

function unanswered(thrown: unknown): Response {
  if (!(thrown instanceof RequestError)) {
    return Response.json({ error: 'Cannot answer the request', code: 'internal' }, { status: 500 });
  }
  const body = { error: 'Cannot read the request: its address is malformed', code: 'invalid_request' };
  return Response.json(body, { status: 400 });
}

// For connections without a request: broken HTTP, too large or too slow headers.
function answerClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
  const [status, code, sentence] = {
    HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'too_large', 'its headers are too large'],
    ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'invalid_request', 'it took too long to arrive'],
  }[error.code ?? ''] ?? ['400 Bad Request', 'invalid_request', 'it is not valid HTTP'];
  const body = JSON.stringify({ error: `Cannot read the request: ${sentence}`, code });
  const head = `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}`;
  socket.end(`${head}\r\n\r\n${body}`);
}

async function shutDown(server: Server, sockets: WebSocketServer, deadline: number, timers: Timers): Promise<void> {
  const { promise: gone, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  for (const socket of sockets.clients) socket.close(CLOSE.shuttingDown.code, CLOSE.shuttingDown.text);
  const cancel = timers.after(deadline, () => {
    for (const socket of sockets.clients) socket.terminate();
    server.closeAllConnections();
  });
  await gone;
  cancel();
}
