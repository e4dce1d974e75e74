/** Part URLs of a scripted service: what is sent, in which order, and how answers are understood. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createHash } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ByteSource } from '../../../src/base/source.ts';
import { Failure } from '../../../src/base/failure.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { type PartPlaces, uploadParts, type UploadRequest } from '../../../src/storage/presigned/upload.ts';
import { randomBytes } from '../../support/random-bytes.ts';
import { failureOf } from '../../support/rejection.ts';
import { StillClock } from '../../support/still-clock.ts';
import { hastyRetry } from '../../support/s3-store.ts';

const ARCHIVE = randomBytes(1_000_000, 3);
const PART = 300_000;

interface Seen {
  readonly upload: number;
  readonly part: number;
  readonly headers: IncomingMessage['headers'];
  readonly bytes: Buffer;
}

interface Service {
  readonly url: string;
  readonly seen: Seen[];
  /** Answers a part whose body has come; without it, with its MD5. */
  answer: (seen: Seen, response: ServerResponse) => boolean;
}

async function openService(): Promise<Service> {
  const service: Service = { url: '', seen: [], answer: () => false };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('error', () => undefined);
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const [, upload, part] = (request.url ?? '').split('/');
      const seen = { upload: Number(upload), part: Number(part?.split('?')[0]), headers: request.headers };
      const whole = { ...seen, bytes: Buffer.concat(chunks) };
      service.seen.push(whole);
      if (!service.answer(whole, response)) response.writeHead(200, { ETag: tagOf(whole.bytes) }).end();
    });
  });
  return Object.assign(service, { url: await listening(server) });
}

async function listening(server: ReturnType<typeof createServer>): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function tagOf(bytes: Uint8Array): string {
  return `"${createHash('md5').update(bytes).digest('hex')}"`;
}

/** Keeps count of what is read at the same time. */
class CountingSource implements ByteSource {
  readonly size = ARCHIVE.byteLength;
  reads = 0;
  largest = 0;

  async read(offset: number, length: number): Promise<Uint8Array> {
    this.reads++;
    this.largest = Math.max(this.largest, length);
    return new Uint8Array(ARCHIVE.subarray(offset, offset + length));
  }

  async close(): Promise<void> {}
}

function placesAt(url: string, partSize = PART) {
  let begun = 0;
  const begin = async (size: number): Promise<PartPlaces> => {
    begun++;
    const parts = Array.from(
      { length: Math.ceil(size / partSize) },
      (_, index) => `${url}/${begun}/${index + 1}?sig=abc`,
    );
    return { parts, partSize };
  };
  return { begin, count: () => begun };
}

function upload(
  begin: UploadRequest['begin'],
  change: Partial<UploadRequest> = {},
  signal = new AbortController().signal,
) {
  const request = { source: new CountingSource(), begin, rate: () => 0, clock: systemClock, retry: hastyRetry };
  return uploadParts({ ...request, ...change }, signal);
}

function answerOnce(service: Service, part: number, times: number, answer: (response: ServerResponse) => void): void {
  let left = times;
  service.answer = (seen, response) => {
    if (seen.part !== part || left === 0) return false;
    left--;
    answer(response);
    return true;
  };
}

/** The object that a service would make of what it was told last. */
function assembled({ seen }: Service, upload: number): Buffer {
  const last = new Map(seen.filter((one) => one.upload === upload).map(({ part, bytes }) => [part, bytes]));
  return Buffer.concat([...last].sort(([left], [right]) => left - right).map(([, bytes]) => bytes));
}

