import http from 'node:http';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import { isPublicAddress } from '../../../src/base/address-rules.ts';
import { TEST_CERTIFICATE, TEST_KEY } from '../../support/certificate.ts';
import { failureOf } from '../../support/rejection.ts';
import { downloadOf, fetchLink, gzipBytes, openLinkHost, serve, v4 } from '../../support/link-host.ts';

const CONTENT = gzipBytes(2000);
const BLOCKED = 'The provided backup link resolves to a blocked address.';
const MALFORMED = 'The provided backup link is not a valid URL.';
const SCHEME = 'The provided backup link must use HTTP or HTTPS.';

describe('which addresses are public', () => {
  it.each([
    ['8.8.8.8', true],
    ['1.1.1.1', true],
    ['172.15.255.255', true],
    ['172.32.0.1', true],
    ['100.63.255.255', true],
    ['100.128.0.1', true],
    ['2606:4700:4700::1111', true],
    ['64:ff9b::8.8.8.8', true],
    ['127.0.0.1', false],
    ['127.255.255.254', false],
    ['0.0.0.0', false],
    ['0.1.2.3', false],
    ['10.1.2.3', false],
    ['100.64.0.1', false],
    ['100.127.255.255', false],
    ['169.254.169.254', false],
    ['172.16.0.1', false],
    ['172.31.255.255', false],
    ['192.0.0.8', false],
    ['192.0.2.1', false],
    ['192.168.0.1', false],
    ['198.18.0.1', false],
    ['198.19.255.255', false],
    ['203.0.113.1', false],
    ['224.0.0.1', false],
    ['239.255.255.250', false],
    ['240.0.0.1', false],
    ['255.255.255.255', false],
    ['::', false],
    ['::1', false],
    ['::127.0.0.1', false],
    ['::ffff:127.0.0.1', false],
    ['::ffff:a00:1', false],
    ['::ffff:8.8.8.8', false],
    ['64:ff9b::10.0.0.1', false],
    ['64:ff9b::a9fe:a9fe', false],
    ['64:ff9b:1::1', false],
    ['2001::7f00:1', false],
    ['2001:db8::1', false],
    ['2002:7f00:1::', false],
    ['fc00::1', false],
    ['fd12:3456::1', false],
    ['fe80::1', false],
    ['fe80::1%eth0', false],
    ['ff02::1', false],
    ['localhost', false],
    ['', false],
  ])('%s: %s', (address, isPublic) => {
    expect(isPublicAddress(address)).toBe(isPublic);
  });
});

describe('an address in any of its spellings', () => {
  const octets = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255));
  // Those that lead somewhere closed are few among random ones.
  const closed = fc.constantFrom<number[]>(
    [127, 0, 0, 1],
    [10, 1, 2, 3],
    [169, 254, 169, 254],
    [192, 168, 0, 1],
    [0, 0, 0, 0],
  );
  const radix = fc.constantFrom<(number: number) => string>(
    (number) => String(number),
    (number) => `0${number.toString(8)}`,
    (number) => `0x${number.toString(16)}`,
    (number) => `0X00${number.toString(16).toUpperCase()}`,
  );

  it('is judged as the address that it is', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(octets, closed),
        fc.array(radix, { minLength: 4, maxLength: 4 }),
        fc.nat(3),
        judgedAlike,
      ),
    );
  });

  async function judgedAlike(numbers: number[], spellings: ((number: number) => string)[], merged: number) {
    // The last of fewer than four parts stands for all the bytes that are left.
    const kept = 3 - merged;
    const rest = numbers.slice(kept).reduce((sum, octet) => sum * 256 + octet, 0);
    const parts = [...numbers.slice(0, kept), rest].map((part, index) => spellings[index]?.(part) ?? '');
    const judged = downloadOf().check(`http://${parts.join('.')}/x`);
    const verdict = await judged.then(
      () => true,
      (error: unknown) => {
        if (!(error instanceof Failure) || error.message !== BLOCKED) throw error;
        return false;
      },
    );
    expect({ parts, verdict }).toEqual({ parts, verdict: isPublicAddress(numbers.join('.')) });
  }
});

