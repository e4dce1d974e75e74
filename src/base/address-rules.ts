/**
 * Which addresses a URL from outside may lead to: public ones, and those that the operator allowed. Anything else (this
 * host, its neighbours, a cloud's metadata service) may trust every client that can connect.
 */
import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';

/** Not globally reachable (IANA's special-purpose IPv4 registry), multicast and reserved. */
const CLOSED_V4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
];

/** The global unicast space, and its closed parts: protocols, documentation, tunnels that hide an IPv4 address. */
const OPEN_V6 = '2000::/3';
const CLOSED_V6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];

/** RFC 6052: reaches IPv4 from IPv6-only networks; judged by the IPv4 address inside. */
const NAT64 = '64:ff9b::';

const closed = blocks([
  ...CLOSED_V4,
  ...CLOSED_V6,
  ...CLOSED_V4.map((block) => {
    const [address = '', bits = ''] = block.split('/');
    return `${NAT64}${address}/${96 + Number(bits)}`;
  }),
]);
const open = blocks([OPEN_V6, `${NAT64}/96`]);

/**
 * @param address as a resolver or `URL.hostname` writes it, without brackets. Anything that is no address is not
 *   public.
 */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  // An address with a zone (`fe80::1%eth0`) is link-local.
  if (family === 0 || address.includes('%')) return false;
  if (closed.check(address, nameOf(family))) return false;
  // IPv4-mapped IPv6 (`::ffff:a.b.c.d`) is in neither list: it has no use here, but has been used to pass filters.
  return family === 4 || open.check(address, 'ipv6');
}

/** Resolves a host name to all its addresses; rejects like `dns.lookup`. */
export type Resolve = (name: string) => Promise<readonly LookupAddress[]>;

export const systemResolve: Resolve = (name) => lookup(name, { all: true });

/** RFC 6761 6.3: these names mean this host, also where the resolver does not know them. */
const LOOPBACK_NAME = /(?:^|\.)localhost\.?$/i;
const LOOPBACK = [{ address: '127.0.0.1', family: 4 }] as const;

/** All addresses of a URL's host. Rejects like the resolver (`ENOTFOUND`, `EAI_AGAIN`). */
export async function addressesOfHost({ hostname }: URL, resolve: Resolve): Promise<readonly LookupAddress[]> {
  const host = hostname.replace(/^\[|\]$/g, '');
  const family = isIP(host);
  if (family !== 0) return [{ address: host, family }];
  return LOOPBACK_NAME.test(host) ? resolve(host).catch(() => LOOPBACK) : resolve(host);
}

/** Host names, addresses and CIDR blocks that the operator allows besides public ones. */
export class AllowedHosts {
  readonly #names: ReadonlySet<string>;
  readonly #addresses: BlockList;

  constructor(entries: readonly string[]) {
    const isAddress = (entry: string): boolean => isIP(entry.split('/')[0] ?? '') !== 0;
    this.#addresses = blocks(entries.filter(isAddress));
    this.#names = new Set(entries.filter((entry) => !isAddress(entry)).map(nameIn));
  }

  /** True when the operator trusts the name, whatever it resolves to. */
  allowsName(host: string): boolean {
    return this.#names.has(nameIn(host));
  }

  allowsAddress(address: string): boolean {
    const family = isIP(address);
    return family !== 0 && !address.includes('%') && this.#addresses.check(address, nameOf(family));
  }
}

/** Ignores case and the root's trailing dot. */
function nameIn(host: string): string {
  return host.toLowerCase().replace(/\.$/, '');
}

function blocks(entries: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of entries) {
    const [address = '', bits] = entry.split('/');
    const family = nameOf(isIP(address));
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}

function nameOf(family: number): 'ipv4' | 'ipv6' {
  return family === 6 ? 'ipv6' : 'ipv4';
}