describe('URLs that are asked for in pieces', () => {
  function pieces(url: string, most = 2, sideBySide?: number) {
    const asked: number[] = [];
    let era = 1;
    const more = async (from: number): Promise<readonly string[]> => {
      asked.push(from);
      return Array.from({ length: most }, (_, index) => `${url}/${era}/${from + index}?sig=abc`);
    };
    const begin = async (): Promise<PartPlaces> => ({ parts: await more(1), partSize: PART, more, sideBySide });
    return { begin, asked, expire: () => void era++ };
  }

  it('are asked for when they are needed, from the first part that lacks one', async () => {
    const service = await openService();
    const { begin, asked } = pieces(service.url, 2, 1);
    const sent = await upload(begin);
    expect(asked).toEqual([1, 3]);
    expect(sent.map(({ partNumber }) => partNumber)).toEqual([1, 2, 3, 4]);
    expect(assembled(service, 1).equals(ARCHIVE)).toBe(true);
  });

  it('are asked for again when they expired, and no part that arrived is sent twice', async () => {
    const service = await openService();
    const { begin, asked, expire } = pieces(service.url, 50, 1);
    service.answer = ({ part, upload: era }, response) => {
      if (part !== 3 || era !== 1) return false;
      expire();
      response.writeHead(403).end('<Error><Code>AccessDenied</Code></Error>');
      return true;
    };
    const sent = await upload(begin);
    expect(asked).toEqual([1, 3]);
    expect(service.seen.map(({ upload: era, part }) => [era, part])).toEqual([
      [1, 1],
      [1, 2],
      [1, 3],
      [2, 3],
      [2, 4],
    ]);
    expect(sent.map(({ etag }) => etag)[2]).toBe(tagOf(ARCHIVE.subarray(2 * PART, 3 * PART)));
  });

  it('that are never good are given up, with parts that arrived left alone', async () => {
    const service = await openService();
    const { begin } = pieces(service.url, 50, 1);
    service.answer = ({ part }, response) => {
      if (part !== 2) return false;
      response.writeHead(403).end();
      return true;
    };
    const failure = await failureOf(upload(begin), 'store_unreachable');
    expect(failure.retry).toBe(true);
    expect(service.seen.map(({ part }) => part)).toEqual([1, 2, 2, 2, 2]);
  });

  it('are not asked for when the archive has more parts than an upload', async () => {
    const service = await openService();
    const more = (): Promise<readonly string[]> => Promise.resolve([]);
    const begin = async (): Promise<PartPlaces> => ({ parts: [`${service.url}/1/1`], partSize: 100, more });
    await failureOf(upload(begin), 'store_unreachable');
    expect(service.seen).toEqual([]);
  });
});

describe('an upload by part URLs', () => {
  it('sends equal parts with their lengths, the last one the rest, and tells the tags with their quotes', async () => {
    const service = await openService();
    const sent = await upload(placesAt(service.url).begin);
    expect(assembled(service, 1).equals(ARCHIVE)).toBe(true);
    expect(sent).toEqual(
      [0, 1, 2, 3].map((index) => ({
        partNumber: index + 1,
        etag: tagOf(ARCHIVE.subarray(index * PART, (index + 1) * PART)),
      })),
    );
    const lengths = new Map(service.seen.map(({ part, headers }) => [part, headers['content-length']]));
    expect([1, 2, 3, 4].map((part) => lengths.get(part))).toEqual(['300000', '300000', '300000', '100000']);
    for (const { headers } of service.seen) {
      expect(headers).toMatchObject({ 'content-type': 'application/x-gzip' });
      expect(headers).not.toHaveProperty('transfer-encoding');
      expect(headers).not.toHaveProperty('authorization');
    }
  });

  it('reads small pieces, whatever the size of a part', async () => {
    const service = await openService();
    const source = new CountingSource();
    await upload(placesAt(service.url, 5 * 1024 ** 3).begin, { source });
    expect(service.seen).toHaveLength(1);
    expect(source.largest).toBeLessThanOrEqual(128 * 1024);
  });

  it.each([[500], [503], [429], [408], [417]])('sends a part again from its beginning after %i', async (status) => {
    const service = await openService();
    answerOnce(service, 3, 2, (response) => response.writeHead(status).end());
    const places = placesAt(service.url);
    expect(await upload(places.begin)).toHaveLength(4);
    expect(assembled(service, 1).equals(ARCHIVE)).toBe(true);
    expect([places.count(), service.seen.length]).toEqual([1, 6]);
  });

  it('sends a part again that arrived as something else', async () => {
    const service = await openService();
    answerOnce(service, 2, 1, (response) => response.writeHead(200, { ETag: tagOf(Buffer.from('other')) }).end());
    const sent = await upload(placesAt(service.url).begin);
    expect(sent[1]?.etag).toBe(tagOf(ARCHIVE.subarray(PART, 2 * PART)));
    expect(service.seen).toHaveLength(5);
  });

  it.each([
    ['no digest', '"not-a-digest-at-all"', {}, 4],
    ['the digest of something encrypted', tagOf(Buffer.from('x')), { 'x-amz-server-side-encryption': 'aws:kms' }, 4],
    ['always the same strange one', tagOf(Buffer.from('x')), {}, 8],
  ])('believes a service whose tags are %s', async (_, etag, headers, requests) => {
    const service = await openService();
    service.answer = (_, response) => {
      response.writeHead(200, { ETag: etag, ...headers }).end();
      return true;
    };
    expect((await upload(placesAt(service.url).begin)).map((part) => part.etag)).toEqual([etag, etag, etag, etag]);
    expect(service.seen).toHaveLength(requests);
  });

  it('waits for what the rate allows, and no longer than until it is cancelled', async () => {
    const service = await openService();
    const stop = new AbortController();
    let asked = 0;
    const rate = (): number => {
      if (++asked === 10) stop.abort();
      return 1;
    };
    // Time stands still: nothing more is ever allowed than the first moment.
    const uploading = upload(placesAt(service.url).begin, { rate, clock: new StillClock() }, stop.signal);
    await failureOf(uploading, 'cancelled');
    expect(service.seen).toEqual([]);
  });
});

