/**
 * One GET of a guarded link: redirects are followed by hand, each to addresses that were checked for it and to no
 * others. No proxy stands between (it would resolve the name anew), nothing is kept alive, no cookie or credential is
 * sent, and TLS is checked against the name in the link.
 */
import type { LookupAddress } from 'node:dns';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { LookupFunction } from 'node:net';
import { Failure, throwIfAborted, unlessAborted } from '../../base/failure.ts';
import { connectionError } from '../s3/failure.ts';
import type { AllowedHosts } from './address-rules.ts';
import { addressesOf, parseLink, refusedLink, type Resolve } from './link.ts';

const DOING = 'Cannot fetch the backup';
/** As many as Wings follows. */
const MAX_REDIRECTS = 10;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

export interface GuardedOptions {
  readonly allowed: AllowedHosts;
  readonly resolve: Resolve;
  /** Until the connection stands, TLS and the host's name included. */
  readonly connectMs: number;
  /** From there until the answer's head is there. */
  readonly headerMs: number;
  readonly userAgent: string;
  /** Authorities besides those that Node trusts, as PEM. */
  readonly ca?: string;
}

export interface GuardedAnswer {
  readonly response: IncomingMessage;
  /** Where it came from in the end. */
  readonly url: URL;
}

/**
 * Whoever gets an answer reads it to its end or destroys it; destroying closes the connection.
 *
 * @throws Failure `invalid_request` for a link that is refused; the system's error of a connection, or one with the
 *   code `ETIMEDOUT`. Rejects at once when the signal fires, and nothing is open then.
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

/** Answers Node's own look-up with what was checked. */
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
    // Of its own: the global one may have been told to use a proxy (NODE_USE_ENV_PROXY).
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
    // Whoever reads it hears of a cut by reading; one that comes before is no reason to end the process.
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
