import { describe, expect, test } from 'vitest';
import { openNativeApp, tokenWith } from '../../../support/native-app.ts';
import { SERVER, UNKNOWN } from '../../../support/scripted-service.ts';

const BACKUPS = `/api/servers/${SERVER}/backups`;
const PREVIEW = '5d9a0f6e-0f0b-4c55-9f0d-0c5f8a2f7d11';

describe('a preview', () => {
  test.each([
    { dryRun: true },
    { preview: PREVIEW },
    { backupFirst: true },
    { keepPrevious: 1 },
    { path: ['a'] },
    { files: [] },
    { files: [''] },
    { files: Array.from({ length: 10_001 }, () => 'a') },
    { truncate: 'yes' },
  ])('is refused for %j', async (body) => {
    const { call, service, comparisons } = openNativeApp();
    const { id } = service.add();
    expect((await call('POST', `${BACKUPS}/${id}/preview`, { body })).status).toBe(400);
    expect(comparisons.asked).toEqual([]);
  });

  test('of ten thousand exact paths is asked for as it is', async () => {
    const { call, service, comparisons } = openNativeApp();
    const { id } = service.add();
    const files = Array.from({ length: 10_000 }, (_, at) => `world/[${at}]`);
    expect((await call('POST', `${BACKUPS}/${id}/preview`, { body: { files, truncate: true } })).status).toBe(200);
    expect(comparisons.asked).toMatchObject([['preview', { server: SERVER, backup: id, files, truncate: true }]]);
  });

  test('takes no body of ten megabytes', async () => {
    const { call, service } = openNativeApp();
    const { id } = service.add();
    const body = JSON.stringify({ files: ['x'.repeat(10_000_000)] });
    expect((await call('POST', `${BACKUPS}/${id}/preview`, { body })).status).toBe(413);
  });
});

describe('a restore by its preview', () => {
  test('hands the id on, with what it may say besides', async () => {
    const { call, service, comparisons } = openNativeApp();
    const { id } = service.add();
    const body = { preview: PREVIEW, backupFirst: true, force: true, keepPrevious: 24 };
    expect((await call('POST', `${BACKUPS}/restore?id=${id}`, { body })).status).toBe(200);
    expect(comparisons.asked).toEqual([['restore', PREVIEW, true]]);
    expect(service.lastCall('restore')).toMatchObject([{ backup: id, force: true, keepPreviousHours: 24 }]);
  });

  test.each([
    { preview: 'x' },
    { preview: PREVIEW, paths: ['a'] },
    { preview: PREVIEW, truncate: false },
    { preview: PREVIEW, dryRun: true },
  ])('is refused for %j', async (body) => {
    const { call, service } = openNativeApp();
    const { id } = service.add();
    expect((await call('POST', `${BACKUPS}/restore?id=${id}`, { body })).status).toBe(400);
    expect(service.lastCall('restore')).toBeUndefined();
  });
});

test.each([
  'compare',
  'compare?with=',
  `compare?with=${'a'.repeat(65)}`,
  'find',
  'find?q=',
  'find?q=a%2Fb',
  `find?q=${'a'.repeat(256)}`,
  'find?q=a&limit=1001',
  'find?q=a&limit=0',
])('…/%s is refused', async (path) => {
  const { call, service, comparisons } = openNativeApp();
  const { id } = service.add();
  expect((await call('GET', `${BACKUPS}/${id}/${path}`)).status).toBe(400);
  expect(comparisons.asked).toEqual([]);
});

test('pages of a comparison are for those who may restore or download, of their own servers', async () => {
  const secret = 'some-secret-some-secret';
  const permitted = async (permission: 'backup.read' | 'backup.restore' | 'backup.download') => {
    const { call } = openNativeApp({
      tokens: [tokenWith('t', secret, { servers: [SERVER], permissions: [permission] })],
    });
    const page = (server: string) => call('GET', `/api/servers/${server}/comparisons/kept`, { token: secret });
    return [(await page(SERVER)).status, (await page(UNKNOWN)).status];
  };
  expect(await permitted('backup.restore')).toEqual([200, 404]);
  expect(await permitted('backup.download')).toEqual([200, 404]);
  expect(await permitted('backup.read')).toEqual([403, 403]);
});

test('a listing shows what is asked for besides', async () => {
  const { call, service, comparisons } = openNativeApp();
  const { id } = service.add();
  const { body } = await call('GET', `${BACKUPS}/${id}/files?with=totals,live`);
  expect(body).toMatchObject({ entries: [{ name: 'region', files: 2, bytes: 7, live: 'same' }, { name: 'now' }] });
  expect(comparisons.asked).toEqual([['level', { totals: true, live: true }]]);
  expect((await call('GET', `${BACKUPS}/${id}/files?with=live,totals`)).status).toBe(400);
});
