/** What a whole run writes to its log: enough to follow a request to its job, and no secret. */
import { rename, writeFile } from 'node:fs/promises';
import { expect, onTestFinished, test } from 'vitest';
import { openLog } from '../../src/base/log/log.ts';
import { composeDaemon } from '../../src/compose/daemon.ts';
import { parseConfig } from '../../src/config/config.ts';
import { caller, GAME_SERVER, scratchHost, TOKEN } from '../support/daemon.ts';
import { archiveFile } from '../support/stored-archive.ts';

const BACKUPS = `/api/servers/${GAME_SERVER}/backups`;
const SECRETS = {
  panelToken: 'panel-token-that-nobody-may-see',
  accessKey: 'AKIAOFTHEOFFSITESTORE',
  secretKey: 'secret-key-of-the-offsite-store',
  presented: 'a-wrong-token-that-was-presented',
  next: 'the-token-that-comes-with-a-reload',
};

interface Line {
  readonly msg: string;
  readonly level: string;
  readonly requestId?: string;
  readonly job?: string;
  readonly path?: string;
}

/** A daemon that logs everything it could, with secrets everywhere that a config has them. */
async function loggedDaemon() {
  const host = await scratchHost(`
panel: { flavour: pelican, url: "https://panel.invalid", token_id: node, token: ${SECRETS.panelToken} }
`);
  const offsite = `offsite: { type: s3, endpoint: "http://127.0.0.1:9", bucket: games, access_key_id: ${SECRETS.accessKey}, secret_access_key: ${SECRETS.secretKey} }`;
  const text = host.config.replace('stores: {', `stores: { ${offsite},`);
  const lines: string[] = [];
  const log = openLog({ level: 'trace', format: 'json' }, { write: (line) => void lines.push(line) });
  const daemon = await composeDaemon(parseConfig('config.yml', text, {}), { log });
  onTestFinished(() => daemon.stop());
  const { url } = await daemon.start();
  const reload = () => {
    const next = parseConfig(
      'config.yml',
      text.replace(TOKEN, SECRETS.next).replace('level: silent', 'level: trace'),
      {},
    );
    return daemon.reload({ ...next, log: { ...next.log, level: 'trace' } });
  };
  return { host, daemon, url, call: caller(url), reload, lines };
}

test('a full run’s log holds no secret, and leads from each request to its job', async () => {
  const { host, daemon, url, call, reload, lines } = await loggedDaemon();
  const created = await call(BACKUPS, { body: { name: 'x' } });
  const { id } = created.body as { id: string };
  const issued = await call(`${BACKUPS}/download-token`, { body: { id } });
  const { token, downloadUrl } = issued.body as { token: string; downloadUrl: string };
  expect((await fetch(new URL(downloadUrl, url))).status).toBe(200);
  expect((await fetch(`${url}${BACKUPS}/download?token=${token}x`)).status).toBe(401);
  await call(`${BACKUPS}/restore?id=${id}`, { method: 'POST', body: {} });
  await call(`${BACKUPS}/${id}/verify`, { method: 'POST' });
  await call('/api/servers', { headers: { authorization: `Bearer ${SECRETS.presented}` } });
  await call(`/api/servers?token=${SECRETS.presented}`, {});
  await call('/api/system');
  // Failures are where secrets slip out: a store that is gone, an archive that is not what it was.
  await writeFile(archiveFile(host.backups, GAME_SERVER, id), 'short');
  await call(`${BACKUPS}/${id}/verify`, { method: 'POST' });
  await rename(host.backups, `${host.backups}.away`);
  await call(BACKUPS, { body: { name: 'y' } });
  reload();
  await daemon.stop();

  const text = lines.join('');
  for (const secret of [TOKEN, token, ...Object.values(SECRETS)]) expect(text).not.toContain(secret);

  const parsed = lines.map((line) => JSON.parse(line) as Line);
  const requests = parsed.filter(({ msg }) => msg.startsWith('Request') || msg.startsWith('Download'));
  expect(requests.length).toBeGreaterThan(10);
  for (const line of requests) expect(line).toHaveProperty('requestId', expect.stringMatching(/^[0-9a-f-]{36}$/));
  const ends = parsed.filter(({ msg }) => /^A job (?:is done|failed)/.test(msg));
  expect(ends.map(({ msg }) => msg)).toEqual(['A job is done', 'A job is done', 'A job is done', 'A job failed']);
  const led = new Set(requests.flatMap(({ job, requestId }) => (job === undefined ? [] : [`${job} ${requestId}`])));
  for (const { job } of ends) expect(Array.from(led).some((pair) => pair.startsWith(`${job} `))).toBe(true);
});
