/** What goes over the wire, read by a scripted service: what the config asks for, and how answers are understood. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { BackupId, ServerId } from '../../../src/base/ids.ts';
import { Secret } from '../../../src/config/secret.ts';
import type { S3StoreConfig } from '../../../src/config/types.ts';
import { objectKey } from '../../../src/storage/key.ts';
import { explainS3Error } from '../../../src/storage/s3/failure.ts';
import { openS3Store, type S3Store } from '../../../src/storage/s3/s3.ts';
import { keysOf, putObject } from '../../contract/store.ts';
import { TEST_CERTIFICATE, TEST_KEY } from '../../support/certificate.ts';
import { failureOf } from '../../support/rejection.ts';
import { type DoubleAnswer, type DoubleRequest, openS3Double, type S3Double } from '../../support/s3-double.ts';
import { hastyRetry, s3Config } from '../../support/s3-store.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { MemoryIdentity } from '../../support/scratch-store.ts';
import { StillClock } from '../../support/still-clock.ts';

const NODE = '99999999-9999-4999-8999-999999999999';
const SERVER = '11111111-1111-4111-8111-111111111111' as ServerId;
const ARCHIVE = objectKey(SERVER, 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa' as BackupId, 'tar.gz');
const MEBIBYTE = 1024 ** 2;

let service: S3Double;

beforeEach(async () => {
  service = await openS3Double();
  service.answer = standing();
});

/** A service with the marker of our node, that takes everything; `more` answers before it. */
function standing(more: (request: DoubleRequest) => DoubleAnswer | undefined = () => undefined) {
  let size = 0;
  return (request: DoubleRequest): DoubleAnswer => {
    const { method, path, query, body } = request;
    const own = more(request);
    if (own !== undefined) return own;
    if (method === 'GET' && path.endsWith('.roost-store')) {
      return { body: JSON.stringify({ format: 'roost-store', id: NODE }) };
    }
    if (method === 'PUT') size += body.byteLength;
    if (method === 'HEAD') return { headers: { 'Content-Length': `${size}`, ETag: '"etag"' } };
    if (method === 'PUT') return { headers: { ETag: '"not-an-md5"' } };
    if (query.has('uploads') && method === 'POST')
      return { body: result('InitiateMultipartUpload', '<UploadId>u1</UploadId>') };
    if (method === 'POST') return { body: result('CompleteMultipartUpload', '<ETag>"etag-2"</ETag>') };
    return { status: method === 'DELETE' ? 204 : 200, body: method === 'GET' ? result('List', '') : '' };
  };
}

