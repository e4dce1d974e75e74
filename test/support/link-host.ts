/** A host that links lead to: a real HTTP(S) server on an address of the loopback, which answers as a test says. */
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { LookupAddress } from 'node:dns';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { onTestFinished } from 'vitest';
import { type DownloadSettings, type DownloadTarget, GuardedDownload } from '../../src/storage/guarded/download.ts';
import { randomBytes } from './random-bytes.ts';
import { hastyRetry } from './s3-store.ts';

export interface LinkHost {
  readonly port: number;
  /** Heads of all requests that came, in order. */
  readonly seen: { readonly url: string; readonly headers: IncomingMessage['headers'] }[];
  /** Connections that were opened. */
  readonly connections: () => number;
}

export interface LinkHostOptions {
  readonly address?: string;
  readonly port?: number;
  readonly tls?: { readonly cert: string; readonly key: string };
}

export async function openLinkHost(answer: RequestListener, options: LinkHostOptions = {}): Promise<LinkHost> {
  const { address = '127.0.0.1', port = 0, tls } = options;
  const server = tls === undefined ? createServer() : createTlsServer(tls);
  const seen: LinkHost['seen'] = [];
  let connections = 0;
  server.on('connection', () => void connections++);
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    seen.push({ url: request.url ?? '', headers: request.headers });
    response.on('error', () => undefined);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(port, address, resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { port: (server.address() as AddressInfo).port, seen, connections: () => connections };
}

/** Bytes that begin as gzip does and are as long as asked for. */
export function gzipBytes(size: number): Buffer {
  const content = gzipSync(randomBytes(size, 7), { level: 0 });
  return content.subarray(0, size);
}

export interface ServeOptions {
  readonly etag?: string | null;
  readonly cutAfter?: number;
  readonly ranges?: boolean;
}

/** Answers with ranges of `content`, under a tag; `cutAfter` breaks the connection after so many bytes of the body. */
export function serve(
  response: ServerResponse,
  request: IncomingMessage,
  content: Buffer,
  { etag = '"one"', cutAfter = Infinity, ranges = true }: ServeOptions = {},
): void {
  const [, start] = /^bytes=(\d+)-$/.exec(request.headers.range ?? '') ?? [];
  const condition = request.headers['if-range'];
  const isPart = ranges && start !== undefined && (condition === undefined || condition === etag);
  const from = isPart ? Number(start) : 0;
  const body = content.subarray(from);
  response.writeHead(isPart ? 206 : 200, {
    'Content-Length': body.byteLength,
    // What it is called does not matter.
    'Content-Type': 'text/html',
    ...(etag === null ? {} : { ETag: etag }),
    ...(isPart ? { 'Content-Range': `bytes ${from}-${content.byteLength - 1}/${content.byteLength}` } : {}),
  });
  if (cutAfter >= body.byteLength) return void response.end(body);
  response.write(body.subarray(0, cutAfter), () => request.socket.destroySoon());
}

export class MemoryTarget implements DownloadTarget {
  maxBytes = 0;
  readonly expected: (number | null)[] = [];
  onWrite: () => void = () => undefined;
  #memory = Buffer.alloc(64 * 1024);
  #end = 0;

  get bytes(): Buffer {
    return this.#memory.subarray(0, this.#end);
  }

  async expect(size: number | null): Promise<void> {
    this.expected.push(size);
  }

  async write(bytes: Uint8Array, offset: number): Promise<void> {
    this.#end = offset + bytes.byteLength;
    if (this.#end > this.#memory.byteLength) this.#memory = Buffer.concat([this.#memory], 2 * this.#end);
    this.#memory.set(bytes, offset);
    this.onWrite();
  }
}

export function downloadOf(settings: Partial<DownloadSettings> = {}): GuardedDownload {
  return new GuardedDownload({ allowlist: [], userAgent: 'Roost of a test', retry: hastyRetry, ...settings });
}

/** Fetches all of it into memory. */
export async function fetchLink(
  link: string,
  settings: Partial<DownloadSettings> = {},
  { target = new MemoryTarget(), signal = new AbortController().signal } = {},
): Promise<Buffer> {
  const size = await downloadOf(settings).fetch(link, target, signal);
  return target.bytes.subarray(0, size);
}

export function v4(...addresses: string[]): LookupAddress[] {
  return addresses.map((address) => ({ address, family: 4 }));
}
