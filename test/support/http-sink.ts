/** An HTTP server that notes what it is sent, and answers as a test says. */
import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';
import { eventually } from './eventually.ts';

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

export interface HttpSink {
  readonly url: string;
  readonly received: readonly Received[];
  /** Those that it answered with a 2xx. */
  readonly taken: readonly Received[];
  /** Open ones. */
  connections(): Promise<number>;
  /** Resolves when all is in `received` that processes sent before they were killed. */
  settled(): Promise<void>;
  /** What it answers from now on. */
  answer: { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string };
}

/** @param host an address of this machine. @param port one that is free; any without it. */
export async function startSink(host = '127.0.0.1', port = 0): Promise<HttpSink> {
  const received: Received[] = [];
  const taken: Received[] = [];
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const sent = { method, path: url, headers, body: Buffer.concat(chunks).toString('utf8') };
      const { status, headers: answered = {}, body = '' } = sink.answer;
      received.push(sent);
      if (status < 300) taken.push(sent);
      response.writeHead(status, answered).end(body);
    });
  });
  server.listen(port, host);
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  const address = server.address() as AddressInfo;
  const connections = promisify(server.getConnections.bind(server));
  const settled = async (): Promise<void> => {
    // The kernel hands connections over in their order: those before this one are counted once it is here.
    const own = net.connect(address.port, host);
    const isHere = new Promise<void>((resolve) => {
      server.on('connection', function arrived({ remotePort }) {
        if (remotePort !== own.localPort) return;
        server.off('connection', arrived);
        resolve();
      });
    });
    await Promise.all([once(own, 'connect'), isHere]);
    own.destroy();
    await eventually(async () => (await connections()) === 0);
  };
  const url = `http://${host}:${address.port}`;
  const sink: HttpSink = { url, received, taken, answer: { status: 204 }, connections, settled };
  return sink;
}
