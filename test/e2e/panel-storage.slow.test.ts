/**
 * A panel that keeps backups in its own object storage, a whole daemon, a real S3 server and a bad network in between:
 * there and back again.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { openLog } from '../../src/base/log/log.ts';
import { composeDaemon } from '../../src/compose/daemon.ts';
import { parseConfig } from '../../src/config/config.ts';
import { caller, GAME_SERVER, scratchHost } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { keyOf } from '../support/panel/call.ts';
import { openPanel, type PanelFlavour } from '../support/panel/panel.ts';
import { s3Uploads } from '../support/panel/uploads.ts';
import { randomBytes } from '../support/random-bytes.ts';
import { S3Proxy } from '../support/s3-proxy.ts';
import { startS3Server } from '../support/s3-server.ts';
import { newBucket } from '../support/s3-store.ts';

const MEBIBYTE = 1024 ** 2;
/** The least that S3 allows. */
const PART = 5 * MEBIBYTE;
const REGION = randomBytes(6 * MEBIBYTE, 5);

const started = await startS3Server();

describe.skipIf('missing' in started)('missing' in started ? started.missing : 'backups that the panel keeps', () => {
  if ('missing' in started) return;
  const { server: s3 } = started;
  afterAll(() => s3.stop());

  async function scene(flavour: PanelFlavour, allowlist: string) {
    const proxy = await S3Proxy.before(s3.endpoint);
    const bucket = await newBucket(s3.client);
    const uploads = s3Uploads({ ...s3, endpoint: proxy.endpoint }, bucket, systemClock);
    const panel = await openPanel({ flavour, uploads, partSize: PART, commitAfter: 300 });
    const server = panel.addServer(GAME_SERVER);
    const { tokenId, token } = panel.node;
    const host = await scratchHost(
      `panel: { flavour: ${flavour}, url: "${panel.url}", token_id: "${tokenId}", token: "${token}", restore_host_allowlist: ${allowlist} }`,
    );
    await writeFile(join(host.server, 'world', 'r.0.0.mca'), REGION);
    let logged = '';
    const log = openLog({ level: 'debug', format: 'json' }, { write: (line) => void (logged += line) });
    const daemon = await composeDaemon(parseConfig('config.yml', host.config, {}), { log });
    onTestFinished(() => daemon.stop());
    const { url } = await daemon.start();
    panel.daemon.url = url;
    const fetched = async (key: string): Promise<Buffer> => {
      const { Body } = await s3.client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      return Buffer.from((await Body?.transformToByteArray()) ?? []);
    };
    return { proxy, panel, server, host, daemon, call: caller(url), fetched, log: () => logged };
  }

  // Those two: Pelican's wire is Pterodactyl's here.
  const FLAVOURS: readonly PanelFlavour[] = ['pterodactyl', 'calagopus'];

  it.each(FLAVOURS)('go there part by part and come back as the files that they were: %s', async (flavour) => {
    const { proxy, panel, server, host, call, fetched, log } = await scene(flavour, '["127.0.0.1"]');
    proxy.fault = ({ operation, part, earlier }) => {
      if (operation !== 'part' || part !== 2 || earlier > 2) return undefined;
      return earlier === 0 ? { cutRequestAfter: 500_000 } : { answer: { status: 503, code: 'SlowDown' } };
    };
    const backup = await panel.daemon.create(server, { disk: 's3' });
    await panel.untilCalls(1, 'POST', /\/backups\/[^/]+$/);
    await eventually(() => backup.completedAt !== null);
    const object = await fetched(keyOf(backup));
    const sha256 = createHash('sha256').update(object).digest('hex');
    expect(backup).toMatchObject({ successful: true, checksum: `sha256:${sha256}`, bytes: object.byteLength });
    const kept = async () => JSON.stringify((await call(`/api/servers/${GAME_SERVER}/backups`)).body) !== '[]';
    if (flavour === 'calagopus') {
      // Swift takes parts of a completed upload, so nothing proves that it is completed: the archive stays.
      await eventually(async () => JSON.stringify((await call('/api/panel/reports')).body).includes('"parked"'));
      expect([await kept(), backup.successful]).toEqual([true, true]);
    } else {
      expect(panel.effective(/\/backups\/[^/]+$/)).toBe(1);
      await eventually(async () => !(await kept()));
    }

    await rm(join(host.server, 'world'), { recursive: true });
    await writeFile(join(host.server, 'new.txt'), 'made since');
    proxy.fault = ({ operation, earlier }) =>
      operation === 'get' && earlier === 0 ? { cutAnswerAfter: 3 * MEBIBYTE } : undefined;
    await panel.daemon.restore(backup, { truncate: true });
    await panel.untilCalls(1, 'POST', /\/restore$/);
    await eventually(() => server.status === null);
    expect((await readFile(join(host.server, 'world', 'r.0.0.mca'))).equals(REGION)).toBe(true);
    expect(existsSync(join(host.server, 'new.txt'))).toBe(false);
    // An archive that stayed is restored from here.
    expect(proxy.count('get')).toBe(flavour === 'calagopus' ? 0 : 2);
    const spool = join(host.directory, 'state', 'spool');
    expect(existsSync(spool) ? readdirSync(spool) : []).toEqual([]);
    for (const secret of ['X-Amz-Signature=', panel.node.token]) expect(log()).not.toContain(secret);
    expect(JSON.stringify((await call('/api/jobs')).body)).not.toContain('X-Amz');
  });

  it('come back from nowhere that the operator has not allowed, and the panel reads why', async () => {
    const { panel, server, host, proxy } = await scene('pelican', '[]');
    const backup = panel.rows.addBackup({ uuid: crypto.randomUUID(), server, disk: 's3', successful: true });
    panel.commit();
    await expect(panel.daemon.restore(backup, { truncate: true })).rejects.toThrow(
      'The provided backup link resolves to a blocked address.',
    );
    expect(server.status).toBeNull();
    expect(proxy.seen).toEqual([]);
    expect((await readFile(join(host.server, 'world', 'r.0.0.mca'))).equals(REGION)).toBe(true);
  });

  it('leave a server as it is when they are not there any more, and the panel is told', async () => {
    const { panel, server, host } = await scene('pterodactyl', '["127.0.0.1"]');
    const backup = panel.rows.addBackup({ uuid: crypto.randomUUID(), server, disk: 's3', successful: true });
    await panel.daemon.restore(backup, { truncate: true });
    await panel.untilCalls(1, 'POST', /\/restore$/);
    expect(panel.callsTo('POST', /\/restore$/)[0]?.body).toMatchObject({ successful: false });
    expect((await readFile(join(host.server, 'world', 'r.0.0.mca'))).equals(REGION)).toBe(true);
  });
});
