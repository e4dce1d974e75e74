/** Answers that are bytes, not JSON: one file of a backup, or an archive. */
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { Failure } from '../../base/failure.ts';
import { type ApiClient, authorization, endpoint } from './api-client.ts';

const MOST_REDIRECTS = 3;

export interface ByteAnswer {
  /** 200, or 206 for a part. */
  readonly status: number;
  readonly body: IncomingMessage;
}

/**
 * Asks for bytes. A redirect to the storage is followed without the token.
 *
 * @throws Failure as `ApiClient.call` does; the system error of the connection.
 */
export async function askForBytes(
  client: ApiClient,
  path: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<ByteAnswer> {
  let url = endpoint(client.connection.url, path);
  let sent: Record<string, string> = { ...headers, ...authorization(client.connection) };
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
    const body = await get(url, sent, signal);
    const status = body.statusCode ?? 0;
    if (status === 200 || status === 206) return { status, body };
    const { location } = body.headers;
    if (status < 300 || status >= 400 || location === undefined) throw await refusal(client, body);
    body.resume();
    url = new URL(location, url);
    sent = { ...headers };
  }
  throw new Failure('internal', 'Cannot fetch the bytes: the daemon redirects in a circle');
}

function get(url: URL, headers: Record<string, string>, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? https : http).get(url, { headers, signal, agent: false }, resolve);
    request.on('error', reject);
  });
}

async function refusal(client: ApiClient, body: IncomingMessage): Promise<Failure> {
  let text = '';
  for await (const chunk of body as AsyncIterable<Buffer>) if (text.length < 65_536) text += chunk.toString('utf8');
  return client.refusal(body.statusCode ?? 0, text);
}
