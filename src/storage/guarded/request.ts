/**
 * One GET of a guarded link. Each redirect is resolved and checked like the link itself. No proxy (it would resolve the
 * name again), no keep-alive, no cookies or credentials; TLS is checked against the name in the link.
 */
import type { LookupAddress } from 'node:dns';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { LookupFunction } from 'node:net';
import { Failure, throwIfAborted, unlessAborted } from '../../base/failure.ts';
import { connectionError } from '../s3/failure.ts';
import type { AllowedHosts, Resolve } from '../../base/address-rules.ts';
import { addressesOf, parseLink, refusedLink } from './link.ts';

const DOING = 'Cannot fetch the backup';
/** As many as Wings follows. */
const MAX_REDIRECTS = 10;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

export interface GuardedOptions {
  readonly allowed: AllowedHosts;
  readonly resolve: Resolve;
  /** Until the connection stands, including TLS and name resolution. */
  readonly connectMs: number;
  /** From then until the response's headers arrive. */
  readonly headerMs: number;
  readonly userAgent: string;
  /** Certificate authorities in addition to Node's, as PEM. */
  readonly ca?: string;
}

export interface GuardedAnswer {
  readonly response: IncomingMessage;
  /** Where it came from after redirects. */
  readonly url: URL;
}

/**
 * The caller reads the response to its end or destroys it, which closes the connection.
 *
 * @throws Failure `invalid_request` for a refused link; the system error of the connection, or one with code
 *   `ETIMEDOUT`. Rejects at once on abort, leaving nothing open.
 */
export async function guardedGet(
  link: URL,
  headers: Readonly<Record<string, string>>,
  options: GuardedOptions,
  signal: AbortSignal,
): Promise<GuardedAnswer> {
  let url = link;
  for (let redirects = 0; ; redirects++) {
    const response = await getOnce(url, headers, options, signal);
    const { location } = response.headers;
    if (!REDIRECTS.has(response.statusCode ?? 0) || location === undefined) return { response, url };
    response.destroy();
    if (redirects === MAX_REDIRECTS) throw refusedLink('The provided backup link redirects too many times.');
    const next = parseLink(location, url);
    if (url.protocol === 'https:' && next.protocol === 'http:') {
      throw refusedLink('The provided backup link redirects from HTTPS to HTTP.');
    }
    url = next;
  }
}

async function getOnce(
  url: URL,
  headers: Readonly<Record<string, string>>,
  options: GuardedOptions,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const late = AbortSignal.timeout(options.connectMs);
  const resolving = addressesOf(url, options.allowed, options.resolve);
  try {
    const addresses = await unlessAborted(resolving, AbortSignal.any([signal, late]), DOING);
    return await exchange(url, { lookup: pinned(addresses), headers }, options, signal);
  } catch (error) {
    throwIfAborted(signal, DOING);
    throw error instanceof Failure && late.aborted
      ? connectionError('its name was not resolved in time', 'ETIMEDOUT')
      : error;
  }
}

/** Makes Node connect to the checked addresses. */
function pinned(addresses: readonly LookupAddress[]): LookupFunction {
  return (_, { all }, callback) => {
    const [first] = addresses;
    if (all === true) callback(null, [...addresses]);
    else callback(null, first?.address ?? '', first?.family);
  };
}

function exchange(
  url: URL,
  { lookup, headers }: { readonly lookup: LookupFunction; readonly headers: Readonly<Record<string, string>> },
  { connectMs, headerMs, userAgent, ca }: GuardedOptions,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const isTls = url.protocol === 'https:';
  const request = (isTls ? https : http).request(url, {
    // Not the global agent, which may use a proxy (NODE_USE_ENV_PROXY).
    agent: isTls ? new https.Agent({ ca }) : new http.Agent(),
    lookup,
    headers: { 'User-Agent': userAgent, Accept: '*/*', 'Accept-Encoding': 'identity', Connection: 'close', ...headers },
  });
  const giveUp = (reason: string) => (): void => void request.destroy(connectionError(reason, 'ETIMEDOUT'));
  let timer = setTimeout(giveUp('it took too long to connect'), connectMs);
  request.once('socket', (socket) => {
    socket.once(isTls ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer);
      timer = setTimeout(giveUp('it took too long to answer'), headerMs);
    });
  });
  const onAbort = (): void => void request.destroy();
  signal.addEventListener('abort', onAbort, { once: true });
  request.once('response', (response) => {
    // The reader of the body notices a cut; an error before that must not end the process.
    response.on('error', () => undefined);
    resolve(response);
  });
  request.on('error', reject);
  request.once('close', () => reject(new Error('the connection was closed')));
  request.end();
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  });
}
