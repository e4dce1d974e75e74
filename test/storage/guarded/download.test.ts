import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import { failureOf } from '../../support/rejection.ts';
import { downloadOf, fetchLink, gzipBytes, MemoryTarget, openLinkHost, serve } from '../../support/link-host.ts';

const allowlist = ['127.0.0.1'];
const LARGE = gzipBytes(3_000_000);

describe('a download that is cut', () => {
  it('is taken up again where it broke off, of the same object', async () => {
    const host = await openLinkHost((request, response) => {
      serve(response, request, LARGE, { cutAfter: host.seen.length === 1 ? 1_000_000 : Infinity });
    });
    const target = new MemoryTarget();
    const link = `http://127.0.0.1:${host.port}/x`;
    expect((await fetchLink(link, { allowlist }, { target })).equals(LARGE)).toBe(true);
    const [first, second] = host.seen;
    expect(first?.headers.range).toBeUndefined();
    expect(second?.headers).toMatchObject({ range: expect.stringMatching(/^bytes=\d{6,7}-$/), 'if-range': '"one"' });
    expect(target.expected).toEqual([LARGE.byteLength, LARGE.byteLength]);
  });

  it('begins again when the object was replaced meanwhile', async () => {
    const other = gzipBytes(500_000);
    const host = await openLinkHost((request, response) => {
      if (host.seen.length === 1) serve(response, request, LARGE, { cutAfter: 1_000_000 });
      else serve(response, request, other, { etag: '"two"' });
    });
    expect((await fetchLink(`http://127.0.0.1:${host.port}/x`, { allowlist })).equals(other)).toBe(true);
  });

  it.each([
    ['another tag', { ETag: '"two"' }, (from: number) => `bytes ${from}-2999999/3000000`],
    ['another size', { ETag: '"one"' }, (from: number) => `bytes ${from}-2999999/3000001`],
    ['another offset', { ETag: '"one"' }, (from: number) => `bytes ${from + 1}-2999999/3000000`],
    ['no range', { ETag: '"one"' }, () => undefined],
  ])('begins again when the rest is told to be of %s', async (_, tag, range) => {
    const host = await openLinkHost((request, response) => {
      const { length } = host.seen;
      if (length !== 2) return serve(response, request, LARGE, { cutAfter: length === 1 ? 1_000_000 : Infinity });
      const from = Number(/\d+/.exec(request.headers.range ?? '')?.[0]);
      const told = range(from);
      response.writeHead(206, { ...tag, ...(told === undefined ? {} : { 'Content-Range': told }) });
      response.end(Buffer.alloc(3_000_000 - from));
    });
    expect((await fetchLink(`http://127.0.0.1:${host.port}/x`, { allowlist })).equals(LARGE)).toBe(true);
    expect(host.seen[2]?.headers.range).toBeUndefined();
  });

  it('goes on for as long as each connection brings it further, however often it is cut', async () => {
    const large = gzipBytes(16 * 1024 * 1024);
    const host = await openLinkHost((request, response) => serve(response, request, large, { cutAfter: 1_200_000 }));
    expect((await fetchLink(`http://127.0.0.1:${host.port}/x`, { allowlist })).equals(large)).toBe(true);
    expect(host.seen.length).toBeGreaterThan(10);
  });

  it('is given up when connections bring next to nothing', async () => {
    const host = await openLinkHost((request, response) => serve(response, request, LARGE, { cutAfter: 1000 }));
    const failure = await failureOf(fetchLink(`http://127.0.0.1:${host.port}/x`, { allowlist }), 'store_unreachable');
    expect(failure).toMatchObject({ retry: true, facts: { host: `127.0.0.1:${host.port}` } });
    expect(host.seen).toHaveLength(10);
  });

  it('is given up when each beginning is cut at the same place and there are no ranges', async () => {
    const host = await openLinkHost((request, response) => {
      serve(response, request, LARGE, { cutAfter: 2_000_000, ranges: false });
    });
    await failureOf(fetchLink(`http://127.0.0.1:${host.port}/x`, { allowlist }), 'store_unreachable');
    expect(host.seen.length).toBeLessThanOrEqual(11);
  });
});