function result(name: string, content: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?><${name}Result>${content}</${name}Result>`;
}

async function openStore(change: Partial<S3StoreConfig> = {}, clock = new StillClock()): Promise<S3Store> {
  const identity = new MemoryIdentity();
  identity.id = NODE;
  const config = s3Config(service.endpoint, change);
  const { store, fault } = await openS3Store({ name: 'offsite', config, identity, clock, retry: hastyRetry });
  expect(fault).toBeNull();
  return store;
}

const sent = (method: string, more: (request: DoubleRequest) => boolean = () => true): DoubleRequest[] =>
  service.requests.filter((request) => request.method === method && more(request));

describe('an upload', () => {
  test('asks for encryption, storage class and tags, small or in parts', async () => {
    const tags = { game: 'minecraft & more', owner: 'Zoë' };
    const store = await openStore({
      encryption: 'aws:kms',
      kmsKeyId: 'key-1',
      storageClass: 'STANDARD_IA',
      tags,
      partSize: 5 * MEBIBYTE,
    });
    await putObject(store, ARCHIVE, Buffer.from('small'));
    await putObject(store, ARCHIVE, Buffer.alloc(6 * MEBIBYTE)).catch(() => undefined);
    const starts = [
      ...sent('PUT', ({ query }) => !query.has('partNumber')),
      ...sent('POST', ({ query }) => query.has('uploads')),
    ];
    expect(starts).toHaveLength(2);
    for (const { headers } of starts) {
      expect(headers).toMatchObject({
        'x-amz-server-side-encryption': 'aws:kms',
        'x-amz-server-side-encryption-aws-kms-key-id': 'key-1',
        'x-amz-storage-class': 'STANDARD_IA',
        'x-amz-tagging': 'game=minecraft+%26+more&owner=Zo%C3%AB',
      });
    }
  });

  test('has parts of one size, each with its length and MD5, and none in chunks', async () => {
    const store = await openStore({ partSize: 5 * MEBIBYTE });
    const writer = await store.create(ARCHIVE);
    for (let written = 0; written < 13; written++) await writer.write(Buffer.alloc(MEBIBYTE, written));
    await writer.commit();
    const parts = sent('PUT').toSorted((a, b) => Number(a.query.get('partNumber')) - Number(b.query.get('partNumber')));
    expect(parts.map(({ body }) => body.byteLength / MEBIBYTE)).toEqual([5, 5, 3]);
    for (const { headers, body } of parts) {
      expect(headers['content-length']).toBe(`${body.byteLength}`);
      expect(headers['content-md5']).toMatch(/^[A-Za-z0-9+/]{22}==$/);
      for (const name of [
        'transfer-encoding',
        'content-encoding',
        'x-amz-trailer',
        'x-amz-sdk-checksum-algorithm',
        'expect',
      ]) {
        expect(headers[name]).toBeUndefined();
      }
    }
  });

  test('has larger parts for more than 10,000 of the usual ones, and is refused beyond the largest object', async () => {
    const store = await openStore();
    const writer = await store.create(ARCHIVE, { expectedSize: 100_000 * MEBIBYTE });
    await writer.write(Buffer.alloc(9 * MEBIBYTE));
    expect(sent('PUT')).toHaveLength(0);
    await writer.abort();
    await failureOf(store.create(ARCHIVE, { expectedSize: 60 * 1024 ** 4 }), 'too_large');
  });

  test('whose object the service keeps shorter is a failure, and is taken back', async () => {
    const store = await openStore();
    service.answer = standing(({ method }) =>
      method === 'HEAD'
        ? { headers: { 'Content-Length': '3', ETag: '"etag"', 'x-amz-meta-roost-writer': 'another' } }
        : undefined,
    );
    const failure = await failureOf(putObject(store, ARCHIVE, Buffer.from('small')), 'store_unreachable');
    expect(failure.message).toContain('kept 3 of 5 bytes');
    expect(sent('DELETE')).toHaveLength(0);
  });

  test('that cannot be taken back while the service is away goes with the removal of its backup', async () => {
    const store = await openStore({ partSize: 5 * MEBIBYTE });
    const writer = await store.create(ARCHIVE);
    await writer.write(Buffer.alloc(5 * MEBIBYTE));
    service.answer = () => ({ status: 403, body: '<Error><Code>InvalidAccessKeyId</Code></Error>' });
    await failureOf(writer.commit(), 'store_unreachable');
    service.requests.length = 0;
    const open = `<Upload><Key>${ARCHIVE}</Key><UploadId>u1</UploadId></Upload>`;
    service.answer = standing(({ method, query }) => {
      if (method !== 'GET') return undefined;
      if (query.has('uploads')) return { body: result('ListMultipartUploads', open) };
      return query.has('uploadId') ? { status: 404, body: '<Error><Code>NoSuchUpload</Code></Error>' } : undefined;
    });
    await store.remove(ARCHIVE);
    expect(sent('DELETE', ({ query }) => query.get('uploadId') === 'u1')).toHaveLength(1);
  });

  test('an MD5 in an answer that is not that of the bytes is a wrong checksum', async () => {
    const store = await openStore({ partSize: 5 * MEBIBYTE });
    service.answer = standing(({ method }) =>
      method === 'PUT' ? { headers: { ETag: `"${'0'.repeat(32)}"` } } : undefined,
    );
    const writer = await store.create(ARCHIVE);
    await writer.write(Buffer.alloc(5 * MEBIBYTE));
    const failure = await failureOf(writer.commit(), 'store_unreachable');
    expect(failure.facts['code']).toBe('BadDigest');
  });

  test('an MD5 of an object that a KMS encrypts says nothing', async () => {
    const store = await openStore({ partSize: 5 * MEBIBYTE });
    const headers = { ETag: `"${'0'.repeat(32)}"`, 'x-amz-server-side-encryption': 'aws:kms' };
    service.answer = standing(({ method }) => (method === 'PUT' ? { headers } : undefined));
    const writer = await store.create(ARCHIVE);
    await writer.write(Buffer.alloc(5 * MEBIBYTE));
    service.answer = standing(({ method }) =>
      method === 'HEAD' ? { headers: { 'Content-Length': `${5 * MEBIBYTE}`, ETag: '"etag"' } } : undefined,
    );
    await writer.commit();
  });
});

describe('the lock of a backup', () => {
  test('is a legal hold that comes and goes', async () => {
    const store = await openStore({ objectLock: 'legal-hold' });
    await store.protect(ARCHIVE, true);
    await store.protect(ARCHIVE, false);
    const holds = sent('PUT', ({ query }) => query.has('legal-hold')).map(({ body }) => body.toString());
    expect(holds).toEqual([expect.stringContaining('<Status>ON<'), expect.stringContaining('<Status>OFF<')]);
  });

  test.each(['governance', 'compliance'] as const)('is a retention (%s) that nobody takes back', async (objectLock) => {
    const clock = new StillClock(Date.UTC(2026, 0, 1));
    const store = await openStore({ objectLock, objectLockDays: 10 }, clock);
    await store.protect(ARCHIVE, true);
    await store.protect(ARCHIVE, false);
    const [retention, ...others] = sent('PUT', ({ query }) => query.has('retention'));
    expect(others).toEqual([]);
    expect(retention?.body.toString()).toContain(`<Mode>${objectLock.toUpperCase()}<`);
    expect(retention?.body.toString()).toContain('2026-01-11T00:00:00');
  });

  test('is nothing without an object lock in the config', async () => {
    const store = await openStore();
    await store.protect(ARCHIVE, true);
    expect(sent('PUT')).toEqual([]);
  });
});

test('a listing goes on over pages, and passes over what is no key', async () => {
  const keys = ['json', 'tar.gz'].map((kind) => ARCHIVE.replace('tar.gz', kind));
  const contents = (names: readonly string[]): string =>
    names.map((name) => `<Contents><Key>${name}</Key><Size>1</Size></Contents>`).join('');
  service.answer = standing(({ query, method }) => {
    if (method !== 'GET' || query.get('list-type') !== '2') return undefined;
    const isFirst = query.get('continuation-token') === null;
    const more = `<IsTruncated>true</IsTruncated><NextContinuationToken>next</NextContinuationToken>`;
    const names = isFirst ? ['.roost-store', keys[0] ?? ''] : ['holiday.jpg', keys[1] ?? ''];
    return { body: result('ListBucket', `${isFirst ? more : '<IsTruncated>false</IsTruncated>'}${contents(names)}`) };
  });
  expect(await keysOf(await openStore())).toEqual(keys);
});

test('reads in a row are served from few requests, and single reads fetch no more than they want', async () => {
  const bytes = Buffer.alloc(4 * MEBIBYTE, 'all work and no play ');
  const ranges: string[] = [];
  service.answer = standing(({ method, path, headers }): DoubleAnswer | undefined => {
    if (path.endsWith('.roost-store')) return undefined;
    if (method === 'HEAD') return { headers: { 'Content-Length': `${bytes.byteLength}`, ETag: '"v1"' } };
    const [, from = '', to = ''] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? [];
    if (method !== 'GET' || from === '') return undefined;
    expect(headers['if-match']).toBe('"v1"');
    ranges.push(`${from}-${to}`);
    const body = bytes.toString('ascii', Number(from), Number(to) + 1);
    return { status: 206, headers: { 'Content-Range': `bytes ${from}-${to}/${bytes.byteLength}` }, body };
  });
  const source = await (await openStore()).open(ARCHIVE);
  await source.read(1000, 10);
  await source.read(5000, 10);
  expect(ranges).toEqual(['1000-1009', '5000-5009']);
  ranges.length = 0;
  for (let at = 0; at < bytes.byteLength; at += 64 * 1024) {
    expect((await source.read(at, 64 * 1024)).byteLength).toBe(64 * 1024);
  }
  expect(ranges.length).toBeLessThan(12);
  await source.close();
});

test('uploads of an earlier run are looked for until they were found, and by all who write at the same time', async () => {
  const identity = new MemoryIdentity();
  identity.id = NODE;
  let isAway = true;
  const open = `<Upload><Key>${ARCHIVE}</Key><UploadId>u0</UploadId></Upload>`;
  service.answer = standing(({ method, query }) => {
    if (method !== 'GET' || !query.has('uploads')) return undefined;
    return isAway ? { status: 500 } : { body: result('ListMultipartUploads', open) };
  });
  const config = s3Config(service.endpoint);
  const clock = new StillClock();
  const swept: string[] = [];
  const onSwept = (names: readonly string[]): void => void swept.push(...names);
  const { store, fault } = await openS3Store({ name: 'offsite', config, identity, clock, retry: hastyRetry, onSwept });
  expect(fault).toMatchObject({ code: 'store_unreachable', retry: true });
  isAway = false;
  const both = await Promise.all([store.check(), store.create(ARCHIVE)]);
  expect(swept).toEqual([ARCHIVE]);
  await both[1].abort();
});

test('a service that never answers is said not to, when the time is up', () => {
  const place = { store: 'offsite', bucket: 'b', region: 'r', host: 's3.example.com' };
  const failure = explainS3Error(new DOMException('The time is up', 'TimeoutError'), 'Cannot use the store', place);
  expect(failure).toMatchObject({ code: 'store_unreachable', retry: true });
  expect(failure.message).toBe('Cannot use the store: s3.example.com does not answer (TimeoutError)');
});

describe('over TLS', () => {
  test('an authority that nobody knows is refused, and is trusted once the config names it', async () => {
    const tls = { cert: TEST_CERTIFICATE, key: TEST_KEY };
    service = await openS3Double(tls);
    service.answer = standing();
    const identity = new MemoryIdentity();
    identity.id = NODE;
    const open = (change: Partial<S3StoreConfig>) =>
      openS3Store({ name: 'offsite', config: s3Config(service.endpoint, change), identity, retry: hastyRetry });
    const { fault } = await open({});
    expect(fault).toMatchObject({ code: 'store_unreachable', retry: false });
    expect(fault?.message).toMatch(/TLS.*(SELF_SIGNED|UNABLE_TO)/);
    const caFile = join(await scratchDirectory(), 'ca.pem');
    await writeFile(caFile, tls.cert);
    const trusted = await open({ caFile });
    expect(trusted.fault).toBeNull();
    await putObject(trusted.store, ARCHIVE, Buffer.from('small'));
    const [put] = sent('PUT');
    // TLS protects the bytes; the signature need not.
    expect(put?.headers['x-amz-content-sha256']).toBe('UNSIGNED-PAYLOAD');
  });

  test('an authority and credentials that were renewed count for the next connection and request', async () => {
    service = await openS3Double({ cert: TEST_CERTIFICATE, key: TEST_KEY });
    service.answer = standing();
    const identity = new MemoryIdentity();
    identity.id = NODE;
    const caFile = join(await scratchDirectory(), 'ca.pem');
    await writeFile(caFile, '');
    const accessKeyId = new Secret('FIRST');
    const config = s3Config(service.endpoint, { caFile, accessKeyId, secretAccessKey: new Secret('secret') });
    const { store, fault } = await openS3Store({ name: 'offsite', config, identity, retry: hastyRetry });
    expect(fault?.message).toMatch(/TLS/);
    await writeFile(caFile, TEST_CERTIFICATE);
    await putObject(store, ARCHIVE, Buffer.from('small'));
    expect(sent('PUT')[0]?.headers.authorization).toContain('Credential=FIRST/');
    accessKeyId.renew(new Secret('SECOND'));
    await store.stat(ARCHIVE);
    expect(sent('HEAD').at(-1)?.headers.authorization).toContain('Credential=SECOND/');
  });

  test('a file of an authority that is not there is a fault of the config', async () => {
    const config = s3Config(service.endpoint, { caFile: '/nowhere/ca.pem' });
    const failure = await failureOf(openS3Store({ name: 'offsite', config, identity: new MemoryIdentity() }));
    expect(failure.code).toBe('config_invalid');
  });
});
