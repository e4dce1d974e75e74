/**
 * One request to a channel. Its host is resolved here and every address checked; the connection goes to a checked address,
 * so that a second look-up cannot lead elsewhere. No redirects, no proxy, no kept connection; an answer's body is read up
 * to a bound and shown in part. The URL itself is a secret and in no message.
 */
import type { LookupAddress } from 'node:dns';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { LookupFunction } from 'node:net';
import { addressesOfHost, type AllowedHosts, isPublicAddress, type Resolve } from '../../base/address-rules.ts';
import { Failure, reasonOf, throwIfAborted } from '../../base/failure.ts';
import { printableText } from '../../base/files/paths.ts';

const DOING = 'Cannot send a notification';
/** For resolving, connecting and the whole answer. */
const WITHIN_MS = 15_000;
const LONGEST_ANSWER = 16 * 1024;
const SHOWN_ANSWER = 200;

export interface Outgoing {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * @throws Failure `invalid_request` for an address that is not allowed; `store_unreachable` for any answer but 2xx, with
 *   `facts.retryAfterMs` where the answer asks for a pause; `cancelled` on abort.
 */
export async function guardedPost(
  outgoing: Outgoing,
  allowed: AllowedHosts,
  resolve: Resolve,
  signal: AbortSignal,
): Promise<void> {
  const { host } = outgoing.url;
  const within = AbortSignal.any([signal, AbortSignal.timeout(WITHIN_MS)]);
  try {
    const addresses = await allowedAddresses(outgoing.url, allowed, resolve);
    throwIfAborted(signal, DOING);
    const response = await exchange(outgoing, addresses, within);
    const text = await readStart(response);
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return;
    throw new Failure('store_unreachable', `${DOING}: ${host} answered ${status}${shown(text)}`, {
      facts: { host, status, ...retryAfter(response, text) },
      hint: status >= 400 && status < 500 ? 'Check the url, secret or token of the channel under notify.' : undefined,
      retry: true,
    });
  } catch (error) {
    throwIfAborted(signal, DOING);
    if (error instanceof Failure) throw error;
    const reason = within.aborted ? 'it took too long' : reasonOf(error);
    throw new Failure('store_unreachable', `${DOING}: ${host} failed (${printableText(reason)})`, {
      cause: error,
      facts: { host },
      retry: true,
    });
  }
}

async function allowedAddresses(url: URL, allowed: AllowedHosts, resolve: Resolve): Promise<readonly LookupAddress[]> {
  const addresses = await addressesOfHost(url, resolve);
  const isFine = ({ address }: LookupAddress): boolean => isPublicAddress(address) || allowed.allowsAddress(address);
  // Refuse if any address is blocked, because which one is used is chance.
  if (addresses.length > 0 && (allowed.allowsName(url.hostname) || addresses.every(isFine))) return addresses;
  throw new Failure('invalid_request', `${DOING}: ${url.host} is a private address`, {
    facts: { host: url.host },
    hint: 'If that is meant, name it under notify.host_allowlist.',
  });
}

function exchange({ url, headers, body }: Outgoing, addresses: readonly LookupAddress[], signal: AbortSignal) {
  const isTls = url.protocol === 'https:';
  const lookupChecked: LookupFunction = (_, { all }, callback) => {
    const [first] = addresses;
    if (all === true) callback(null, [...addresses]);
    else callback(null, first?.address ?? '', first?.family);
  };
  return new Promise<IncomingMessage>((resolve, reject) => {
    const request = (isTls ? https : http).request(url, {
      method: 'POST',
      // Not the global agent, which may use a proxy.
      agent: isTls ? new https.Agent() : new http.Agent(),
      lookup: lookupChecked,
      headers: { connection: 'close', 'content-length': Buffer.byteLength(body), ...headers },
      signal,
    });
    request.once('response', resolve);
    request.once('error', reject);
    request.end(body);
  });
}

/** The first bytes of an answer, as text; the rest is not read. */
async function readStart(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= LONGEST_ANSWER) break;
  }
  response.destroy();
  return Buffer.concat(chunks).toString('utf8', 0, LONGEST_ANSWER);
}

function shown(text: string): string {
  const line = printableText(text.trim().slice(0, SHOWN_ANSWER));
  return line === '' ? '' : `: ${line}`;
}

/** Seconds in the header (RFC 9110 10.2.3), or Discord's `retry_after` in the body. */
function retryAfter({ headers, statusCode }: IncomingMessage, text: string): { readonly retryAfterMs?: number } {
  if (statusCode !== 429 && statusCode !== 503) return {};
  const inHeader = Number(headers['retry-after'] ?? Number.NaN);
  const inBody = Number(/"retry_after"\s*:\s*([\d.]+)/.exec(text)?.[1] ?? Number.NaN);
  const seconds = Number.isFinite(inHeader) ? inHeader : inBody;
  return Number.isFinite(seconds) && seconds >= 0 ? { retryAfterMs: Math.ceil(seconds * 1000) } : {};
}
