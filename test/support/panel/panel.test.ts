import fs from 'node:fs';
import { describe, expect, test } from 'vitest';
import { StillClock } from '../still-clock.ts';
import { openPanel, type PanelFlavour, type PanelOptions } from './panel.ts';
import { memoryUploads } from './uploads.ts';

const SERVER = '11111111-1111-4111-8111-111111111111';
const BACKUP = '22222222-2222-4222-8222-222222222222';
const FLAVOURS: readonly PanelFlavour[] = ['pterodactyl', 'pelican', 'calagopus'];
const REPORT = {
  successful: true,
  checksum: 'ab',
  checksum_type: 'sha256',
  size: 10,
  files: 1,
  browsable: true,
  streaming: true,
  parts: [],
};

async function open(options: PanelOptions) {
  const panel = await openPanel({ commitAfter: 0, ...options });
  const server = panel.addServer(SERVER);
  const call = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const { tokenId, token } = panel.node;
    const response = await fetch(`${panel.url}/api/remote${path}`, {
      method,
      headers: { authorization: `Bearer ${tokenId}.${token}`, 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, text: await response.text() };
  };
  return { panel, server, call };
}

describe('the panel that tests run against', () => {
  test.each(FLAVOURS)('%s: a report before the commit is of an unknown backup, then it is taken', async (flavour) => {
    const clock = new StillClock();
    const { panel, server, call } = await open({ flavour, clock, commitAfter: 1000 });
    const transaction = panel.rows.begin();
    transaction.write(() => panel.rows.addBackup({ uuid: BACKUP, server }));
    expect((await call('POST', `/backups/${BACKUP}`, REPORT)).status).toBe(404);
    clock.advance(1000);
    expect((await call('POST', `/backups/${BACKUP}`, REPORT)).status).toBe(flavour === 'calagopus' ? 200 : 204);
    expect(panel.rows.backups.get(BACKUP)).toMatchObject({ successful: true, checksum: 'sha256:ab', bytes: 10 });
    expect(panel.effective(/backups/)).toBe(1);
  });

  test('a backup that is done takes no second report, but in Calagopus', async () => {
    const answers = await Promise.all(
      FLAVOURS.map(async (flavour) => {
        const { panel, server, call } = await open({ flavour });
        panel.rows.addBackup({ uuid: BACKUP, server, successful: true });
        return (await call('POST', `/backups/${BACKUP}`, REPORT)).status;
      }),
    );
    expect(answers).toEqual([400, 400, 200]);
  });

  test('a success without a checksum, and parts without an ETag, are refused', async () => {
    const { panel, server, call } = await open({ flavour: 'pterodactyl' });
    panel.rows.addBackup({ uuid: BACKUP, server });
    expect((await call('POST', `/backups/${BACKUP}`, { ...REPORT, checksum: '' })).status).toBe(422);
    const parts = [{ part_number: 1 }];
    const { status, text } = await call('POST', `/backups/${BACKUP}`, { ...REPORT, parts });
    expect([status, JSON.parse(text)]).toMatchObject([422, { errors: [{ code: 'ValidationException' }] }]);
    const failed = { successful: false, checksum: '', checksum_type: '', size: 0, parts: null };
    expect((await call('POST', `/backups/${BACKUP}`, failed)).status).toBe(204);
  });

  test('Calagopus knows no default: parts that are null are refused', async () => {
    const { panel, server, call } = await open({ flavour: 'calagopus' });
    panel.rows.addBackup({ uuid: BACKUP, server });
    expect((await call('POST', `/backups/${BACKUP}`, { ...REPORT, parts: null })).status).toBe(422);
  });

  test.each([
    ['pterodactyl', [401, 400, 403, 403]],
    ['pelican', [401, 400, 404, 403]],
    ['calagopus', [401, 401, 401, 401]],
  ] as const)('%s: credentials that are missing, malformed, unknown and wrong', async (flavour, expected) => {
    const { panel, call } = await open({ flavour });
    const { tokenId, token } = panel.node;
    const presented = ['', 'Bearer one-part', `Bearer nobody.${token}`, `Bearer ${tokenId}.wrong`];
    const answers = await Promise.all(
      presented.map((authorization) => call('GET', '/servers', undefined, { authorization })),
    );
    const [, ...others] = answers.map(({ status }) => status);
    const none = await fetch(`${panel.url}/api/remote/servers`);
    expect([none.status, ...others]).toEqual(expected);
  });

  test('servers come in pages, and page 0 is the first', async () => {
    const { panel, call } = await open({ flavour: 'pterodactyl' });
    for (let number = 0; number < 4; number++) panel.addServer(`33333333-3333-4333-8333-33333333333${number}`);
    const page = async (number: number) =>
      JSON.parse((await call('GET', `/servers?page=${number}&per_page=2`)).text) as {
        data: { uuid: string }[];
        meta: object;
      };
    expect((await page(0)).data[0]?.uuid).toBe(SERVER);
    expect((await page(3)).data).toHaveLength(1);
    expect((await page(3)).meta).toMatchObject({ current_page: 3, last_page: 3, total: 5, from: 5, to: 5 });
    expect((await call('GET', '/servers?per_page=x')).status).toBe(422);
  });

  test('each question for part URLs begins another upload, and only the parts of the last one count', async () => {
    const uploads = await memoryUploads();
    const { panel, server, call } = await open({ flavour: 'pelican', uploads, partSize: 4 });
    panel.rows.addBackup({ uuid: BACKUP, server, disk: 's3' });
    const ask = async () => JSON.parse((await call('GET', `/backups/${BACKUP}?size=10`)).text) as { parts: string[] };
    const first = await ask();
    const { parts } = await ask();
    expect(parts).toHaveLength(3);
    const etags = await Promise.all(
      parts.map(async (url, index) => {
        const response = await fetch(url, { method: 'PUT', body: `part${index}` });
        return { etag: response.headers.get('etag'), part_number: index + 1 };
      }),
    );
    const stale = await fetch(first.parts[0] ?? '', { method: 'PUT', body: 'part9' });
    const wrong = [{ etag: stale.headers.get('etag'), part_number: 1 }];
    expect((await call('POST', `/backups/${BACKUP}`, { ...REPORT, parts: wrong })).status).toBe(500);
    const again = await ask();
    expect(again.parts[0]).not.toBe(parts[0]);
    expect((await call('POST', `/backups/${BACKUP}`, { ...REPORT, parts: etags })).status).toBe(500);
  });

  test('it can be away in every way, and comes back at the same address', async () => {
    const { panel, call } = await open({ flavour: 'pterodactyl' });
    // No outgoing connection can take it meanwhile.
    const range = fs.readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8');
    expect(Number(new URL(panel.url).port)).toBeLessThan(Number(range.split('\t')[0]));
    await panel.setOutage('refuse');
    await expect(call('GET', '/servers')).rejects.toThrow('fetch failed');
    await panel.setOutage('reset');
    await expect(call('GET', '/servers')).rejects.toThrow('fetch failed');
    await panel.setOutage('gateway');
    expect((await call('GET', '/servers')).text).toContain('<html>');
    await panel.setOutage(500);
    expect((await call('GET', '/servers')).status).toBe(500);
    await panel.setOutage(undefined);
    expect((await call('GET', '/servers')).status).toBe(200);
    expect(panel.calls.map(({ status }) => status)).toEqual([0, 502, 500, 200]);
  });
});
