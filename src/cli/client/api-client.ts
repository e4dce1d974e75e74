/**
 * HTTP client of the daemon: one JSON request, one JSON answer or a `Failure`. Uses node:http, because an answer may
 * take hours (create answers when the backup ends) and `fetch` gives up after five silent minutes.
 */
import http from 'node:http';
import https from 'node:https';
import { MEBIBYTE } from '../../base/sizes.ts';
import { attempt, Failure, FAILURE_CODES, type FailureCode, throwIfAborted } from '../../base/failure.ts';
import { printableText } from '../../base/files/paths.ts';
import { unreachable } from './unreachable.ts';

export interface Connection {
  /** The daemon's base URL. */
  readonly url: URL;
  readonly token: string;
  /** Source of the token, for the hint when it is refused. */
  readonly source: string;
}

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Path and query below the base URL; the caller encodes external parts. */
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** Bound of an answer; a page of files has a few hundred KiB. */
const LARGEST_ANSWER = 64 * MEBIBYTE;

export class ApiClient {
  readonly connection: Connection;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  /**
   * Sends a request and returns the answer's JSON.
   *
   * @throws Failure with the daemon's code, message and hint when it refuses; `internal` when it is unreachable or
   *   not a Roost; `cancelled` on abort.
   */
  async call(request: ApiRequest): Promise<unknown> {
    throwIfAborted(request.signal, 'Cannot ask the daemon');
    const { status, text } = await this.#exchange(request);
    const body = attempt((): unknown => JSON.parse(text));
    if (status >= 200 && status < 300 && body !== undefined) return body;
    throw this.refusal(status, text);
  }

  #exchange(request: ApiRequest): Promise<{ status: number; text: string }> {
    const url = endpoint(this.connection.url, request.path);
    const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
    const transport = url.protocol === 'https:' ? https : http;
    return new Promise((resolve, reject) => {
      const fail = (error: unknown) => {
        const reason: unknown = request.signal?.reason;
        if (error instanceof Failure) reject(error);
        else reject(reason instanceof Failure ? reason : unreachable(this.connection.url, error, request));
      };
      const outgoing = transport.request(
        url,
        {
          method: request.method,
          // A kept-alive connection would keep the finished command running.
          agent: false,
          headers: {
            ...authorization(this.connection),
            accept: 'application/json',
            ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': body.length }),
            ...request.headers,
          },
          signal: request.signal,
        },
        (answer) => {
          readText(answer).then((text) => resolve({ status: answer.statusCode ?? 0, text }), fail);
        },
      );
      outgoing.on('error', fail);
      outgoing.end(body);
    });
  }

  /** The failure that an answer other than 2xx describes. */
  refusal(status: number, text: string): Failure {
    const body = attempt((): unknown => JSON.parse(text));
    const { error, code, hint, requestId, ...report } = isRecord(body) ? body : {};
    if (typeof error !== 'string') {
      return new Failure('internal', `Cannot understand the answer of ${this.connection.url.href}: HTTP ${status}`, {
        hint: 'Is that address a Roost daemon? Check ROOST_URL, or api.host and api.port in the config.',
      });
    }
    // A panel's dialect answers a token that nothing knows in that panel's words, which have no code.
    const otherwise = code === undefined && (status === 401 || status === 403) ? 'unauthorized' : 'internal';
    const known = FAILURE_CODES.find((candidate) => candidate === code) ?? otherwise;
    return new Failure(known, printableText(error), {
      facts: { status, requestId },
      detail: { report },
      hint: known === 'unauthorized' || code === 'not_found' ? this.#doubt(known) : textOf(hint),
    });
  }

  /** Of an answer that this daemon's commands do not get. */
  #doubt(code: FailureCode): string {
    const { source, url } = this.connection;
    if (code === 'unauthorized') return `The token comes from ${source}; is it this daemon's?`;
    return `Check the address, ${url.href}: a daemon has no path, and one of an older version may not know this command.`;
  }
}

function textOf(hint: unknown): string | undefined {
  return typeof hint === 'string' ? printableText(hint) : undefined;
}

/** Also sent by the event socket. */
export function authorization(connection: Connection): { readonly authorization: string } {
  return { authorization: `Bearer ${connection.token}` };
}

/** A URL below the base URL, which may have a path behind a proxy. */
export function endpoint(base: URL, path: string): URL {
  return new URL(base.href.replace(/\/$/, '') + path);
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

async function readText(answer: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > LARGEST_ANSWER) throw new Failure('too_large', 'Cannot read the answer: it does not end');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
