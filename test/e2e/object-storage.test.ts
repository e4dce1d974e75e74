/** A whole daemon whose only store is a bucket: nothing of an archive ever lies on the host. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { GAME_SERVER, type Host, runDaemonOn, type RunningDaemon, scratchHost, TOKEN } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { randomBytes } from '../support/random-bytes.ts';
import { S3Proxy } from '../support/s3-proxy.ts';
import { ACCESS_KEY, SECRET_KEY, startS3Server } from '../support/s3-server.ts';
import { bucketContent, newBucket } from '../support/s3-store.ts';

const BACKUPS = `/api/servers/${GAME_SERVER}/backups`;
const MEBIBYTE = 1024 ** 2;

interface BackupObject {
  readonly id: string;
  readonly status: string;
  readonly checksum: string;
}

const started = await startS3Server();

describe.skipIf('missing' in started)('missing' in started ? started.missing : 'a daemon over a bucket', () => {
  if ('missing' in started) return;
  const { server } = started;
  afterAll(() => server.stop());

  interface BucketHost extends Host {
    readonly bucket: string;
  }

  /** @param more settings of the store, as the config spells them. */
  async function bucketHost(
    endpoint = server.endpoint,
    more: Readonly<Record<string, unknown>> = {},
  ): Promise<BucketHost> {
    const host = await scratchHost();
    const bucket = await newBucket(server.client);
    const keys = { access_key_id: ACCESS_KEY, secret_access_key: SECRET_KEY };
    const store = { type: 's3', endpoint, bucket, prefix: 'node1', part_size: 5 * MEBIBYTE, ...keys, ...more };
    const storage = `storage: ${JSON.stringify({ default: 'bucket', stores: { bucket: store } })}`;
    return { ...host, bucket, config: host.config.replace(/^storage:.*$/m, storage) };
  }

  async function fill(host: Host, files: number): Promise<void> {
    for (let index = 0; index < files; index++) {
      await writeFile(join(host.server, 'world', `r.${index}.mca`), randomBytes(MEBIBYTE, index));
    }
  }

  async function backUp({ call }: RunningDaemon, body: object = {}): Promise<BackupObject> {
    const created = await call(BACKUPS, { body });
    expect(created.status).toBe(201);
    return created.body;
  }

  test('backs up in parts, looks inside, verifies, downloads by range, restores and deletes', async () => {
    const host = await bucketHost();
    await fill(host, 7);
    const daemon = await runDaemonOn(host);
    const { id, checksum } = await backUp(daemon, { name: 'remote' });
    const objects = ['index', 'json', 'tar.gz'].map((kind) => `node1/${GAME_SERVER}/${id}.${kind}`);
    expect(await bucketContent(server.client, host.bucket)).toEqual({ objects, uploads: [] });
    expect(await readdir(host.directory)).toEqual(expect.not.arrayContaining(['backups']));

    const files = await daemon.call(`${BACKUPS}/${id}/files?path=world`);
    expect(files.body).toMatchObject({
      entries: expect.arrayContaining([expect.objectContaining({ name: 'r.5.mca' })]),
    });
    expect(await daemon.call(`${BACKUPS}/${id}/verify`, { method: 'POST' })).toMatchObject({ status: 200 });

    const token = (await daemon.call(`${BACKUPS}/download-token`, { body: { id } })).body as { downloadUrl: string };
    const whole = Buffer.from(await (await fetch(new URL(token.downloadUrl, daemon.url))).arrayBuffer());
    expect(createHash('sha256').update(whole).digest('hex')).toBe(checksum);
    const part = await fetch(new URL(token.downloadUrl, daemon.url), { headers: { range: 'bytes=6000000-6000099' } });
    expect(part.status).toBe(206);
    expect(Buffer.from(await part.arrayBuffer()).equals(whole.subarray(6_000_000, 6_000_100))).toBe(true);

    await rm(join(host.server, 'world'), { recursive: true });
    const restored = await daemon.call(`${BACKUPS}/restore?id=${id}`, { method: 'POST', body: { truncate: true } });
    expect(restored).toMatchObject({ status: 200 });
    expect((await readFile(join(host.server, 'world', 'r.6.mca'))).equals(randomBytes(MEBIBYTE, 6))).toBe(true);

    expect((await daemon.call(`${BACKUPS}/delete?id=${id}`, { method: 'DELETE' })).status).toBeLessThan(300);
    expect(await bucketContent(server.client, host.bucket)).toEqual({ objects: [], uploads: [] });
  });

  test('sends a download to the bucket itself where the config says so', async () => {
    const host = await bucketHost(server.endpoint, { download: 'redirect' });
    const daemon = await runDaemonOn(host);
    const { id, checksum } = await backUp(daemon);
    const token = (await daemon.call(`${BACKUPS}/download-token`, { body: { id } })).body as { downloadUrl: string };
    const answer = await fetch(new URL(token.downloadUrl, daemon.url));
    expect(answer.redirected).toBe(true);
    expect(answer.url).toContain(server.endpoint);
    expect(
      createHash('sha256')
        .update(Buffer.from(await answer.arrayBuffer()))
        .digest('hex'),
    ).toBe(checksum);
  });

  test('reads one file of an archive for a small part of its bytes', async () => {
    const proxy = await S3Proxy.before(server.endpoint);
    const host = await bucketHost(proxy.endpoint);
    await fill(host, 9);
    const daemon = await runDaemonOn(host);
    const { id } = await backUp(daemon);
    const before = proxy.bytesOut;
    const url = `${daemon.url}${BACKUPS}/${id}/files/content?path=world/r.4.mca`;
    const answer = await fetch(url, { headers: { authorization: `Bearer ${TOKEN}` } });
    expect(Buffer.from(await answer.arrayBuffer()).equals(randomBytes(MEBIBYTE, 4))).toBe(true);
    expect(proxy.bytesOut - before).toBeLessThan(4 * MEBIBYTE);
  });

  test('fails a backup whose part is refused, says why, and leaves nothing', async () => {
    const proxy = await S3Proxy.before(server.endpoint);
    const host = await bucketHost(proxy.endpoint);
    await fill(host, 7);
    const daemon = await runDaemonOn(host);
    proxy.fault = ({ operation, part }) =>
      operation === 'part' && part === 2 ? { answer: { status: 403, code: 'AccessDenied', message: 'no' } } : undefined;
    const refused = await daemon.call(BACKUPS, { body: {} });
    expect(refused.body).toMatchObject({ code: 'store_unreachable' });
    expect((await daemon.call(BACKUPS)).body).toMatchObject([{ status: 'FAILED' }]);
    expect(await bucketContent(server.client, host.bucket)).toEqual({ objects: [], uploads: [] });
    proxy.fault = () => undefined;
    await backUp(daemon);
  });

  test('makes a lost catalogue again from the bucket alone, the same as it was', async () => {
    const host = await bucketHost();
    const first = await runDaemonOn(host);
    await backUp(first, { name: 'one', locked: true });
    await backUp(first, { name: 'two', ignore: ['*.log'] });
    const before = (await first.call(BACKUPS)).body;
    await first.daemon.stop();
    const { identity } = await markerOf(host.bucket);
    await rm(join(host.directory, 'state'), { recursive: true });
    await mkdir(join(host.directory, 'state'));
    // The node does not know any more that the bucket is its own: it must be told so.
    const stranger = await runDaemonOn(host);
    expect((await stranger.call(BACKUPS)).body).toEqual([]);
    await stranger.daemon.stop();
    const second = await runDaemonOn({
      ...host,
      config: host.config.replace('"type":"s3"', `"type":"s3","adopt":"${identity}"`),
    });
    expect((await second.call(BACKUPS)).body).toEqual(before);
  });

  test('copies each backup from the disk into the bucket, and keeps it when the bucket is away', async () => {
    const proxy = await S3Proxy.before(server.endpoint);
    const host = await bucketHost(proxy.endpoint);
    const local = `"near":{"type":"local","directory":${JSON.stringify(host.backups)}}`;
    const config = host.config.replace(
      '"default":"bucket","stores":{',
      `"default":"near","copies":["bucket"],"stores":{${local},`,
    );
    const daemon = await runDaemonOn({ ...host, config });
    const first = await backUp(daemon);
    const copied = await eventually(async () => copyOf(daemon, first.id, 'completed'));
    expect(copied).toMatchObject({ store: 'bucket' });
    const objects = ['index', 'json', 'tar.gz'].map((kind) => `node1/${GAME_SERVER}/${first.id}.${kind}`);
    expect((await bucketContent(server.client, host.bucket)).objects).toEqual(objects);

    proxy.fault = ({ operation }) =>
      operation === 'put' ? { answer: { status: 403, code: 'AccessDenied' } } : undefined;
    const second = await backUp(daemon);
    const failed = await eventually(async () => copyOf(daemon, second.id, 'failed'));
    expect(failed).toMatchObject({ store: 'bucket', error: { code: 'store_unreachable' } });
    expect((await daemon.call(`${BACKUPS}/${second.id}`)).body).toMatchObject({ status: 'COMPLETED', store: 'near' });

    expect((await daemon.call(`${BACKUPS}/delete?id=${first.id}`, { method: 'DELETE' })).status).toBeLessThan(300);
    expect(await bucketContent(server.client, host.bucket)).toEqual({ objects: [], uploads: [] });
  });

  async function copyOf(daemon: RunningDaemon, id: string, state: string): Promise<object | undefined> {
    const { copies = [] } = (await daemon.call(`${BACKUPS}/${id}`)).body as { copies?: { state: string }[] };
    return copies.find((copy) => copy.state === state);
  }

  async function markerOf(bucket: string): Promise<{ readonly identity: string }> {
    const { GetObjectCommand } = await import('@aws-sdk/client-s3');
    const answer = await server.client.send(new GetObjectCommand({ Bucket: bucket, Key: 'node1/.roost-store' }));
    const { id } = JSON.parse((await answer.Body?.transformToString()) ?? '{}') as { id: string };
    return { identity: id };
  }
});