describe('URLs that have expired', () => {
  it.each([
    [403, ''],
    [403, '<Error><Code>AccessDenied</Code></Error>'],
    [404, '<Error><Code>NoSuchUpload</Code></Error>'],
    [400, '<Error><Code>ExpiredToken</Code></Error>'],
  ])('%i %s: new ones begin a new upload, to which every part goes', async (status, body) => {
    const service = await openService();
    service.answer = ({ upload, part }, response) => {
      if (upload !== 1 || part !== 3) return false;
      response.writeHead(status).end(body);
      return true;
    };
    const places = placesAt(service.url);
    const sent = await upload(places.begin);
    expect(places.count()).toBe(2);
    expect(sent).toHaveLength(4);
    expect(assembled(service, 2).equals(ARCHIVE)).toBe(true);
  });

  it('are given up after three times, saying what to do', async () => {
    const service = await openService();
    service.answer = (_, response) => {
      response.writeHead(403).end('<Error><Code>SignatureDoesNotMatch</Code></Error>');
      return true;
    };
    const places = placesAt(service.url);
    const failure = await failureOf(upload(places.begin), 'store_unreachable');
    expect(failure).toMatchObject({ retry: true, facts: { status: 403, code: 'SignatureDoesNotMatch' } });
    expect(failure.hint).toContain('S3 credentials of the panel');
    expect(places.count()).toBe(3);
  });

  it('are refused before a byte of the part was sent, where the service can say so', async () => {
    let bytes = 0;
    const server = createServer();
    server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
      request.on('data', (chunk: Buffer) => void (bytes += chunk.byteLength));
      response.writeHead(403, { Connection: 'close' }).end();
    });
    await failureOf(upload(placesAt(await listening(server)).begin), 'store_unreachable');
    expect(bytes).toBe(0);
  });
});

