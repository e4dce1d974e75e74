/**
 * A URL that an outsider may have chosen, and where it leads. Pelican shows these refusals to its users (Wings'
 * sentences, router/router_server_backup.go); they never repeat the URL, which may contain a signature.
 */
import type { LookupAddress } from 'node:dns';
import { Failure } from '../../base/failure.ts';
import { addressesOfHost, type AllowedHosts, isPublicAddress, type Resolve } from '../../base/address-rules.ts';

const SCHEMES: ReadonlySet<string> = new Set(['http:', 'https:']);
/** Longer than any presigned URL, and cheap to keep for each waiting restore. */
const MAX_LENGTH = 16_384;

/**
 * Parses a link as browsers do, so decimal, octal and hexadecimal addresses are normalized.
 *
 * @param base what a relative link (of a redirect) refers to.
 * @throws Failure `invalid_request`.
 */
export function parseLink(text: string, base?: URL): URL {
  const url = text.length > MAX_LENGTH ? null : URL.parse(text, base?.href);
  if (url === null) throw refusedLink('The provided backup link is not a valid URL.');
  if (!SCHEMES.has(url.protocol)) throw refusedLink('The provided backup link must use HTTP or HTTPS.');
  // A user name before the @ imitates a host; no storage needs a password in a link.
  if (url.hostname === '' || url.username !== '' || url.password !== '') {
    throw refusedLink('The provided backup link is not a valid URL.');
  }
  return url;
}

/**
 * The addresses that a link leads to now, all allowed. The caller must connect to these: resolving the name again may
 * give others.
 *
 * @throws Failure `invalid_request` when one of them is blocked; the resolver's error (`ENOTFOUND`, `EAI_AGAIN`).
 */
export async function addressesOf(
  url: URL,
  allowed: AllowedHosts,
  resolve: Resolve,
): Promise<readonly LookupAddress[]> {
  const addresses = await addressesOfHost(url, resolve);
  const isFine = ({ address }: LookupAddress): boolean => isPublicAddress(address) || allowed.allowsAddress(address);
  // Refuse if any address is blocked: which one gets used is chance.
  if (addresses.length > 0 && (allowed.allowsName(url.hostname) || addresses.every(isFine))) return addresses;
  throw refusedLink('The provided backup link resolves to a blocked address.', {
    facts: { host: url.host },
    hint: 'If the panel’s storage really is there, add its host to panel.restore_host_allowlist.',
  });
}

/** The Failure (`invalid_request`) for a link that is not followed. */
export function refusedLink(sentence: string, details: ConstructorParameters<typeof Failure>[2] = {}): Failure {
  return new Failure('invalid_request', sentence, details);
}
