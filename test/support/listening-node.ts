/** The HTTP side on a loopback port, over a scripted service. Gone when the test ends. */
import net from 'node:net';
import { onTestFinished } from 'vitest';
import type { AppOptions } from '../../src/http/app.ts';
import { createHttpServer, type ListenOptions } from '../../src/http/server.ts';
import { systemTimers } from '../../src/base/timers.ts';
import { ADMIN, openNativeApp } from './native-app.ts';

export async function listeningNode(change: Partial<AppOptions> = {}, listen: Partial<ListenOptions> = {}) {
  const node = openNativeApp({ timers: systemTimers, ...change });
  const server = createHttpServer({ app: node.app, api: { host: '127.0.0.1', port: 0, tls: null }, ...listen });
  const { port } = await server.listen();
  onTestFinished(() => server.close(0));
  const url = `http://127.0.0.1:${port}`;
  const authorized = { authorization: `Bearer ${ADMIN}` };
  return { ...node, server, port, url, authorized };
}

/** A bare connection: what it received so far, and waits for what is still to come. */
export class RawConnection {
  readonly socket: net.Socket;
  #received = Buffer.alloc(0);

  constructor(port: number) {
    this.socket = net.connect({ port, host: '127.0.0.1' });
    this.socket.on('data', (bytes) => (this.#received = Buffer.concat([this.#received, bytes])));
    // A reset is one of the ways in which a server may end what it refused.
    this.socket.on('error', () => undefined);
    onTestFinished(() => void this.socket.destroy());
  }

  get text(): string {
    return this.#received.toString('latin1');
  }

  send(text: string | Uint8Array): void {
    this.socket.write(text);
  }

  /** Resolves once the pattern was received; rejects when the connection ends before. */
  async until(pattern: RegExp): Promise<string> {
    while (!pattern.test(this.text)) {
      if (this.socket.closed) throw new Error(`connection closed after ${JSON.stringify(this.text.slice(0, 500))}`);
      await Promise.race([once(this.socket, 'data'), once(this.socket, 'close')]);
    }
    return this.text;
  }

  async closed(): Promise<string> {
    if (!this.socket.closed) await once(this.socket, 'close');
    return this.text;
  }
}

function once(socket: net.Socket, event: string): Promise<void> {
  return new Promise((resolve) => {
    socket.once(event, () => resolve());
  });
}
