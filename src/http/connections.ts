/**
 * The open connections, bounded in all and for each address. A connection is *busy* while a request on it is answered
 * and after an upgrade, else *idle*. Where a bound is reached, the oldest idle connection gives way to the newcomer, so
 * that silent connections never keep requests out; without an idle one the newcomer is closed unanswered.
 */
import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { isIP, type Socket } from 'node:net';
import { attempt } from '../base/failure.ts';
import type { Log } from '../base/log/log.ts';

export interface ConnectionOptions {
  /** Of all addresses together. */
  readonly most: number;
  readonly mostOfAddress: number;
  /** Proxies carry the requests of many clients: for them only the bound of all counts. */
  readonly isProxy: (address: string) => boolean;
  readonly log?: Log | undefined;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
}

interface Connection {
  readonly socket: Socket;
  readonly group: Set<Connection>;
  requests: number;
}

/** The most connections however many descriptors there are: each costs up to 30 KiB. */
const MOST = 4096;
/** Closed connections are logged once in so many milliseconds, with their count. */
const LOG_EVERY_MS = 60_000;

/**
 * Half of the descriptors that this process may open, at most 4,096: the other half is for files of jobs and downloads.
 */
export function mostConnections(limits = attempt(() => readFileSync('/proc/self/limits', 'utf8'))): number {
  const soft = Number(/^Max open files\s+(\d+)/m.exec(limits ?? '')?.[1] ?? Number.POSITIVE_INFINITY);
  return Math.max(1, Math.min(MOST, Math.floor(soft / 2)));
}

export class Connections {
  readonly #options: ConnectionOptions;
  /** By remote address and port, which a TLS socket shares with the socket below it. */
  readonly #open = new Map<string, Connection>();
  /** By address; the longest idle first among the idle ones. */
  readonly #groups = new Map<string, Set<Connection>>();
  #closed = 0;
  #loggedAt = Number.NEGATIVE_INFINITY;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** Follows a server's connections from now on. */
  follow(server: Server): void {
    server.on('connection', (socket: Socket) => this.#admit(socket));
    server.on('request', (request, response) => {
      const answered = this.begin(request.socket);
      response.once('close', answered);
    });
  }

  get count(): number {
    return this.#open.size;
  }

  /** True while a request on it is answered, or after an upgrade. */
  isBusy(socket: Socket): boolean {
    return (this.#open.get(peerOf(socket))?.requests ?? 0) > 0;
  }

  /** Call it when a request arrives, and the returned function once when it was answered. */
  begin(socket: Socket): () => void {
    const connection = this.#open.get(peerOf(socket));
    if (connection === undefined) return () => undefined;
    connection.requests++;
    return () => {
      connection.requests--;
      // Moved to the end, because a group is ordered by the time at which a connection became idle.
      if (connection.group.delete(connection)) connection.group.add(connection);
    };
  }

  #admit(socket: Socket): void {
    const { remoteAddress } = socket;
    // Reset before it was accepted.
    if (remoteAddress === undefined) return void socket.destroy();
    const { most, mostOfAddress, isProxy } = this.#options;
    const address = plain(remoteAddress);
    const name = isProxy(address) ? 'proxies' : networkOf(address);
    const full = name !== 'proxies' && (this.#groups.get(name)?.size ?? 0) >= mostOfAddress;
    const hasRoom = !full || this.#closeIdle(this.#groups.get(name));
    if (!hasRoom || (this.#open.size >= most && !this.#closeIdle(this.#largestGroup()))) {
      this.#logFull(name);
      return void socket.destroy();
    }
    this.#add(socket, name);
  }

  #add(socket: Socket, name: string): void {
    const group = this.#groups.get(name) ?? new Set();
    this.#groups.set(name, group);
    const connection = { socket, group, requests: 0 };
    const peer = peerOf(socket);
    group.add(connection);
    this.#open.set(peer, connection);
    socket.once('close', () => {
      group.delete(connection);
      if (group.size === 0 && this.#groups.get(name) === group) this.#groups.delete(name);
      if (this.#open.get(peer) === connection) this.#open.delete(peer);
    });
  }

  /** Strangers give way before proxies do. */
  #largestGroup(): Set<Connection> | undefined {
    let largest: Set<Connection> | undefined;
    for (const [name, group] of this.#groups) {
      if (name !== 'proxies' && group.size > (largest?.size ?? 0)) largest = group;
    }
    return largest;
  }

  #closeIdle(group: Set<Connection> | undefined): boolean {
    for (const connection of group ?? []) {
      if (connection.requests > 0) continue;
      // Counts no longer from here on; its `close` event comes later.
      group?.delete(connection);
      this.#open.delete(peerOf(connection.socket));
      connection.socket.destroy();
      this.#logFull([...this.#groups].find(([, each]) => each === group)?.[0]);
      return true;
    }
    return false;
  }

  #logFull(address: string | undefined): void {
    const { log, now, most, mostOfAddress } = this.#options;
    this.#closed++;
    if (now() - this.#loggedAt < LOG_EVERY_MS) return;
    this.#loggedAt = now();
    const facts = { closed: this.#closed, open: this.#open.size, address, most, mostOfAddress };
    log?.warn('Connections were closed because too many are open', facts);
    this.#closed = 0;
  }
}

/** A dual-stack socket shows IPv4 peers as `::ffff:192.0.2.1`. */
export function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}

/** The address, or of IPv6 its first 64 bits: one host usually has all that follow. */
function networkOf(address: string): string {
  if (isIP(address) !== 6) return address;
  const [bare = ''] = address.split('%');
  const [head = '', tail] = bare.split('::');
  const groups = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : Array<string>(Math.max(0, 8 - groups.length - after.length)).fill('0');
  return `${[...groups, ...zeros, ...after].slice(0, 4).join(':')}::/64`;
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress}|${remotePort}`;
}
