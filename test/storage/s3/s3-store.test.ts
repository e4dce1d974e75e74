/** What is particular to a store in a bucket: whose it is, what an earlier run left, and what it says when it fails. */
import { randomUUID } from 'node:crypto';
import { CreateMultipartUploadCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, describe, expect, test } from 'vitest';
import type { BackupId, ServerId } from '../../../src/base/ids.ts';
import { Secret } from '../../../src/config/config.ts';
import { objectKey } from '../../../src/storage/key.ts';
import { keysOf, putObject } from '../../contract/store.ts';
import { getObject } from '../../support/store-objects.ts';
import { failureOf } from '../../support/rejection.ts';
import { S3Proxy } from '../../support/s3-proxy.ts';
import { SECRET_KEY, startS3Server } from '../../support/s3-server.ts';
import { bucketContent, newBucket, scratchS3Store } from '../../support/s3-store.ts';
import { MemoryIdentity } from '../../support/scratch-store.ts';

const SERVER = '11111111-1111-4111-8111-111111111111' as ServerId;
const BACKUP = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa' as BackupId;
const ARCHIVE = objectKey(SERVER, BACKUP, 'tar.gz');
const BYTES = Buffer.from('an archive');

const started = await startS3Server();

/** Reads the answer to its end, or its connection would stay open. */
async function statusOf(url: string): Promise<number> {
  const answer = await fetch(url);
  await answer.text();
  return answer.status;
}

