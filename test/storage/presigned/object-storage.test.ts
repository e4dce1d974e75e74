/** Part URLs of a real S3 server, with a bad network in between: the object is the archive, byte by byte. */
import { createHash } from 'node:crypto';
import { GetObjectCommand, ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import type { ByteSource } from '../../../src/base/source.ts';
import { type SentPart, uploadParts } from '../../../src/storage/presigned/upload.ts';
import { type PanelUploads, s3Uploads } from '../../support/panel/uploads.ts';
import { randomBytes } from '../../support/random-bytes.ts';
import { type Fault, type Passing, S3Proxy } from '../../support/s3-proxy.ts';
import { startS3Server } from '../../support/s3-server.ts';
import { hastyRetry, newBucket } from '../../support/s3-store.ts';

const MEBIBYTE = 1024 ** 2;
/** The least that S3 allows. */
const PART = 5 * MEBIBYTE;
const ARCHIVE = randomBytes(3 * PART + 1_000_003, 11);
const KEY = '11111111-1111-4111-8111-111111111111/aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa.tar.gz';

const started = await startS3Server();

describe.skipIf('missing' in started)('missing' in started ? started.missing : 'an archive and part URLs', () => {
  if ('missing' in started) return;
  const { server } = started;
  afterAll(() => server.stop());

  let proxy: S3Proxy;
  let panel: PanelUploads;
  let bucket: string;
  let begun: string[];

  beforeEach(async () => {
    proxy = await S3Proxy.before(server.endpoint);
    bucket = await newBucket(server.client);
    panel = s3Uploads({ ...server, endpoint: proxy.endpoint }, bucket, systemClock);
    begun = [];
  });

  function strike(part: number, times: number, fault: Fault): void {
    proxy.fault = (passing: Passing) =>
      passing.operation === 'part' && passing.part === part && passing.earlier < times ? fault : undefined;
  }

  const source: ByteSource = {
    size: ARCHIVE.byteLength,
    read: async (offset, length) => new Uint8Array(ARCHIVE.subarray(offset, offset + length)),
    close: async () => undefined,
  };

  const begin = async (size: number) => {
    const upload = await panel.begin(KEY);
    begun.push(upload);
    const numbers = Array.from({ length: Math.ceil(size / PART) }, (_, index) => index + 1);
    return { parts: numbers.map((number) => panel.partUrl(KEY, upload, number)), partSize: PART };
  };

  function send(): Promise<readonly SentPart[]> {
    const request = { source, begin, rate: () => 0, clock: systemClock, retry: hastyRetry };
    return uploadParts(request, new AbortController().signal);
  }

  /** The panel completes the upload that it knows, the newest, of the parts that it was told. */
  async function complete(parts: readonly SentPart[]): Promise<string> {
    await panel.complete(KEY, begun.at(-1) ?? '', parts);
    const { Body } = await server.client.send(new GetObjectCommand({ Bucket: bucket, Key: KEY }));
    return createHash('sha256')
      .update((await Body?.transformToByteArray()) ?? '')
      .digest('hex');
  }

  const SHA256 = createHash('sha256').update(ARCHIVE).digest('hex');

  it.each<[string, number, Fault]>([
    ['nothing happens', 0, {}],
    ['part 3 is cut half-way', 1, { cutRequestAfter: PART / 2 }],
    ['the service is too busy twice', 2, { answer: { status: 503, code: 'SlowDown' } }],
    ['the connection is reset', 1, { cutRequestAfter: 1 }],
    ['an answer is lost', 1, { loseAnswer: true }],
    ['a bit is turned over on the way', 1, { flip: true }],
    ['all of it, in a row', 3, { cutRequestAfter: 100_000 }],
  ])('become the same object when %s', async (_, times, fault) => {
    strike(3, times, fault);
    expect(await complete(await send())).toBe(SHA256);
    expect(begun).toHaveLength(1);
    expect(proxy.count('part')).toBe(4 + times);
  });

  it('become the same object when the URLs expire half-way: of the upload that the panel knows', async () => {
    // The first set dies once two parts are there.
    let there = 0;
    proxy.fault = ({ operation }) => {
      if (operation !== 'part' || begun.length > 1 || ++there <= 2) return undefined;
      return { answer: { status: 403, code: 'AccessDenied', message: 'Request has expired' } };
    };
    const parts = await send();
    expect(begun).toHaveLength(2);
    expect(await complete(parts)).toBe(SHA256);
    const { Uploads = [] } = await server.client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
    // The first one is the panel's to abort; it is not ours to know.
    expect(Uploads.map(({ UploadId }) => UploadId)).toEqual([begun[0]]);
  });

  it('become the same object with URLs that really have expired', async () => {
    const past = { now: () => Date.now() - 2 * 3_600_000, monotonic: () => performance.now() };
    const old = s3Uploads({ ...server, endpoint: proxy.endpoint }, bucket, past);
    const current = panel;
    panel = { ...current, partUrl: (...where) => (begun.length === 1 ? old : current).partUrl(...where) };
    expect(await complete(await send())).toBe(SHA256);
    expect(begun).toHaveLength(2);
  });
});
