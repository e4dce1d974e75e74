import { describe, expect, test } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import { Secret } from '../../../src/config/secret.ts';
import { stellarStackDialect } from '../../../src/protocols/stellar/stellarstack.ts';
import { openNativeApp } from '../../support/native-app.ts';
import { OTHER_SERVER, SERVER, UNKNOWN } from '../../support/scripted-service.ts';

const PANEL = 'node-id.panel-token-of-the-node';
const BACKUP = `/api/servers/${SERVER}/backup`;
const ID = '3c9f3a4e-8f0b-4f7a-9a55-0d5f0f2c9b11';

function openApp() {
  const connection = { url: 'https://panel.test', tokenId: 'node-id', token: new Secret('panel-token-of-the-node') };
  return openNativeApp({ dialects: [stellarStackDialect(connection)] });
}

describe('the list', () => {
  test('carries every field that the panel shows, dates in unix seconds', async () => {
    const { call, service } = openApp();
    const { id } = service.add({ locked: true });
    service.add({ server: OTHER_SERVER });
    expect(await call('GET', BACKUP, { token: PANEL })).toMatchObject({
      status: 200,
      body: {
        backups: [
          {
            uuid: id,
            name: 'Nightly',
            size: 1000,
            checksum: 'ab'.repeat(32),
            checksum_type: 'sha256',
            status: 'COMPLETED',
            is_locked: true,
            storage_path: `/backups/${SERVER}/${id}.tar.gz`,
            ignored_files: ['*.log'],
            created_at: Date.UTC(2024, 0, 15, 11, 55) / 1000,
            completed_at: Date.UTC(2024, 0, 15, 12) / 1000,
            updated_at: Date.UTC(2024, 0, 15, 12) / 1000,
          },
        ],
      },
    });
  });

  test('leaves the end out of a backup that has none', async () => {
    const { call, service } = openApp();
    service.add({ status: 'IN_PROGRESS', completedAt: null });
    const { body } = await call('GET', BACKUP, { token: PANEL });
    expect((body as { backups: object[] }).backups[0]).not.toHaveProperty('completed_at');
  });
});

describe('create', () => {
  test('waits for the end, then answers with the panel’s fields and the object of its documentation', async () => {
    const { call, service } = openApp();
    service.holdJobs = true;
    const begun = service.nextJob();
    let answered = false;
    const answer = call('POST', BACKUP, { token: PANEL, body: { uuid: ID, ignore: ['*.log'] } });
    void answer.then(() => (answered = true));
    const job = await begun;
    expect(answered).toBe(false);
    job.complete();
    expect(await answer).toMatchObject({
      status: 200,
      body: {
        success: true,
        checksum: 'cd'.repeat(32),
        size: 1000,
        id: ID,
        status: 'COMPLETED',
        ignoredFiles: ['*.log'],
      },
    });
    expect(service.lastCall('create')).toEqual([
      { server: SERVER, id: ID, ignore: ['*.log'], locked: false, whenBusy: 'queue' },
    ]);
  });

  test.each([
    ['no JSON', '{"uuid":', 400],
    ['an id that is a path', { uuid: '../../etc' }, 400],
    ['patterns of the other family', { uuid: ID, ignore: '*.log' }, 400],
    ['10 MB', 'x'.repeat(10_000_000), 413],
  ])('refuses %s without asking the service', async (_, body, status) => {
    const { call, service } = openApp();
    expect((await call('POST', BACKUP, { token: PANEL, body })).status).toBe(status);
    expect(service.calls).toEqual([]);
  });

  test('tells a failure by its reason phrase and its sentence', async () => {
    const { call, service } = openApp();
    service.failWith('create', new Failure('insufficient_storage', 'Cannot store the archive: 1 MB free'));
    expect(await call('POST', BACKUP, { token: PANEL, body: {} })).toMatchObject({
      status: 507,
      body: { error: 'Insufficient Storage', message: 'Cannot store the archive: 1 MB free' },
    });
  });
});

