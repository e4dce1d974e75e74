/** A proxy in front of a daemon, which serves it below a path and does to its sockets what networks do. */
import http from 'node:http';
import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export interface Proxy {
  readonly url: string;
  /** Cuts the sockets that are open now. @returns how many. */
  cut(): number;
  /** From now on, sockets are cut as they are opened. */
  refuse(): void;
  /** From now on, sockets that are opened are carried again. */
  mend(): void;
  /** From now on, the sockets that are open carry nothing and nothing tells of it; later ones are as always. */
  mute(): number;
  /** Pings of the daemon that went through. */
  readonly pings: () => number;
  /** Sockets that were cut because nothing went through them for that long. */
  readonly idle: () => number;
  /** Addresses of calls that were cut because no answer came in time. */
  readonly unanswered: readonly string[];
}

export interface ProxyOptions {
  /** Where the daemon is in the proxy's addresses, such as `/node1`; '' for the root. */
  readonly path: string;
  /** The proxy is reached by TLS. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Cuts sockets through which nothing went for so long. */
  readonly idleMs?: number;
  /** Cuts a call whose answer does not begin within that time. */
  readonly answerMs?: number;
}

/** Of a frame that the daemon sends to ask whether the other side is there. */
const PING = 0x89;

export async function proxyOf(target: string, { path, tls, idleMs, answerMs }: ProxyOptions): Promise<Proxy> {
  const { hostname, port } = new URL(target);
  const tunnels = new Map<net.Socket, { mute: boolean }>();
  let [pings, idle, isRefusing] = [0, 0, false];
  const unanswered: string[] = [];
  const pass: http.RequestListener = (request, response) => {
    const inner = request.url?.startsWith(`${path}/`) === true ? request.url.slice(path.length) : undefined;
    if (inner === undefined) {
      response.writeHead(404).end();
      return;
    }
    const { method, headers } = request;
    // On a connection of its own: one that is kept may be closed just as the next call is sent on it.
    const passed = http.request({ hostname, port, path: inner, method, headers, agent: false }, (answer) => {
      clearTimeout(timer);
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
      answer.on('error', () => response.destroy());
    });
    const cut = (): void => {
      unanswered.push(inner);
      response.destroy();
    };
    const timer = answerMs === undefined ? undefined : setTimeout(cut, answerMs);
    passed.on('error', () => response.destroy());
    response.on('close', () => {
      clearTimeout(timer);
      passed.destroy();
    });
    request.pipe(passed);
  };
  const server = tls === undefined ? http.createServer(pass) : https.createServer(tls, pass);
  server.on('upgrade', (request: http.IncomingMessage, socket: net.Socket) => {
    if (isRefusing) {
      socket.destroy();
      return;
    }
    const state = { mute: false };
    const onward = net.connect(Number(port), hostname, () => {
      const lines = request.rawHeaders.flatMap((name, at, all) => (at % 2 === 0 ? [`${name}: ${all[at + 1]}`] : []));
      onward.write(`GET ${request.url?.slice(path.length)} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
    });
    tunnels.set(socket, state);
    const end = (): void => {
      if (state.mute) return;
      tunnels.delete(socket);
      socket.destroy();
      onward.destroy();
    };
    const carry = (from: net.Socket, to: net.Socket): void => {
      from.on('data', (chunk: Buffer) => {
        if (state.mute) return;
        if (from === onward && chunk[0] === PING) pings++;
        to.write(chunk);
      });
      from.on('error', end).on('close', end);
    };
    carry(socket, onward);
    carry(onward, socket);
    if (idleMs === undefined) return;
    socket.setTimeout(idleMs, () => {
      idle++;
      end();
    });
  });
  await new Promise<void>((listening) => void server.listen(0, '127.0.0.1', listening));
  const all = (): net.Socket[] => [...tunnels.keys()];
  onTestFinished(() => {
    for (const [socket, state] of tunnels) {
      state.mute = false;
      socket.destroy();
    }
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}${path}`,
    cut: () => {
      const open = all();
      for (const socket of open) socket.destroy();
      return open.length;
    },
    refuse: () => void (isRefusing = true),
    mend: () => void (isRefusing = false),
    mute: () => {
      for (const state of tunnels.values()) state.mute = true;
      return tunnels.size;
    },
    pings: () => pings,
    idle: () => idle,
    unanswered,
  };
}