describe('an answer', () => {
  it.each([[503], [500], [429], [408]])('with %i is asked for again', async (status) => {
    const host = await openLinkHost((request, response) => {
      if (host.seen.length < 3) response.writeHead(status).end();
      else serve(response, request, LARGE);
    });
    expect((await fetchLink(`http://127.0.0.1:${host.port}/x`, { allowlist })).equals(LARGE)).toBe(true);
  });

  it.each([[403], [404], [204], [206], [400]])('with %i is final, and told', async (status) => {
    const host = await openLinkHost((_, response) => response.writeHead(status).end());
    const failure = await failureOf(
      fetchLink(`http://127.0.0.1:${host.port}/x?sig=abc`, { allowlist }),
      'store_unreachable',
    );
    expect(failure.message).toBe(`The provided backup link returned an invalid response status: ${status}`);
    expect(failure.retry).toBe(false);
    expect(host.seen).toHaveLength(1);
  });

  it.each([
    ['a page', Buffer.from('<html>hello</html>')],
    ['one wrong byte', Buffer.from([0x1f, 0x8b, 7, 0])],
    ['two bytes', Buffer.from([0x1f, 0x8b])],
    ['nothing', Buffer.alloc(0)],
  ])('with %s is no archive, whatever it calls itself', async (_, body) => {
    const host = await openLinkHost((_, response) => {
      response.writeHead(200, { 'Content-Type': 'application/x-gzip', 'Content-Length': body.byteLength }).end(body);
    });
    const failure = await failureOf(fetchLink(`http://127.0.0.1:${host.port}/x`, { allowlist }), 'archive_damaged');
    expect(failure.message).toBe(
      'The provided backup link is not a supported content type. "application/x-gzip" is not application/x-gzip.',
    );
  });

  it('byte by byte and without a length is an archive too', async () => {
    const content = gzipBytes(40);
    const host = await openLinkHost((_, response) => {
      response.writeHead(200);
      const next = (at: number): void => {
        if (at === content.byteLength) response.end();
        else response.write(content.subarray(at, at + 1), () => next(at + 1));
      };
      next(0);
    });
    const target = new MemoryTarget();
    expect(await fetchLink(`http://127.0.0.1:${host.port}/x`, { allowlist }, { target })).toEqual(content);
    expect(target.expected).toEqual([null]);
  });

  it('asks for bytes as they lie there', async () => {
    const host = await openLinkHost((request, response) => serve(response, request, LARGE));
    await fetchLink(`http://127.0.0.1:${host.port}/x`, { allowlist });
    expect(host.seen[0]?.headers).toMatchObject({ 'accept-encoding': 'identity', 'user-agent': 'Roost of a test' });
  });
});

