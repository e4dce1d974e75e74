/**
 * Sockets as a raw tunnel: the upgrade is asked of the other server, and from its answer on bytes go both ways, unread.
 * A refusal is passed as it is.
 */
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Timers } from '../base/timers.ts';
import { answerHeaders, type ClientFacts, requestHeaders } from './headers.ts';
import type { PassFault } from './pass.ts';
import type { Traffic } from './traffic.ts';
import type { Upstream } from './upstream.ts';

export interface Tunnelling {
  readonly incoming: IncomingMessage;
  readonly socket: Duplex;
  /** What came behind the head. */
  readonly first: Buffer;
  readonly client: ClientFacts;
  readonly target: string;
  readonly failed: (fault: PassFault) => void;
}

export interface TunnelDeps {
  readonly upstream: Upstream;
  readonly timers: Timers;
  readonly traffic: Traffic;
}

export function tunnel(tunnelling: Tunnelling, { upstream, timers, traffic }: TunnelDeps): void {
  const { incoming, socket, first, client, target, failed } = tunnelling;
  const headers = upgradeHeaders(incoming, client, upstream.authority);
  const up = upstream.begin({ method: 'GET', target, headers, kept: false });
  let answered = false;
  const left = traffic.enter();
  socket.on('error', () => up.destroy());
  socket.once('close', () => {
    up.destroy();
    left({ up: 0, down: 0 });
  });
  up.on('upgrade', (answer, other, behind) => {
    answered = true;
    traffic.answered(101);
    socket.write(headOf(answer));
    if (behind.length > 0) socket.write(behind);
    if (first.length > 0) other.write(first);
    join(socket, other);
  });
  up.on('response', (answer) => {
    answered = true;
    traffic.answered(answer.statusCode ?? 0);
    answerUpgrade(incoming, socket, answer, timers);
  });
  // An answer that breaks off reports an error of its own; this connection takes no second answer.
  up.on('error', () => {
    if (!answered && !socket.destroyed) failed('away');
  });
  up.end();
}

/** Passes the refusal of an upgrade; the connection ends with it, and breaks where the refusal cannot be passed. */
export function answerUpgrade(
  incoming: IncomingMessage,
  socket: Duplex,
  answer: IncomingMessage,
  timers: Timers,
): void {
  const outgoing = responseOn(incoming, socket, timers);
  outgoing.sendDate = false;
  answer.on('error', () => void socket.destroy());
  try {
    outgoing.writeHead(answer.statusCode ?? 502, answer.statusMessage, answerHeaders(answer.rawHeaders));
  } catch {
    // Node reads words in the first line that it does not write.
    answer.destroy();
    return void socket.destroy();
  }
  answer.pipe(outgoing);
}

const LINGER_MS = 500;

/** An ordinary answer on a connection that asked for an upgrade. */
export function responseOn(incoming: IncomingMessage, socket: Duplex, timers: Timers): ServerResponse {
  const outgoing = new ServerResponse(incoming);
  outgoing.shouldKeepAlive = false;
  outgoing.assignSocket(socket as Parameters<ServerResponse['assignSocket']>[0]);
  outgoing.on('error', () => undefined);
  outgoing.once('finish', () => {
    socket.end();
    const cancel = timers.after(LINGER_MS, () => void socket.destroy());
    socket.once('close', cancel);
    socket.resume();
  });
  return outgoing;
}

/** @returns the headers of an upgrade to a websocket, names and values by turns. */
function upgradeHeaders({ rawHeaders }: IncomingMessage, client: ClientFacts, host: string): string[] {
  const passed = requestHeaders({ rawHeaders, client, length: undefined, host });
  return [...passed, 'Connection', 'Upgrade', 'Upgrade', 'websocket'];
}

function headOf(answer: IncomingMessage): string {
  const headers = [...answerHeaders(answer.rawHeaders), 'Connection', 'Upgrade', 'Upgrade', 'websocket'];
  const lines = [`HTTP/1.1 101 ${answer.statusMessage ?? 'Switching Protocols'}`];
  for (let index = 0; index < headers.length; index += 2) lines.push(`${headers[index]}: ${headers[index + 1]}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}

function join(one: Duplex, other: Duplex): void {
  one.pipe(other);
  other.pipe(one);
  other.on('error', () => void one.destroy());
  one.once('close', () => void other.destroy());
  other.once('close', () => void one.destroy());
}
