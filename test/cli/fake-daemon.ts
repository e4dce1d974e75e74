/** An HTTP server that answers as a test says, and remembers what it was asked. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
  readonly prefer: string | undefined;
  readonly body: unknown;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

export type Handler = (asked: Asked) => Answer | Promise<Answer>;

export interface FakeDaemon {
  readonly url: string;
  readonly asked: readonly Asked[];
  readonly sockets: readonly WebSocket[];
  /** Resolves with the first event socket. */
  readonly firstSocket: Promise<WebSocket>;
  close(): Promise<void>;
}

export async function startFakeDaemon(handler: Handler): Promise<FakeDaemon> {
  const asked: Asked[] = [];
  const sockets: WebSocket[] = [];
  const server = http.createServer((request, response) => {
    void answer(request, response, handler, asked);
  });
  const events = new WebSocketServer({ server });
  const firstSocket = new Promise<WebSocket>((resolve) => {
    events.on('connection', (socket) => {
      sockets.push(socket);
      resolve(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    sockets,
    firstSocket,
    async close() {
      for (const socket of events.clients) socket.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  handler: Handler,
  asked: Asked[],
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString('utf8');
  const question: Asked = {
    method: request.method ?? '',
    url: request.url ?? '',
    authorization: request.headers.authorization,
    prefer: request.headers['prefer'] as string | undefined,
    body: text === '' ? undefined : JSON.parse(text),
  };
  asked.push(question);
  const { status, body } = await handler(question);
  response.writeHead(status, { 'content-type': typeof body === 'string' ? 'text/html' : 'application/json' });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}
