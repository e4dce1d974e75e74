/**
 * A URL that a stranger may have chosen, and where it really leads. Pelican shows the sentences of these refusals to its
 * users (Wings' own, router/router_server_backup.go); they never repeat the URL, which may carry a signature.
 */
import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { Failure } from '../../base/failure.ts';
import { type AllowedHosts, isPublicAddress } from './address-rules.ts';

const SCHEMES: ReadonlySet<string> = new Set(['http:', 'https:']);
/** More than any presigned URL needs, and little to keep for each restore that waits. */
const MAX_LENGTH = 16_384;

/**
 * Reads a link as browsers do: decimal, octal and hexadecimal forms of an address are that address afterwards.
 *
 * @param base what a relative link (of a redirect) is relative to.
 * @throws Failure `invalid_request`.
 */
export function parseLink(text: string, base?: URL): URL {
  const url = text.length > MAX_LENGTH ? null : URL.parse(text, base?.href);
  if (url === null) throw refusedLink('The provided backup link is not a valid URL.');
  if (!SCHEMES.has(url.protocol)) throw refusedLink('The provided backup link must use HTTP or HTTPS.');
  // A name before the @ is there to be taken for the host's; no storage asks for a password in a link.
  if (url.hostname === '' || url.username !== '' || url.password !== '') {
    throw refusedLink('The provided backup link is not a valid URL.');
  }
  return url;
}

/** Resolves a host name to all its addresses; rejects like `dns.lookup`. */
export type Resolve = (name: string) => Promise<readonly LookupAddress[]>;

export const systemResolve: Resolve = (name) => lookup(name, { all: true });

/**
 * The addresses that a link leads to now, each of which may be connected to. Names are resolved once by each call, so
 * the caller connects to what it was given: who asks a second time may be told something else.
 *
 * @throws Failure `invalid_request` when one of them is blocked; the resolver's error (`ENOTFOUND`, `EAI_AGAIN`).
 */
export async function addressesOf(
  url: URL,
  allowed: AllowedHosts,
  resolve: Resolve,
): Promise<readonly LookupAddress[]> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const family = isIP(host);
  const addresses = family === 0 ? await resolve(host) : [{ address: host, family }];
  const isFine = ({ address }: LookupAddress): boolean => isPublicAddress(address) || allowed.allowsAddress(address);
  // One bad address among good ones is enough: which of them is used is up to chance.
  if (addresses.length > 0 && (allowed.allowsName(host) || addresses.every(isFine))) return addresses;
  throw refusedLink('The provided backup link resolves to a blocked address.', {
    facts: { host: url.host },
    hint: 'If the panel’s storage really is there, add its host to panel.restore_host_allowlist.',
  });
}

export function refusedLink(sentence: string, details: ConstructorParameters<typeof Failure>[2] = {}): Failure {
  return new Failure('invalid_request', sentence, details);
}