describe('a link that must not be followed', () => {
  const nobody = (): Promise<never> => Promise.reject(new Error('no name was to be resolved'));
  // Where nothing listens: a connection would be an error of another kind.
  it.each([
    ['http://127.0.0.1:9/x', BLOCKED],
    ['http://127.1:9/x', BLOCKED],
    ['http://2130706433:9/x', BLOCKED],
    ['http://0x7f000001:9/x', BLOCKED],
    ['http://0177.0.0.1:9/x', BLOCKED],
    ['http://0x7f.0.0.1:9/x', BLOCKED],
    ['http://127.0.0.1.:9/x', BLOCKED],
    ['http://１２７.0.0.1:9/x', BLOCKED],
    ['http://0.0.0.0:9/x', BLOCKED],
    ['http://0:9/x', BLOCKED],
    ['http://10.0.0.1/x', BLOCKED],
    ['http://100.64.0.1/x', BLOCKED],
    ['http://169.254.169.254/latest/meta-data/', BLOCKED],
    ['http://224.0.0.1/x', BLOCKED],
    ['http://[::1]:9/x', BLOCKED],
    ['http://[::]:9/x', BLOCKED],
    ['http://[0:0:0:0:0:0:0:1]:9/x', BLOCKED],
    ['http://[::ffff:127.0.0.1]:9/x', BLOCKED],
    ['http://[::ffff:7f00:1]:9/x', BLOCKED],
    ['http://[fe80::1]/x', BLOCKED],
    ['http://[fd00::1]/x', BLOCKED],
    ['http://public.example@127.0.0.1:9/x', MALFORMED],
    ['http://127.0.0.1:9@public.example/x', MALFORMED],
    ['http://user:secret@public.example/x', MALFORMED],
    ['http://', MALFORMED],
    ['', MALFORMED],
    ['//127.0.0.1/x', MALFORMED],
    ['/etc/passwd', MALFORMED],
    ['http://a b/x', MALFORMED],
    ['http://300.300.300.300/x', MALFORMED],
    ['http://[fe80::1%25eth0]/x', MALFORMED],
    [`http://public.example/${'a'.repeat(20_000)}`, MALFORMED],
    ['file:///etc/passwd', SCHEME],
    ['FILE:///etc/passwd', SCHEME],
    ['ftp://127.0.0.1/x', SCHEME],
    ['gopher://127.0.0.1/x', SCHEME],
    ['data:application/gzip;base64,H4sI', SCHEME],
    ['javascript:0', SCHEME],
    ['http+unix://%2fvar%2frun%2fdocker.sock/x', SCHEME],
  ])('%s', async (link, sentence) => {
    const refused = await failureOf(fetchLink(link, { resolve: nobody }), 'invalid_request');
    expect(refused.message).toBe(sentence);
    expect((await failureOf(downloadOf({ resolve: nobody }).check(link), 'invalid_request')).message).toBe(sentence);
  });

  it('a name that the resolver of this host knows for the host itself', async () => {
    const host = await openLinkHost((request, response) => serve(response, request, CONTENT));
    const refused = await failureOf(fetchLink(`http://localhost:${host.port}/x`), 'invalid_request');
    expect(refused.message).toBe(BLOCKED);
    expect(host.connections()).toBe(0);
  });

  it.each(['http://localhost.:9/x', 'http://backups.localhost:9/x'])(
    'a name of the host itself that its resolver does not know: %s',
    async (link) => {
      const resolve = (): Promise<never> => Promise.reject(Object.assign(new Error('unknown'), { code: 'ENOTFOUND' }));
      expect((await failureOf(fetchLink(link, { resolve }), 'invalid_request')).message).toBe(BLOCKED);
    },
  );

  it('a name with one private address among public ones', async () => {
    const resolve = async () => v4('8.8.8.8', '10.0.0.1', '1.1.1.1');
    const refused = await failureOf(fetchLink('http://backups.example/x', { resolve }), 'invalid_request');
    expect(refused.message).toBe(BLOCKED);
  });

  it('never tells the link, which may be signed', async () => {
    for (const link of ['http://10.0.0.1/x?X-Amz-Signature=abc123', 'http://u@h/?token=abc123', 'abc123']) {
      const { message, hint, facts, cause } = await failureOf(fetchLink(link), 'invalid_request');
      expect(JSON.stringify([message, hint, facts, String(cause)])).not.toContain('abc123');
    }
  });
});

