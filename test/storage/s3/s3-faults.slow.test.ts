/** What networks and services do to an upload: afterwards the object is whole, or nothing of it is left. */
import { createHash } from 'node:crypto';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import type { BackupId, ServerId } from '../../../src/base/ids.ts';
import { objectKey } from '../../../src/storage/key.ts';
import type { S3Store } from '../../../src/storage/s3/s3.ts';
import { putObject } from '../../contract/store.ts';
import { getObject } from '../../support/store-objects.ts';
import { failureOf } from '../../support/rejection.ts';
import { type Fault, type Operation, type Passing, S3Proxy } from '../../support/s3-proxy.ts';
import { startS3Server } from '../../support/s3-server.ts';
import { bucketContent, newBucket, scratchS3Store } from '../../support/s3-store.ts';
import type { MemoryIdentity } from '../../support/scratch-store.ts';

const MEBIBYTE = 1024 ** 2;
const PART = 5 * MEBIBYTE;
const ARCHIVE = objectKey(
  '11111111-1111-4111-8111-111111111111' as ServerId,
  'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa' as BackupId,
  'tar.gz',
);
/** Three parts, the last one short. */
const LARGE = Buffer.alloc(11 * MEBIBYTE, 'all work and no play makes a dull backup. ');
const SMALL = Buffer.from('{"small":true}\n');

const started = await startS3Server();

