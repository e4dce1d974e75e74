/** A server that is far larger than the host's free disk goes into a bucket and comes back. */
import { createHash, randomFillSync } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { caller, GAME_SERVER, TOKEN } from '../support/daemon.ts';
import { mountTmpfs } from '../support/mounted.ts';
import { S3Proxy } from '../support/s3-proxy.ts';
import { ACCESS_KEY, SECRET_KEY, startS3Server } from '../support/s3-server.ts';
import { bucketContent, newBucket } from '../support/s3-store.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { BUILT, RoostProcess } from './roost-process.ts';

const BACKUPS = `/api/servers/${GAME_SERVER}/backups`;
const MEBIBYTE = 1024 ** 2;
const FILES = 16;
const FILE_SIZE = 64 * MEBIBYTE;
/** 300 MB, in MiB. */
const MOST_MEMORY = 286;

const started = await startS3Server();

describe.skipIf('missing' in started)(
  'missing' in started ? started.missing : 'a server of 1 GiB over a bucket',
  () => {
    if ('missing' in started) return;
    const { server } = started;
    afterAll(() => server.stop());

    test('needs neither its disk nor as much memory, and one file of it costs less than 4 MiB', async (context) => {
      const directory = await scratchDirectory();
      const state = join(directory, 'state');
      await mkdir(state);
      mountTmpfs(context, state, 'size=100m');
      const game = join(directory, 'servers', GAME_SERVER);
      const sums = await fill(game);
      const proxy = await S3Proxy.before(server.endpoint);
      const bucket = await newBucket(server.client);
      const daemon = await start(directory, state, proxy.endpoint, bucket);
      const { call, url } = daemon;

      const created = await call(BACKUPS, { body: {} });
      expect(created).toMatchObject({ status: 201 });
      const { id } = created.body as { id: string };
      expect((await bucketContent(server.client, bucket)).uploads).toEqual([]);
      const backupPeak = await peakOf(daemon.pid);

      const before = proxy.bytesOut;
      const path = encodeURIComponent('world/note-7.txt');
      const answer = await fetch(`${url}${BACKUPS}/${id}/files/content?path=${path}`, {
        headers: { authorization: `Bearer ${TOKEN}` },
      });
      expect(await answer.text()).toBe('note 7\n');
      expect(proxy.bytesOut - before).toBeLessThan(4 * MEBIBYTE);

      await rm(join(game, 'world'), { recursive: true });
      const restored = await call(`${BACKUPS}/restore?id=${id}`, { method: 'POST', body: { truncate: true } });
      expect(restored).toMatchObject({ status: 200 });
      for (const [name, sum] of sums) expect(await sha256(join(game, 'world', name))).toBe(sum);

      const restorePeak = await peakOf(daemon.pid);
      expect(Math.max(backupPeak, restorePeak)).toBeLessThan(MOST_MEMORY);
    });
  },
);

async function fill(game: string): Promise<ReadonlyMap<string, string>> {
  const sums = new Map<string, string>();
  await mkdir(join(game, 'world'), { recursive: true });
  const bytes = Buffer.alloc(FILE_SIZE);
  for (let index = 0; index < FILES; index++) {
    // Nothing shrinks: the archive is as large as the server.
    randomFillSync(bytes);
    const name = `r.${index}.mca`;
    await using file = await open(join(game, 'world', name), 'w');
    await file.writeFile(bytes);
    sums.set(name, createHash('sha256').update(bytes).digest('hex'));
    await writeFile(join(game, 'world', `note-${index}.txt`), `note ${index}\n`);
  }
  return sums;
}

async function start(directory: string, state: string, endpoint: string, bucket: string) {
  const store = { type: 's3', endpoint, bucket, access_key_id: ACCESS_KEY, secret_access_key: SECRET_KEY };
  const config = {
    api: { host: '127.0.0.1', port: 0 },
    state_directory: state,
    servers: { root: join(directory, 'servers') },
    tokens: [{ id: 'test', secret: TOKEN, permissions: ['*'], servers: ['*'] }],
    storage: { default: 'bucket', stores: { bucket: store } },
    limits: { per_server: 0, max_size: 0, reserve_free: 0 },
    backups: { workers: 2 },
    log: { level: 'info', format: 'json' },
  };
  const file = join(directory, 'config.yml');
  await writeFile(file, JSON.stringify(config), { mode: 0o600 });
  const daemon = new RoostProcess(['serve', '--config', file], {
    cwd: directory,
    main: BUILT,
    // As in systemd/roost.service.
    env: { MALLOC_ARENA_MAX: '1', NODE_OPTIONS: '--max-semi-space-size=1' },
  });
  onTestFinished(async () => void (await daemon.stop()));
  const [, url = ''] = await daemon.printed(/"url":"([^"]+)"/);
  return { call: caller(url), url, pid: daemon.pid };
}

/** MiB that the process had resident at most, up to now. */
async function peakOf(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