describe('a redirect', () => {
  const allowlist = ['127.0.0.2'];

  it.each([
    ['http://169.254.169.254/latest/meta-data/', BLOCKED],
    ['http://[::ffff:169.254.169.254]/', BLOCKED],
    ['http://2852039166/', BLOCKED],
    ['//127.0.0.1:9/x', BLOCKED],
    ['file:///etc/passwd', SCHEME],
    ['http://public.example@127.0.0.1/', MALFORMED],
  ])('to %s is not followed', async (location, sentence) => {
    const host = await openLinkHost((_, response) => response.writeHead(302, { Location: location }).end(), {
      address: '127.0.0.2',
    });
    const refused = await failureOf(fetchLink(`http://127.0.0.2:${host.port}/x`, { allowlist }), 'invalid_request');
    expect(refused.message).toBe(sentence);
    expect(host.seen).toHaveLength(1);
  });

  it('to a good host is followed, relative ones too, without telling where it came from', async () => {
    const steps = ['/a', './b?c=d', '/end'];
    const host = await openLinkHost(
      (request, response) => {
        const next = steps[host.seen.length - 1];
        if (next === undefined) serve(response, request, CONTENT);
        else
          response
            .writeHead([301, 303, 308][host.seen.length - 1] ?? 302, { Location: next, 'Set-Cookie': 'a=b' })
            .end();
      },
      { address: '127.0.0.2' },
    );
    expect(await fetchLink(`http://127.0.0.2:${host.port}/x`, { allowlist })).toEqual(CONTENT);
    expect(host.seen.map(({ url }) => url)).toEqual(['/x', '/a', '/b?c=d', '/end']);
    for (const { headers } of host.seen) expect(headers).not.toMatchObject({ referer: expect.anything() });
    for (const { headers } of host.seen) expect(headers).not.toMatchObject({ cookie: expect.anything() });
  });

  it('that goes round in circles is given up after ten', async () => {
    const host = await openLinkHost((_, response) => response.writeHead(307, { Location: '/again' }).end(), {
      address: '127.0.0.2',
    });
    const refused = await failureOf(fetchLink(`http://127.0.0.2:${host.port}/x`, { allowlist }), 'invalid_request');
    expect(refused.message).toBe('The provided backup link redirects too many times.');
    expect(host.seen).toHaveLength(11);
  });

  it('from HTTPS to HTTP is not followed: anybody could answer there', async () => {
    const plain = await openLinkHost((request, response) => serve(response, request, CONTENT));
    const tls = { cert: TEST_CERTIFICATE, key: TEST_KEY };
    const location = `http://localhost:${plain.port}/x`;
    const host = await openLinkHost((_, response) => response.writeHead(302, { Location: location }).end(), { tls });
    const settings = { allowlist: ['localhost'], ca: TEST_CERTIFICATE, resolve: async () => v4('127.0.0.1') };
    const refused = await failureOf(fetchLink(`https://localhost:${host.port}/x`, settings), 'invalid_request');
    expect(refused.message).toBe('The provided backup link redirects from HTTPS to HTTP.');
    expect(plain.connections()).toBe(0);
  });
});