describe.skipIf('missing' in started)('missing' in started ? started.missing : 'between a store and its server', () => {
  if ('missing' in started) return;
  const { server } = started;
  afterAll(() => server.stop());

  let proxy: S3Proxy;
  let store: S3Store;
  let bucket: string;
  let identity: MemoryIdentity;

  const content = () => bucketContent(server.client, bucket);

  beforeEach(async () => {
    proxy = await S3Proxy.before(server.endpoint);
    bucket = await newBucket(server.client);
    const behind = { endpoint: proxy.endpoint, client: server.client };
    ({ store, identity } = await scratchS3Store(behind, { bucket, partSize: PART }));
    await store.check();
  });

  /** Does it to the first `times` requests of that kind; of parts, to the second one. */
  function strike(operation: Operation, fault: Fault, times: number): void {
    proxy.fault = (passing: Passing) => {
      const isMeant = passing.operation === operation && (operation !== 'part' || passing.part === 2);
      return isMeant && passing.earlier < times ? fault : undefined;
    };
  }

  async function write(bytes: Uint8Array): Promise<void> {
    const writer = await store.create(ARCHIVE);
    try {
      for (let at = 0; at < bytes.byteLength; at += MEBIBYTE) await writer.write(bytes.subarray(at, at + MEBIBYTE));
      await writer.commit();
    } catch (error) {
      await writer.abort();
      throw error;
    }
  }

  const PASSING: readonly (readonly [string, Fault])[] = [
    ['a 500', { answer: { status: 500, code: 'InternalError' } }],
    ['a 503', { answer: { status: 503, code: 'SlowDown' } }],
    ['a 429', { answer: { status: 429, code: 'TooManyRequests' } }],
    ['a 408', { answer: { status: 408, code: 'RequestTimeout' } }],
    ['a reset half-way', { cutRequestAfter: 2 * MEBIBYTE }],
    ['a lost answer', { loseAnswer: true }],
    ['a wrong checksum', { flip: true }],
    ['a server that stalls', { stall: true }],
  ];
  const LASTING: readonly (readonly [string, Fault, RegExp])[] = [
    ['a 500', { answer: { status: 500, code: 'InternalError' } }, /500 InternalError/],
    ['a 403', { answer: { status: 403, code: 'AccessDenied', message: 'Not yours' } }, /does not allow.*Not yours/],
    [
      'EntityTooSmall',
      { answer: { status: 400, code: 'EntityTooSmall', message: 'Too small' } },
      /EntityTooSmall: Too small/,
    ],
    ['a full bucket', { answer: { status: 507, code: 'InsufficientStorage' } }, /no room or quota/],
    ['a reset half-way', { cutRequestAfter: 2 * MEBIBYTE }, /does not answer/],
    ['a wrong checksum', { flip: true }, /BadDigest|XAmzContentSHA256Mismatch/],
  ];

  test.each(PASSING)('twice %s on a part is made good', async (_, fault) => {
    if (fault.stall === true) {
      const behind = { endpoint: proxy.endpoint, client: server.client };
      ({ store } = await scratchS3Store(behind, { bucket, partSize: PART }, { idleMs: 1500, identity }));
    }
    strike('part', fault, 2);
    await write(LARGE);
    expect(sha256(await getObject(store, ARCHIVE))).toBe(sha256(LARGE));
    // On a busy machine, the other parts may be given up and sent again too while one stalls.
    if (fault.stall === undefined) expect(proxy.seen.filter(({ part }) => part === 1)).toHaveLength(1);
    expect(await content()).toEqual({ objects: [ARCHIVE], uploads: [] });
  });

  test.each(LASTING)('%s on a part that stays leaves nothing', async (_, fault, told) => {
    strike('part', fault, Infinity);
    const failure = await failureOf(write(LARGE));
    expect(failure.message).toMatch(told);
    expect(await content()).toEqual({ objects: [], uploads: [] });
  });

  test.each(['begin', 'complete', 'head'] as const)('a lost answer to %s is made good, once', async (operation) => {
    strike(operation, { loseAnswer: true }, 1);
    await write(LARGE);
    expect(sha256(await getObject(store, ARCHIVE))).toBe(sha256(LARGE));
    expect(await content()).toEqual({ objects: [ARCHIVE], uploads: [] });
  });

  test.each(['begin', 'complete', 'head'] as const)(
    'answers to %s that are all lost leave nothing',
    async (operation) => {
      strike(operation, { loseAnswer: true }, 10);
      await failureOf(write(LARGE), 'store_unreachable');
      expect(await content()).toEqual({ objects: [], uploads: [] });
    },
  );

  test('a small object whose answers are all lost leaves nothing', async () => {
    strike('put', { loseAnswer: true }, Infinity);
    await failureOf(write(SMALL), 'store_unreachable');
    expect(await content()).toEqual({ objects: [], uploads: [] });
  });

  test('a write that the server only pretended is found out', async () => {
    strike('put', { pretend: true }, Infinity);
    const failure = await failureOf(write(SMALL), 'store_unreachable');
    expect(failure.message).toContain(`kept nothing of ${SMALL.byteLength} bytes`);
  });

  test('the object of another writer stays when a commit fails', async () => {
    await putObject(store, ARCHIVE, SMALL);
    strike('part', { answer: { status: 403, code: 'AccessDenied' } }, Infinity);
    await failureOf(write(LARGE));
    expect(Buffer.from(await getObject(store, ARCHIVE)).equals(SMALL)).toBe(true);
  });

  test('an abort that a part overtakes is made again until nothing is left', async () => {
    strike('abort', { answer: { status: 503, code: 'SlowDown' } }, 2);
    const writer = await store.create(ARCHIVE);
    await writer.write(LARGE);
    await writer.abort();
    expect(await content()).toEqual({ objects: [], uploads: [] });
  });

  test('a signal ends a write that waits for a server which does not answer', async () => {
    const stop = new AbortController();
    strike('part', { stall: true }, Infinity);
    ({ store } = await scratchS3Store({ endpoint: proxy.endpoint, client: server.client }, { partSize: PART }));
    const writer = await store.create(ARCHIVE, { signal: stop.signal });
    const writing = writer.write(Buffer.concat([LARGE, LARGE, LARGE, LARGE]));
    await proxy.stalled.promise;
    stop.abort();
    await failureOf(writing, 'cancelled');
    await writer.abort();
    expect(proxy.count('abort')).toBe(1);
  });

  test('a cut download goes on at the byte where it broke off', async () => {
    await write(LARGE);
    const before = proxy.bytesOut;
    strike('get', { cutAnswerAfter: 3 * MEBIBYTE }, 3);
    expect(sha256(await getObject(store, ARCHIVE))).toBe(sha256(LARGE));
    expect(proxy.bytesOut - before).toBeLessThan(LARGE.byteLength + MEBIBYTE);
  });

  test('a read is cancelled while the server keeps silent', async () => {
    await write(SMALL);
    const source = await store.open(ARCHIVE);
    strike('get', { stall: true }, Infinity);
    const stop = new AbortController();
    const reading = source.read(0, 4, stop.signal);
    await proxy.stalled.promise;
    stop.abort();
    await failureOf(reading, 'cancelled');
    await source.close();
  });

  test('a missing bucket is no missing object', async () => {
    proxy.fault = ({ operation }) =>
      operation === 'head' || operation === 'get' ? { answer: { status: 404, code: 'NoSuchBucket' } } : undefined;
    await failureOf(store.stat(ARCHIVE), 'store_unreachable');
    await failureOf(store.open(ARCHIVE), 'store_unreachable');
  });
});

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