describe('restore and delete', () => {
  test('restore keeps other files unless truncate is asked for', async () => {
    const { call, service } = openApp();
    const { id } = service.add();
    expect(await call('POST', `${BACKUP}/restore`, { token: PANEL, body: { uuid: id } })).toMatchObject({
      status: 200,
      body: { success: true, message: 'Backup restored successfully' },
    });
    await call('POST', `${BACKUP}/restore`, { token: PANEL, body: { uuid: id, truncate: true } });
    const restores = service.calls.filter(({ method }) => method === 'restore');
    expect(restores.map(({ args }) => args[0])).toMatchObject([{ truncate: false }, { truncate: true }]);
  });

  test('delete answers success, and 404 for another server’s backup', async () => {
    const { call, service } = openApp();
    const { id } = service.add();
    const foreign = service.add({ server: OTHER_SERVER });
    expect(await call('DELETE', `${BACKUP}/${id}`, { token: PANEL })).toMatchObject({
      status: 200,
      body: { success: true },
    });
    expect((await call('DELETE', `${BACKUP}/${foreign.id}`, { token: PANEL })).status).toBe(404);
    expect((await call('DELETE', `${BACKUP}/${UNKNOWN}`, { token: PANEL })).status).toBe(404);
    expect((await call('DELETE', `${BACKUP}/..%2f..%2fetc`, { token: PANEL })).status).toBe(404);
    expect(service.backupViews.has(foreign.id)).toBe(true);
  });
});

describe('the download', () => {
  test('sends the archive to the panel', async () => {
    const { call, service } = openApp();
    const { id } = service.add();
    const answer = await call('GET', `/download/backup?server=${SERVER}&backup=${id}`, { token: PANEL });
    expect(answer).toMatchObject({ status: 200, text: 'archive' });
    expect(answer.headers.get('content-type')).toBe('application/gzip');
    expect(answer.headers.get('content-disposition')).toBe(`attachment; filename="${id}.tar.gz"`);
  });

  test('a bearer without the node’s id, or with another, is 401 on every route', async () => {
    const { call, service } = openApp();
    const { id } = service.add();
    for (const token of [
      'panel-token-of-the-node',
      '.panel-token-of-the-node',
      'node-id',
      'other.panel-token-of-the-node',
    ]) {
      for (const path of [`/download/backup?server=${SERVER}&backup=${id}`, `/api/servers/${SERVER}/backup`]) {
        expect([token, path, (await call('GET', path, { token })).status]).toEqual([token, path, 401]);
      }
    }
  });

  test('is nobody else’s, and takes no paths', async () => {
    const { call, service } = openApp();
    const { id } = service.add();
    const own = `/download/backup?server=${SERVER}&backup=${id}`;
    expect((await call('GET', own, { token: '' })).status).toBe(401);
    expect((await call('GET', own)).status).toBe(401);
    expect((await call('GET', `/download/backup?server=${OTHER_SERVER}&backup=${id}`, { token: PANEL })).status).toBe(
      404,
    );
    expect((await call('GET', '/download/backup?server=..&backup=../../etc/shadow', { token: PANEL })).status).toBe(
      404,
    );
    expect((await call('GET', '/download/backup', { token: PANEL })).status).toBe(404);
  });
});

describe('credentials', () => {
  test.each(['', 'node-id.wrong', 'other.panel-token-of-the-node', 'node-id.', 'panel-token-of-the-nod'])(
    '"%s" opens nothing',
    async (token) => {
      const { call, service } = openApp();
      expect(await call('GET', BACKUP, { token })).toMatchObject({ status: 401, body: { error: 'Unauthorized' } });
      expect(service.calls).toEqual([]);
    },
  );

  test('the panel’s words on a shared path for the panel, the native ones for a native token', async () => {
    const { call } = openApp();
    expect((await call('GET', '/api/system', { token: PANEL })).body).toMatchObject({ os: 'linux', server_count: 2 });
    expect((await call('GET', '/api/system')).body).toMatchObject({ stores: expect.any(Array) });
  });

  test('the panel’s credential is none in the other dialects', async () => {
    const { call } = openApp();
    expect((await call('GET', `/api/client/servers/${SERVER}/backups`, { token: PANEL })).status).toBe(401);
    expect((await call('GET', `/api/servers/${SERVER}/backups`, { token: PANEL })).status).toBe(401);
  });

  test('without this panel in the config the routes are not there', async () => {
    const { call } = openNativeApp();
    expect((await call('GET', BACKUP, { token: PANEL })).status).toBe(404);
    expect((await call('GET', '/download/backup', { token: PANEL })).status).toBe(404);
  });
});
