/** An S3 service that a test scripts: it records requests and answers with what the test says. No signatures checked. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export interface DoubleRequest {
  readonly method: string;
  /** Decoded, with the bucket. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface DoubleAnswer {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

export interface S3Double {
  readonly endpoint: string;
  readonly requests: DoubleRequest[];
  answer: (request: DoubleRequest) => DoubleAnswer | undefined;
}

/** @param tls of the certificate that it shows; plain HTTP without it. */
export async function openS3Double(tls?: { readonly cert: string; readonly key: string }): Promise<S3Double> {
  const requests: DoubleRequest[] = [];
  const double = { endpoint: '', requests, answer: (): DoubleAnswer | undefined => undefined } as S3Double & {
    endpoint: string;
  };
  const server = (tls === undefined ? createServer() : createTlsServer(tls)).on('request', (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const url = new URL(request.url ?? '', 'http://double');
      const { method = '', headers } = request;
      const seen = { method, path: decodeURIComponent(url.pathname), query: url.searchParams, headers };
      const whole = { ...seen, body: Buffer.concat(chunks) };
      requests.push(whole);
      const { status = 200, headers: more = {}, body = '' } = double.answer(whole) ?? {};
      response.writeHead(status, { ...more, 'Content-Length': more['Content-Length'] ?? Buffer.byteLength(body) });
      response.end(method === 'HEAD' ? undefined : body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  double.endpoint = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return double;
}
