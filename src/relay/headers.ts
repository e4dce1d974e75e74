/**
 * The headers that are passed on: in their order and spelling, without those that are for one connection only (RFC 9110
 * 7.6.1) and without what a client claims about itself on the way.
 *
 * Pure. Headers are flat lists of names and values by turns, as Node's parser gives and takes them, since only these
 * keep order, spelling and repetitions.
 */

/** Who asks, as far as the peer and the trusted proxies vouch for it. */
export interface ClientFacts {
  /** One IP address. */
  readonly address: string;
  readonly protocol: 'http' | 'https';
}

export interface PassedRequest {
  readonly rawHeaders: readonly string[];
  readonly client: ClientFacts;
  /** How the body is framed: its bytes, `chunked`, or undefined for none. */
  readonly length: number | 'chunked' | undefined;
  /** For HTTP/1.0 without `Host`. */
  readonly host: string;
}

const ONE_CONNECTION: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

const CLAIMED: ReadonlySet<string> = new Set(['expect', 'x-real-ip', 'forwarded', 'content-length']);

/** For the next server. The address of the client is one, and replaces what came: some servers believe the first. */
export function requestHeaders({ rawHeaders, client, length, host }: PassedRequest): string[] {
  const dropped = namedByConnection(rawHeaders);
  const isDropped = (name: string): boolean =>
    ONE_CONNECTION.has(name) ||
    CLAIMED.has(name) ||
    name.startsWith('proxy-') ||
    name.startsWith('x-forwarded-') ||
    // A request without its host would reach another site.
    (dropped.has(name) && name !== 'host');
  const passed = kept(rawHeaders, isDropped);
  const named = valueOf(passed, 'host');
  if (named === undefined || named === '') passed.push('Host', host);
  if (length !== undefined) passed.push(...framing(length));
  const { address, protocol } = client;
  passed.push('X-Forwarded-For', address, 'X-Forwarded-Proto', protocol);
  passed.push('X-Forwarded-Host', named === undefined || named === '' ? host : named);
  return passed;
}

/** For the client. The length stays unless the body is framed again. */
export function answerHeaders(rawHeaders: readonly string[]): string[] {
  const dropped = namedByConnection(rawHeaders);
  const chunked = valueOf(rawHeaders, 'transfer-encoding') !== undefined;
  return kept(
    rawHeaders,
    (name) =>
      ONE_CONNECTION.has(name) ||
      name === 'proxy-connection' ||
      name === 'proxy-authenticate' ||
      (name === 'content-length' ? chunked : dropped.has(name)),
  );
}

function framing(length: number | 'chunked'): string[] {
  return length === 'chunked' ? ['Transfer-Encoding', 'chunked'] : ['Content-Length', String(length)];
}

function kept(rawHeaders: readonly string[], isDropped: (name: string) => boolean): string[] {
  const passed: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const [name = '', value = ''] = [rawHeaders[index], rawHeaders[index + 1]];
    if (!isDropped(name.toLowerCase())) passed.push(name, value);
  }
  return passed;
}

function namedByConnection(rawHeaders: readonly string[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (rawHeaders[index]?.toLowerCase() !== 'connection') continue;
    for (const name of (rawHeaders[index + 1] ?? '').split(',')) names.add(name.trim().toLowerCase());
  }
  return names;
}

/** The first value under a name in lower case. */
export function valueOf(rawHeaders: readonly string[], name: string): string | undefined {
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (rawHeaders[index]?.toLowerCase() === name) return rawHeaders[index + 1];
  }
  return undefined;
}