describe('a name whose address changes between the check and the connection', () => {
  it('is resolved once, and connected to at the address that was checked', async () => {
    const secret = await openLinkHost((request, response) => serve(response, request, gzipBytes(10)));
    const good = await openLinkHost((request, response) => serve(response, request, CONTENT), {
      address: '127.0.0.2',
      port: secret.port,
    });
    const answers = [v4('127.0.0.2'), v4('127.0.0.1')];
    let asked = 0;
    const resolve = async () => answers[asked++] ?? v4('127.0.0.1');
    const settings = { allowlist: ['127.0.0.2/32'], resolve };
    expect(await fetchLink(`http://rebinding.example:${good.port}/x`, settings)).toEqual(CONTENT);
    expect(asked).toBe(1);
    expect(secret.connections()).toBe(0);
    expect(good.seen[0]?.headers.host).toBe(`rebinding.example:${good.port}`);
  });

  it('is refused when a cut download is taken up again and it is private by then', async () => {
    const large = gzipBytes(200_000);
    const secret = await openLinkHost((request, response) => serve(response, request, large));
    const good = await openLinkHost((request, response) => serve(response, request, large, { cutAfter: 100_000 }), {
      address: '127.0.0.2',
      port: secret.port,
    });
    const answers = [v4('127.0.0.2'), v4('127.0.0.1')];
    let asked = 0;
    const resolve = async () => answers[asked++] ?? v4('127.0.0.1');
    const fetching = fetchLink(`http://rebinding.example:${good.port}/x`, { allowlist: ['127.0.0.2'], resolve });
    expect((await failureOf(fetching, 'invalid_request')).message).toBe(BLOCKED);
    expect(secret.connections()).toBe(0);
  });
});

describe('a private host that the operator has allowed', () => {
  it.each([['127.0.0.1'], ['127.0.0.0/8'], ['minio.lan'], ['MinIO.LAN']])('as %s is fetched from', async (entry) => {
    const host = await openLinkHost((request, response) => serve(response, request, CONTENT));
    const settings = { allowlist: [entry], resolve: async () => v4('127.0.0.1') };
    expect(await fetchLink(`http://minio.lan:${host.port}/x`, settings)).toEqual(CONTENT);
  });

  it('opens no other host', async () => {
    const allowlist = ['minio.lan', '10.0.0.0/8', '::1'];
    for (const link of ['http://127.0.0.1:9/', 'http://minio.lan.evil.example/', 'http://evil-minio.lan/']) {
      const fetching = fetchLink(link, { allowlist, resolve: async () => v4('192.168.1.1') });
      expect((await failureOf(fetching, 'invalid_request')).message).toBe(BLOCKED);
    }
  });
});

describe('the connection', () => {
  it('checks the certificate against the name in the link, wherever that was resolved to', async () => {
    const tls = { cert: TEST_CERTIFICATE, key: TEST_KEY };
    const host = await openLinkHost((request, response) => serve(response, request, CONTENT), { tls });
    const settings = { allowlist: ['127.0.0.1'], ca: TEST_CERTIFICATE, resolve: async () => v4('127.0.0.1') };
    expect(await fetchLink(`https://localhost:${host.port}/x`, settings)).toEqual(CONTENT);
    const other = await failureOf(fetchLink(`https://other.example:${host.port}/x`, settings), 'store_unreachable');
    expect(other.message).toContain('ERR_TLS_CERT_ALTNAME_INVALID');
    const { ca: _, ...unknown } = settings;
    const refused = await failureOf(fetchLink(`https://localhost:${host.port}/x`, unknown), 'store_unreachable');
    expect(refused.message).toContain('DEPTH_ZERO_SELF_SIGNED_CERT');
    expect(host.seen).toHaveLength(1);
  });

  it('passes by any proxy that the process was told to use', async () => {
    const host = await openLinkHost((request, response) => serve(response, request, CONTENT));
    const proxy = await openLinkHost((_, response) => response.writeHead(502).end());
    const restore = http.setGlobalProxyFromEnv({ http_proxy: `http://127.0.0.1:${proxy.port}`, no_proxy: '' });
    try {
      const settings = { allowlist: ['127.0.0.1'], resolve: async () => v4('127.0.0.1') };
      expect(await fetchLink(`http://backups.example:${host.port}/x`, settings)).toEqual(CONTENT);
    } finally {
      restore();
    }
    expect(proxy.connections()).toBe(0);
  });
});