describe.skipIf('missing' in started)('missing' in started ? started.missing : 'a store in a bucket', () => {
  if ('missing' in started) return;
  const { server } = started;
  afterAll(() => server.stop());

  const behind = async (): Promise<{ proxy: S3Proxy; at: { endpoint: string; client: typeof server.client } }> => {
    const proxy = await S3Proxy.before(server.endpoint);
    return { proxy, at: { endpoint: proxy.endpoint, client: server.client } };
  };
  const beginUpload = async (bucket: string, name: string): Promise<void> => {
    await server.client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: name }));
  };

  describe('belongs to one node', () => {
    test('which knows it again after a restart', async () => {
      const first = await scratchS3Store(server, { prefix: 'node1/' });
      expect(first.fault).toBeNull();
      await putObject(first.store, ARCHIVE, BYTES);
      const { identity } = first;
      const again = await scratchS3Store(server, first.config, { identity });
      expect(again.fault).toBeNull();
      expect(await keysOf(again.store)).toEqual([ARCHIVE]);
    });

    test('and is refused to another, which touches nothing', async () => {
      const first = await scratchS3Store(server);
      await putObject(first.store, ARCHIVE, BYTES);
      await beginUpload(first.config.bucket, ARCHIVE);
      const second = await scratchS3Store(server, first.config);
      expect(second.fault).toMatchObject({ code: 'store_unreachable', retry: false });
      expect(second.fault?.hint).toContain(`adopt: ${first.identity.id}`);
      await failureOf(second.store.create(ARCHIVE), 'store_unreachable');
      await failureOf(second.store.remove(ARCHIVE), 'store_unreachable');
      await failureOf(keysOf(second.store), 'store_unreachable');
      expect(await bucketContent(server.client, first.config.bucket)).toEqual({
        objects: [ARCHIVE],
        uploads: [ARCHIVE],
      });
    });

    test('until another adopts it by name; the first is then refused', async () => {
      const first = await scratchS3Store(server);
      await putObject(first.store, ARCHIVE, BYTES);
      const adopt = first.identity.id ?? '';
      const second = await scratchS3Store(server, { ...first.config, adopt });
      expect(second.fault).toBeNull();
      expect(await keysOf(second.store)).toEqual([ARCHIVE]);
      await failureOf(first.store.check(), 'store_unreachable');
    });

    test('and nodes with prefixes of their own share a bucket without a touch', async () => {
      const bucket = await newBucket(server.client);
      const nodes = await Promise.all(
        ['', 'a/', 'a/b/', `${SERVER}/`].map((prefix) => scratchS3Store(server, { bucket, prefix })),
      );
      for (const [index, { store }] of nodes.entries()) await putObject(store, ARCHIVE, Buffer.alloc(index + 1));
      for (const { config } of nodes) await beginUpload(bucket, `${config.prefix}${ARCHIVE}`);
      const [root] = nodes;
      if (root === undefined) throw new TypeError('there are nodes');
      await root.store.remove(ARCHIVE);
      for (const [index, { store, fault }] of nodes.entries()) {
        expect(fault).toBeNull();
        expect(await store.stat(ARCHIVE)).toEqual(index === 0 ? undefined : { size: index + 1 });
      }
      const restarted = await scratchS3Store(server, { bucket, prefix: '' }, { identity: root.identity });
      expect(restarted.fault).toBeNull();
      const { uploads } = await bucketContent(server.client, bucket);
      expect(uploads).toEqual(
        nodes
          .slice(1)
          .map(({ config }) => `${config.prefix}${ARCHIVE}`)
          .sort(),
      );
    });

    test('a first start that was killed at any point is taken up again', async () => {
      const identity = new MemoryIdentity();
      identity.id = `wanted ${randomUUID()}`;
      const { store, fault, config } = await scratchS3Store(server, {}, { identity });
      expect(fault).toBeNull();
      const { id = '' } = identity;
      expect(id).not.toMatch(/^wanted/);
      identity.id = `wanted ${id}`;
      await store.check();
      expect(identity.id).toBe(id);
      expect((await scratchS3Store(server, config, { identity })).fault).toBeNull();
    });

    test('and a bucket that was emptied is not the one that it was', async () => {
      const identity = new MemoryIdentity();
      identity.id = randomUUID();
      const { fault } = await scratchS3Store(server, {}, { identity });
      expect(fault?.message).toContain('is not the place that it was');
    });

    test('a marker that is none is left alone', async () => {
      const bucket = await newBucket(server.client);
      await server.client.send(
        new PutObjectCommand({ Bucket: bucket, Key: '.roost-store', Body: Buffer.from('mine') }),
      );
      const { fault } = await scratchS3Store(server, { bucket });
      expect(fault?.message).toContain('is no marker of Roost');
    });
  });

  describe('clears up', () => {
    test('uploads that an earlier run left open, but for other names', async () => {
      const first = await scratchS3Store(server, { prefix: 'node1/' });
      const { identity, config } = first;
      await beginUpload(config.bucket, `node1/${ARCHIVE}`);
      await beginUpload(config.bucket, 'node1/holiday.jpg');
      const swept: string[] = [];
      await scratchS3Store(server, config, { identity, onSwept: (names) => swept.push(...names) });
      expect(swept).toEqual([`node1/${ARCHIVE}`]);
      expect((await bucketContent(server.client, config.bucket)).uploads).toEqual(['node1/holiday.jpg']);
    });

    test('by its sweep an upload that could not be taken back while the service was away, and none under way', async () => {
      const { proxy, at } = await behind();
      const { store, config } = await scratchS3Store(at, { partSize: 5 * 1024 ** 2 });
      const writer = await store.create(ARCHIVE);
      await writer.write(Buffer.alloc(6 * 1024 ** 2, 1));
      proxy.fault = ({ operation }) =>
        operation === 'abort' ? { answer: { status: 403, code: 'AccessDenied' } } : undefined;
      await failureOf(writer.abort());
      const second = objectKey(SERVER, BACKUP, 'index');
      const current = await store.create(second);
      await current.write(Buffer.alloc(6 * 1024 ** 2, 1));
      proxy.fault = () => undefined;
      expect((await bucketContent(server.client, config.bucket)).uploads).toEqual([second, ARCHIVE].sort());
      expect(await store.sweep()).toEqual([ARCHIVE]);
      await current.commit();
      expect(await bucketContent(server.client, config.bucket)).toEqual({ objects: [second], uploads: [] });
    });

    test('by its sweep nothing where the service lets no uploads be listed', async () => {
      const { proxy, at } = await behind();
      const { store } = await scratchS3Store(at);
      proxy.fault = ({ operation }) =>
        operation === 'list-uploads' ? { answer: { status: 403, code: 'AccessDenied' } } : undefined;
      expect(await store.sweep()).toEqual([]);
    });

    test('with a removal also the uploads of that key, and never one that is under way', async () => {
      const { store, config } = await scratchS3Store(server, { partSize: 5 * 1024 ** 2 });
      const writer = await store.create(ARCHIVE);
      await writer.write(Buffer.alloc(6 * 1024 ** 2, 1));
      await beginUpload(config.bucket, ARCHIVE);
      await store.remove(ARCHIVE);
      await writer.commit();
      expect(await bucketContent(server.client, config.bucket)).toEqual({ objects: [ARCHIVE], uploads: [] });
    });
  });

  describe('says what is wrong, and what to do', () => {
    test.each([
      ['a wrong secret', { secretAccessKey: new Secret('another-secret') }, /credentials/, /secret_access_key/],
      ['an unknown key', { accessKeyId: new Secret('test:nobody') }, /credentials|does not allow/, /key/],
      ['a bucket that is not there', { bucket: 'nowhere-to-be-found' }, /no bucket nowhere-to-be-found/, /bucket/],
      [
        'a host that does not answer',
        { endpoint: 'http://127.0.0.1:1' },
        /127\.0\.0\.1:1 does not answer \(ECONNREFUSED/,
        /runs/,
      ],
      ['a name that nobody knows', { endpoint: 'http://s3.invalid' }, /cannot be resolved/, /DNS/],
      ['TLS where there is none', { endpoint: server.endpoint.replace('http:', 'https:') }, /TLS/, /ca_file/],
    ])('%s', async (_, change, message, hint) => {
      const { fault, store } = await scratchS3Store(server, change);
      expect(fault).toMatchObject({ code: 'store_unreachable' });
      expect(fault?.message).toMatch(message);
      expect(fault?.hint).toMatch(hint);
      await failureOf(store.check(), 'store_unreachable');
      expect(JSON.stringify(fault)).not.toContain(SECRET_KEY);
    });

    test.each([
      [
        400,
        'AuthorizationHeaderMalformed',
        "the region 'us-east-1' is wrong; expecting 'eu-west-1'",
        /not in the region/,
      ],
      [301, 'PermanentRedirect', 'use the other endpoint', /not in the region/],
      [403, 'RequestTimeTooSkewed', 'the difference is too large', /clock/],
      [403, 'AccessDenied', 'Cannot upload files, storage cap exceeded', /no room or quota/],
      [403, 'AccessDenied', 'Access Denied because object protected by object lock.', /object lock/],
      [403, 'InvalidObjectState', 'the storage class is GLACIER', /cannot be read at once/],
      [418, 'Teapot', 'short and stout', /answered 418 Teapot: short and stout/],
    ])('%i %s', async (status, code, message, told) => {
      const { proxy, at } = await behind();
      const { store } = await scratchS3Store(at);
      proxy.fault = () => ({ answer: { status, code, message } });
      const failure = await failureOf(store.check());
      expect(failure.message).toMatch(told);
      expect(failure.hint).toBeDefined();
    });
  });

  test('a presigned URL gives the archive, by range too, and to nobody after its time', async () => {
    const { store } = await scratchS3Store(server, { prefix: 'game nights/ä+(1)/', download: 'redirect' });
    await putObject(store, ARCHIVE, BYTES);
    const url = (await store.presign(ARCHIVE, { expiresSeconds: 60, fileName: 'backup.tar.gz' })) ?? '';
    const answer = await fetch(url, { headers: { range: 'bytes=3-9' } });
    expect(answer.status).toBe(206);
    expect(await answer.text()).toBe('archive');
    expect(answer.headers.get('content-disposition')).toContain('backup.tar.gz');
    expect(await statusOf(url.replace(BACKUP, BACKUP.replace('a', 'b')))).toBe(403);
    const past = { now: () => Date.now() - 120_000, monotonic: () => 0 };
    const { store: late } = await scratchS3Store(server, { download: 'redirect' }, { clock: past });
    const expired = await late.presign(ARCHIVE, { expiresSeconds: 60, fileName: 'backup.tar.gz' });
    expect(await statusOf(expired ?? '')).toBe(403);
  });

  test('without redirects there is no URL', async () => {
    const { store } = await scratchS3Store(server);
    expect(await store.presign(ARCHIVE, { expiresSeconds: 60, fileName: 'backup.tar.gz' })).toBeUndefined();
  });

  test('uploads at a limited rate arrive whole', async () => {
    const { store } = await scratchS3Store(server, { partSize: 5 * 1024 ** 2 }, { uploadRate: () => 1024 ** 3 });
    const bytes = Buffer.alloc(11 * 1024 ** 2, 'slowly does it');
    await putObject(store, ARCHIVE, bytes);
    expect(Buffer.from(await getObject(store, ARCHIVE)).equals(bytes)).toBe(true);
  });

  test('names with every kind of character are signed as the server reads them', async () => {
    const { store, fault } = await scratchS3Store(server, { prefix: "it's (a) test+$&=@:;,! ~*/é/" });
    expect(fault).toBeNull();
    await putObject(store, ARCHIVE, BYTES);
    expect(await keysOf(store)).toEqual([ARCHIVE]);
    await store.remove(ARCHIVE);
    expect(await keysOf(store)).toEqual([]);
  });
});
