/** What a listening socket does about connections that it cannot serve, and about an address that it cannot listen on. */
import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { RequestError } from '@hono/node-server';
import { errnoOf, Failure } from '../base/failure.ts';
import type { Timers } from '../base/timers.ts';

export type EndSoon = (socket: Duplex) => void;

interface Address {
  readonly host: string;
  readonly port: number;
  /** The descriptor of a socket that listens there already, such as one of systemd. */
  readonly inherited?: number | undefined;
}

/**
 * So many connections wait to be accepted, as in systemd/roost.socket, or what net.core.somaxconn allows. Of more than
 * that the kernel drops the first packet, and the client tries again after one second, then three. Node's own 511 would
 * also replace what an inherited socket has.
 */
const WAITING = 4096;

/**
 * Resolves once connections are accepted.
 *
 * @param section of the config that names the address.
 * @throws Failure `config_invalid`.
 */
export async function bind(server: Server, { host, port, inherited }: Address, section: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ ...(inherited === undefined ? { host, port } : { fd: inherited }), backlog: WAITING }, resolve);
  await promise.catch((error: unknown) => {
    throw cannotListen(error, { host, port }, section);
  });
  server.off('error', reject);
  if (inherited !== undefined) requirePort(server, port, section);
}

/** Clients would look for Roost at an address, and wait at another. */
function requirePort(server: Server, port: number, section: string): void {
  const address = server.address();
  const found = typeof address === 'object' && address !== null ? `port ${address.port}` : 'no port';
  if (port === 0 || found === `port ${port}`) return;
  server.close();
  throw new Failure('config_invalid', `Cannot listen on the socket of systemd: it is at ${found}`, {
    hint: `Let ListenStream= of the socket unit and \`${section}.port\` in the config (${port}) name the same.`,
    facts: { port },
  });
}

function cannotListen(error: unknown, { host, port }: Address, section: string): Failure {
  const errno = errnoOf(error);
  const [portHint, hostHint] =
    section === 'api'
      ? ['--port (or `api.port` in the config)', '--host (or `api.host` in the config)']
      : [`\`${section}.port\` in the config`, `\`${section}.host\` in the config`];
  const [reason, hint] = {
    EADDRINUSE: ['the port is taken', `Choose another with ${portHint}, or end what holds it.`],
    EACCES: ['the port needs more rights', `Choose one above 1023 with ${portHint}.`],
    ENOTFOUND: ['its name has no address', `Choose another with ${hostHint}.`],
    EADDRNOTAVAIL: ['this machine has no such address', `Choose another with ${hostHint}.`],
  }[errno ?? ''] ?? [errno ?? String(error), `Check \`${section}.host\` and \`${section}.port\` in the config.`];
  return new Failure('config_invalid', `Cannot listen on ${host}:${port}: ${reason}`, {
    cause: error,
    hint,
    facts: { host, port, errno },
  });
}

/** For an address that the app cannot read, and for errors outside it. */
export function unanswered(thrown: unknown): Response {
  if (!(thrown instanceof RequestError)) {
    const body = { error: 'Cannot answer the request', code: 'internal', requestId: randomUUID() };
    return Response.json(body, { status: 500 });
  }
  const headers = { 'Content-Type': 'application/json' };
  return new Response(refusalBody('its address is malformed', 'invalid_request'), { status: 400, headers });
}

/** Answers what is no request: broken HTTP, heads that are too large or too slow. */
export function answerClientErrors(server: Server, end: EndSoon): void {
  const answered = new WeakSet<Duplex>();
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    // What follows on a connection that was answered is an error once more.
    if (answered.has(socket)) return;
    answered.add(socket);
    answerClientError(error, socket, end);
  });
}

/** An error as the API describes it, for what never became a request. */
export function refusalBody(sentence: string, code: string): string {
  return JSON.stringify({ error: `Cannot read the request: ${sentence}`, code, requestId: randomUUID() });
}

type Refused = readonly [status: string, code: string, sentence: string];

/** By the code of Node's error. */
const REFUSALS: Readonly<Record<string, Refused>> = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'too_large', 'its headers are too large'],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'invalid_request', 'it took too long to arrive'],
};
const NO_HTTP: Refused = ['400 Bad Request', 'invalid_request', 'it is not valid HTTP'];

// For connections without a request: broken HTTP, too large or too slow headers.
function answerClientError(error: NodeJS.ErrnoException, socket: Duplex, end: EndSoon): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
  const [status, code, sentence] = REFUSALS[error.code ?? ''] ?? NO_HTTP;
  const body = refusalBody(sentence, code);
  const head = `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}`;
  socket.end(`${head}\r\n\r\n${body}`);
  end(socket);
}

/**
 * Destroys a connection that was ended, once the client has closed its side or the time for that is over: servers of
 * Node keep half-open connections. At once would lose the answer where bytes of the client are still unread.
 */
export function endSoon(socket: Duplex, timers: Timers, lingerMs: number): void {
  const cancel = timers.after(lingerMs, () => void socket.destroy());
  socket.once('end', () => void (socket.writableFinished && socket.destroy()));
  socket.once('close', cancel);
  socket.resume();
}
