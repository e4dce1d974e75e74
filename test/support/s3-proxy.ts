/**
 * Stands before a real S3 server and does to requests what networks and services do: answers in its own name, cuts
 * connections half-way, loses answers, turns bits over, stalls. Counts everything that passes.
 */
import { createServer, type IncomingMessage, request as forward, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export type Operation =
  'begin' | 'part' | 'complete' | 'abort' | 'put' | 'get' | 'head' | 'delete' | 'list' | 'list-parts' | 'list-uploads';

export interface Passing {
  readonly operation: Operation;
  readonly key: string;
  /** Of a part; 0 otherwise. */
  readonly part: number;
  /** How often this operation on this key and part has come before. */
  readonly earlier: number;
}

/** What happens to a request instead of passing through. */
export interface Fault {
  /** Answered with this error. */
  readonly answer?: { readonly status: number; readonly code: string; readonly message?: string };
  /** The connection breaks after so many bytes of the request's body. */
  readonly cutRequestAfter?: number;
  /** The connection breaks after so many bytes of the answer's body. */
  readonly cutAnswerAfter?: number;
  /** The server carries it out, and nobody is told. */
  readonly loseAnswer?: true;
  /** One bit of the request's body arrives turned over. */
  readonly flip?: true;
  /** Nothing ever comes back. */
  readonly stall?: true;
  /** Answered as if it had been carried out. */
  readonly pretend?: true;
}

export class S3Proxy {
  /** Decides on each request; undefined lets it through. */
  fault: (passing: Passing) => Fault | undefined = () => undefined;
  readonly seen: Passing[] = [];
  /** Bytes of answers' bodies. */
  bytesOut = 0;
  endpoint = '';
  readonly #target: URL;
  readonly #server = createServer((request, response) => void this.#take(request, response));
  /** Requests that stall, for tests that wait for one. */
  readonly stalled = Promise.withResolvers<void>();

  private constructor(target: string) {
    this.#target = new URL(target);
  }

  static async before(endpoint: string): Promise<S3Proxy> {
    const proxy = new S3Proxy(endpoint);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    proxy.endpoint = `http://127.0.0.1:${(proxy.#server.address() as AddressInfo).port}`;
    onTestFinished(async () => {
      proxy.#server.closeAllConnections();
      await new Promise((resolve) => proxy.#server.close(resolve));
    });
    return proxy;
  }

  count(operation: Operation): number {
    return this.seen.filter((passing) => passing.operation === operation).length;
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    const passing = this.#passing(request);
    const fault = this.fault(passing) ?? {};
    this.seen.push(passing);
    if (fault.answer !== undefined) return this.#answer(request, response, fault.answer);
    if (fault.stall === true) return this.stalled.resolve();
    const body = await this.#read(request, fault.cutRequestAfter ?? Infinity);
    if (body === undefined) return;
    if (fault.pretend === true) return void response.writeHead(200, { ETag: '"pretended"' }).end();
    const [byte] = body;
    if (fault.flip === true && byte !== undefined) body[0] = byte ^ 1;
    this.#pass(request, body, response, fault);
  }

  #passing(request: IncomingMessage): Passing {
    const url = new URL(request.url ?? '', this.#target);
    const key = decodeURIComponent(url.pathname.split('/').slice(2).join('/'));
    const operation = operationOf(request.method ?? '', url.searchParams, key);
    const part = Number(url.searchParams.get('partNumber') ?? 0);
    const same = (other: Passing): boolean => other.operation === operation && other.key === key && other.part === part;
    return { operation, key, part, earlier: this.seen.filter(same).length };
  }

  /** Answers once the request is in: some clients never look for an answer before. */
  #answer(request: IncomingMessage, response: ServerResponse, error: NonNullable<Fault['answer']>): void {
    request.resume();
    request.on('end', () => {
      const text = `<?xml version="1.0"?><Error><Code>${error.code}</Code><Message>${error.message ?? error.code}</Message></Error>`;
      response.writeHead(error.status, {
        'Content-Type': 'application/xml',
        'Content-Length': Buffer.byteLength(text),
      });
      response.end(request.method === 'HEAD' ? undefined : text);
    });
  }

  async #read(request: IncomingMessage, limit: number): Promise<Buffer | undefined> {
    const chunks: Buffer[] = [];
    let length = 0;
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) {
        chunks.push(chunk);
        length += chunk.byteLength;
        if (length >= limit) {
          request.socket.resetAndDestroy();
          return undefined;
        }
      }
    } catch {
      return undefined;
    }
    return Buffer.concat(chunks);
  }

  #pass(request: IncomingMessage, body: Buffer, response: ServerResponse, fault: Fault): void {
    const { hostname, port } = this.#target;
    const options = {
      hostname,
      port,
      method: request.method ?? 'GET',
      path: request.url ?? '/',
      headers: request.headers,
    };
    const outgoing = forward(options, (answer) => {
      if (fault.loseAnswer === true) {
        answer.resume();
        answer.on('end', () => request.socket.resetAndDestroy());
        return;
      }
      const limit = fault.cutAnswerAfter ?? Infinity;
      let sent = 0;
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.on('data', (chunk: Buffer) => {
        const piece = chunk.subarray(0, Math.max(0, limit - sent));
        sent += piece.byteLength;
        this.bytesOut += piece.byteLength;
        response.write(piece, () => {
          // Not a reset: that would take back what the client has not read yet.
          if (sent >= limit) request.socket.destroySoon();
        });
      });
      answer.on('end', () => response.end());
    });
    // After the answer to HEAD, the server sends a body that has no business there.
    outgoing.on('error', () => {
      if (!response.headersSent) request.socket.destroy();
    });
    outgoing.end(body);
  }
}

function operationOf(method: string, query: URLSearchParams, key: string): Operation {
  if (method === 'HEAD') return 'head';
  if (method === 'POST') return query.has('uploads') ? 'begin' : 'complete';
  if (method === 'PUT') return query.has('partNumber') ? 'part' : 'put';
  if (method === 'DELETE') return query.has('uploadId') ? 'abort' : 'delete';
  if (query.has('uploads')) return 'list-uploads';
  if (query.has('uploadId')) return 'list-parts';
  return key === '' ? 'list' : 'get';
}