describe('limits', () => {
  it('refuses what is larger than allowed before it takes more', async () => {
    const host = await openLinkHost((request, response) => serve(response, request, LARGE));
    const target = new MemoryTarget();
    target.maxBytes = 1_000_000;
    const fetching = fetchLink(`http://127.0.0.1:${host.port}/x`, { allowlist }, { target });
    expect((await failureOf(fetching, 'too_large')).message).toBe('Cannot fetch the backup: it is larger than 977 KiB');
    expect(target.bytes.byteLength).toBeLessThanOrEqual(1_000_000);
  });

  it('ends with what the target throws, without asking again', async () => {
    const host = await openLinkHost((request, response) => serve(response, request, LARGE));
    const target = new MemoryTarget();
    target.write = () => Promise.reject(new Failure('insufficient_storage', 'Cannot: full', { retry: true }));
    await failureOf(fetchLink(`http://127.0.0.1:${host.port}/x`, { allowlist }, { target }), 'insufficient_storage');
    expect(host.seen).toHaveLength(1);
  });

  it('gives up a host that accepts and never answers', async () => {
    const host = await openLinkHost(() => undefined);
    const fetching = fetchLink(`http://127.0.0.1:${host.port}/x`, { allowlist, headerMs: 30 });
    expect((await failureOf(fetching, 'store_unreachable')).message).toContain('it took too long to answer');
  });

  it('gives up a host that takes the connection and never speaks TLS', async () => {
    const accepted: Socket[] = [];
    const silent = createServer((socket) => void accepted.push(socket)).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    onTestFinished(() => {
      for (const socket of accepted) socket.destroy();
      silent.close();
    });
    const { port } = silent.address() as AddressInfo;
    const fetching = fetchLink(`https://127.0.0.1:${port}/x`, { allowlist, connectMs: 30 });
    expect((await failureOf(fetching, 'store_unreachable')).message).toContain('it took too long to connect');
  });

  it('gives up a resolver that never answers', async () => {
    const resolve = () => new Promise<never>(() => undefined);
    const fetching = fetchLink('http://backups.example/x', { allowlist, resolve, connectMs: 20 });
    expect((await failureOf(fetching, 'store_unreachable')).message).toContain('its name was not resolved in time');
  });

  it('gives up a host that trickles', async () => {
    const host = await openLinkHost((_, response) => {
      response.writeHead(200, { 'Content-Length': 1_000_000 });
      response.write(LARGE.subarray(0, 10));
      const trickle = setInterval(() => response.write(Buffer.alloc(1)), 5);
      response.once('close', () => clearInterval(trickle));
    });
    const fetching = fetchLink(`http://127.0.0.1:${host.port}/x`, { allowlist, stallMs: 40 });
    expect((await failureOf(fetching, 'store_unreachable')).message).toContain('no bytes came any more');
  });

  it('ends after so long although bytes come, and is not asked again', async () => {
    const host = await openLinkHost((_, response) => {
      response.writeHead(200, { 'Content-Type': 'application/gzip' });
      response.write(LARGE.subarray(0, 10));
      const flow = setInterval(() => response.write(Buffer.alloc(100_000)), 5);
      response.once('close', () => clearInterval(flow));
    });
    const fetching = fetchLink(`http://127.0.0.1:${host.port}/x`, { allowlist, longestMs: 1000 });
    const failure = await failureOf(fetching, 'store_unreachable');
    expect(failure.message).toMatch(/^Cannot fetch the backup: 127\.0\.0\.1:\d+ took longer than/);
    expect(failure.retry).toBe(false);
    expect(host.seen).toHaveLength(1);
  });

  it('does not blame the host for a disk that is slow', async () => {
    const content = gzipBytes(1000);
    const host = await openLinkHost((request, response) => serve(response, request, content));
    const target = new MemoryTarget();
    const write = target.write.bind(target);
    // The disk's own time, longer than a host may bring nothing.
    target.write = async (...args) => {
      await new Promise((resolve) => setTimeout(resolve, 60));
      await write(...args);
    };
    const fetching = fetchLink(`http://127.0.0.1:${host.port}/x`, { allowlist, stallMs: 15 }, { target });
    expect((await fetching).equals(content)).toBe(true);
    expect(host.seen).toHaveLength(1);
  });

  it('ends at once when it is cancelled, wherever it is', async () => {
    for (const started of [false, true]) {
      const stop = new AbortController();
      const host = await openLinkHost((_, response) => {
        if (started) response.writeHead(200, { 'Content-Length': 1_000_000 }).write(LARGE.subarray(0, 70_000));
        else stop.abort();
      });
      const target = new MemoryTarget();
      target.onWrite = () => stop.abort();
      const { signal } = stop;
      await failureOf(fetchLink(`http://127.0.0.1:${host.port}/x`, { allowlist }, { target, signal }), 'cancelled');
      expect(host.seen).toHaveLength(1);
    }
  });
});

describe('the check before a job', () => {
  it('lets a good link pass without connecting, and a name that cannot be resolved now', async () => {
    const host = await openLinkHost((request, response) => serve(response, request, LARGE));
    await downloadOf({ allowlist }).check(`http://127.0.0.1:${host.port}/x`);
    await downloadOf({ resolve: () => Promise.reject(new Error('EAI_AGAIN')) }).check('http://backups.example/x');
    expect(host.connections()).toBe(0);
  });
});
