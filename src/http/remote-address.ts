import { BlockList, isIP } from 'node:net';
import type { AppContext } from '../protocols/dialect.ts';

/**
 * Tells where a request comes from, for logs and limits. `X-Forwarded-For` counts only as far as the proxies in
 * `api.trusted_proxies` vouch for it: read from the right, the first address that is not one of them.
 *
 * @param trusted addresses or networks (`10.0.0.0/8`); the config was checked before.
 */
export function remoteAddresses(trusted: readonly string[]): (c: AppContext) => string {
  const proxies = new BlockList();
  for (const entry of trusted) {
    const [address = '', prefix] = entry.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (prefix === undefined) proxies.addAddress(address, family);
    else proxies.addSubnet(address, Number(prefix), family);
  }
  const isProxy = (address: string): boolean =>
    isIP(address) !== 0 && proxies.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');

  return (c) => {
    const peer = plain(c.env?.incoming?.socket.remoteAddress ?? 'unknown');
    const hops = (c.req.header('x-forwarded-for') ?? '').split(',').map((hop) => plain(hop.trim()));
    let address = peer;
    // A hop that is no address ends the chain: whoever wrote it is not to be believed further.
    while (isProxy(address) && hops.length > 0 && isIP(hops.at(-1) ?? '') !== 0) address = hops.pop() ?? address;
    return address;
  };
}

// A dual-stack socket shows IPv4 peers as `::ffff:192.0.2.1`.
function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}