describe('what cannot be uploaded', () => {
  it('is told when the service keeps failing, without the URL, which is signed', async () => {
    const service = await openService();
    service.answer = (_, response) => {
      response.writeHead(503).end('<Error><Code>SlowDown</Code></Error>');
      return true;
    };
    const failure = await failureOf(upload(placesAt(service.url).begin), 'store_unreachable');
    expect(failure.message).toMatch(/^Cannot upload the archive: 127\.0\.0\.1:\d+ answered part \d with 503 SlowDown$/);
    expect(failure.retry).toBe(true);
    expect(JSON.stringify([failure.message, failure.hint, failure.facts])).not.toContain('sig=');
  });

  it('is told when nobody listens', async () => {
    const failure = await failureOf(upload(placesAt('http://127.0.0.1:9').begin), 'store_unreachable');
    expect(failure).toMatchObject({ retry: true, facts: { code: 'ECONNREFUSED' } });
  });

  it('is told when something answers that it has a part before the bytes of it were sent', async () => {
    const server = createServer();
    server.on('checkContinue', (_: IncomingMessage, response: ServerResponse) => {
      response.writeHead(200, { ETag: '"of-nothing"', Connection: 'close' }).end();
    });
    const failure = await failureOf(upload(placesAt(await listening(server)).begin), 'store_unreachable');
    expect(failure.message).toContain('before all of it was sent');
    expect(failure).toMatchObject({ retry: true, facts: { status: 200 } });
  });

  it('is told when the service takes the connection and nothing moves', async () => {
    const server = createServer();
    server.on('checkContinue', () => undefined);
    const begin = placesAt(await listening(server), ARCHIVE.byteLength).begin;
    const failure = await failureOf(upload(begin, { idleMs: 30 }), 'store_unreachable');
    expect(failure).toMatchObject({ retry: true, facts: { code: 'ETIMEDOUT' } });
  });

  it('is none when a service says that it has the part, and never ends saying so', async () => {
    const service = await openService();
    service.answer = ({ bytes }, response) => {
      response.writeHead(200, { ETag: tagOf(bytes), 'Content-Length': 10 }).flushHeaders();
      return true;
    };
    expect(await upload(placesAt(service.url).begin, { idleMs: 1000 })).toHaveLength(4);
    expect(service.seen).toHaveLength(4);
  });

  it.each([
    ['400', 400, false],
    ['413', 413, false],
    ['301', 301, false],
  ])('is told at once when the service answers %s', async (_, status, retry) => {
    const service = await openService();
    answerOnce(service, 1, Infinity, (response) => response.writeHead(status).end());
    expect(await failureOf(upload(placesAt(service.url).begin), 'store_unreachable')).toMatchObject({ retry });
    expect(service.seen.filter(({ part }) => part === 1)).toHaveLength(1);
  });

  it('is told when a part gets no tag', async () => {
    const service = await openService();
    answerOnce(service, 4, 1, (response) => response.writeHead(200).end());
    const failure = await failureOf(upload(placesAt(service.url).begin), 'store_unreachable');
    expect(failure.message).toContain('gave part 4 no ETag');
  });

  it.each([
    ['too few places', ['http://h/1'], PART],
    ['too many places', Array.from({ length: 5 }, () => 'http://h/1'), PART],
    ['no places', [], PART],
    ['parts of no size', ['http://h/1'], 0],
    ['parts of half a byte', ['http://h/1'], PART + 0.5],
    ['a place that is no URL', ['http://h/1', 'http://h/2', 'http://h/3', 'h'], PART],
    ['a place on the disk', ['http://h/1', 'http://h/2', 'http://h/3', 'file:///etc/passwd'], PART],
  ])('is not begun with %s', async (_, parts, partSize) => {
    await failureOf(
      upload(async () => ({ parts, partSize })),
      'store_unreachable',
    );
  });

  it('ends with what its source or the panel throws', async () => {
    const service = await openService();
    const source = new CountingSource();
    source.read = () => Promise.reject(new Failure('archive_damaged', 'Cannot read the archive: it ends early'));
    await failureOf(upload(placesAt(service.url).begin, { source }), 'archive_damaged');
    const away = () => Promise.reject(new Failure('store_unreachable', 'Cannot ask the panel: 502', { retry: true }));
    expect((await failureOf(upload(away), 'store_unreachable')).message).toBe('Cannot ask the panel: 502');
  });

  it('ends at once when it is cancelled, with no request left', async () => {
    const service = await openService();
    const stop = new AbortController();
    service.answer = ({ part }) => {
      if (part === 2) stop.abort();
      return part === 2;
    };
    await failureOf(upload(placesAt(service.url).begin, {}, stop.signal), 'cancelled');
  });
});
