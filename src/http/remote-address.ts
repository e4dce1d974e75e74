import { BlockList, isIP } from 'node:net';
import type { AppContext } from '../protocols/dialect.ts';
import { plain } from './connections.ts';

/**
 * Returns the address that a request comes from, for logs and limits: in `X-Forwarded-For`, read from the right, the
 * first that is not a proxy of `api.trusted_proxies`.
 *
 * @param trusted addresses or networks (`10.0.0.0/8`), already checked.
 */
export function remoteAddresses(trusted: readonly string[]): (c: AppContext) => string {
  const isProxy = trustedProxies(trusted);
  return (c) => {
    const peer = plain(c.env?.incoming?.socket.remoteAddress ?? 'unknown');
    return vouchedFor(peer, c.req.header('x-forwarded-for') ?? '', isProxy);
  };
}

/**
 * In `X-Forwarded-For`, read from the right, the first that is no trusted proxy. A hop that is no address ends the chain:
 * its writer cannot be trusted.
 */
export function vouchedFor(peer: string, forwarded: string, isProxy: (address: string) => boolean): string {
  const hops = forwarded.split(',').map((hop) => plain(hop.trim()));
  let address = peer;
  while (isProxy(address) && hops.length > 0 && isIP(hops.at(-1) ?? '') !== 0) address = hops.pop() ?? address;
  return address;
}

/** Whether an address, IPv4 without `::ffff:`, is one of the proxies or in one of their networks. */
export function trustedProxies(trusted: readonly string[]): (address: string) => boolean {
  const proxies = new BlockList();
  for (const entry of trusted) {
    const [address = '', prefix] = entry.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (prefix === undefined) proxies.addAddress(address, family);
    else proxies.addSubnet(address, Number(prefix), family);
  }
  return (address) => isIP(address) !== 0 && proxies.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}
