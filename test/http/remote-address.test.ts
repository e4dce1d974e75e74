import { describe, expect, test } from 'vitest';
import { remoteAddresses } from '../../src/http/remote-address.ts';
import type { AppContext } from '../../src/protocols/dialect.ts';

function addressOf(trusted: readonly string[], peer: string | undefined, forwarded?: string): string {
  const c = {
    env: { incoming: { socket: { remoteAddress: peer } } },
    req: { header: (name: string) => (name === 'x-forwarded-for' ? forwarded : undefined) },
  };
  return remoteAddresses(trusted)(c as unknown as AppContext);
}

describe('the remote address', () => {
  test.each<[string, readonly string[], string | undefined, string | undefined, string]>([
    ['is the peer’s', [], '192.0.2.1', undefined, '192.0.2.1'],
    ['is the peer’s, whatever a stranger claims', [], '192.0.2.1', '203.0.113.9', '192.0.2.1'],
    ['is what a trusted proxy says', ['192.0.2.0/24'], '192.0.2.1', '203.0.113.9', '203.0.113.9'],
    [
      'is the first untrusted from the right',
      ['192.0.2.1', '10.0.0.0/8'],
      '192.0.2.1',
      '6.6.6.6, 203.0.113.9, 10.1.1.1',
      '203.0.113.9',
    ],
    ['is a proxy’s own when it forwards nothing', ['192.0.2.1'], '192.0.2.1', undefined, '192.0.2.1'],
    [
      'stops at what is no address',
      ['192.0.2.1', '10.0.0.1'],
      '192.0.2.1',
      '203.0.113.9, unknown, 10.0.0.1',
      '10.0.0.1',
    ],
    ['reads IPv4 on a dual-stack socket', ['192.0.2.1'], '::ffff:192.0.2.1', '::ffff:203.0.113.9', '203.0.113.9'],
    ['reads IPv6 networks', ['2001:db8::/32'], '2001:db8::1', '2001:4860::8', '2001:4860::8'],
    ['is unknown without a socket', [], undefined, '203.0.113.9', 'unknown'],
  ])('%s', (_, trusted, peer, forwarded, expected) => {
    expect(addressOf(trusted, peer, forwarded)).toBe(expected);
  });
});
