import { describe, expect, test } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import { openNativeApp } from '../../support/native-app.ts';
import { OTHER_SERVER, SERVER } from '../../support/scripted-service.ts';

const BACKUPS = `/api/servers/${SERVER}/backups`;
const ID = '3c9f3a4e-8f0b-4f7a-9a55-0d5f0f2c9b11';

describe('list', () => {
  test('is a bare array of backups in the words of the API', async () => {
    const { call, service } = openNativeApp();
    const view = service.add();
    service.add({ server: OTHER_SERVER });
    const answer = await call('GET', BACKUPS);
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual([
      {
        id: view.id,
        name: 'Nightly',
        size: 1000,
        checksum: 'ab'.repeat(32),
        checksumType: 'sha256',
        status: 'COMPLETED',
        isLocked: false,
        storagePath: `/backups/${SERVER}/${view.id}.tar.gz`,
        serverId: SERVER,
        ignoredFiles: ['*.log'],
        completedAt: '2024-01-15T12:00:00.000Z',
        createdAt: '2024-01-15T11:55:00.000Z',
        updatedAt: '2024-01-15T12:00:00.000Z',
        warnings: [{ path: 'world/level.dat', code: 'file_changed', message: 'It changed while it was read' }],
        warningCount: 1,
        files: 3,
        rawSize: 4000,
        reusedBytes: 0,
        store: 'local',
      },
    ]);
  });

  test('comes by pages where a limit is asked for, each with a link to the next', async () => {
    const { call, service } = openNativeApp();
    const views = [1, 2, 3].map(() => service.add());
    const first = await call('GET', `${BACKUPS}?limit=2`);
    expect((first.body as { id: string }[]).map(({ id }) => id)).toEqual(views.slice(0, 2).map(({ id }) => id));
    expect(first.headers.get('link')).toBe(`<${BACKUPS}?limit=2&cursor=2>; rel="next"`);
    const second = await call('GET', `${BACKUPS}?limit=2&cursor=2`);
    expect((second.body as { id: string }[]).map(({ id }) => id)).toEqual([views[2]?.id]);
    expect(second.headers.get('link')).toBeNull();
    expect((await call('GET', `${BACKUPS}?limit=0`)).status).toBe(400);
  });

  test('is made once for all who ask before anything changes', async () => {
    const { call, service } = openNativeApp();
    const view = service.add();
    const lists = () => service.calls.filter(({ method }) => method === 'backups').length;
    await Promise.all([1, 2, 3, 4].map(() => call('GET', BACKUPS)));
    const again = await call('GET', BACKUPS);
    const same = { headers: { 'if-none-match': again.headers.get('etag') ?? '' } };
    expect((await call('GET', BACKUPS, same)).status).toBe(304);
    expect(lists()).toBe(1);
    service.add({ ...view, locked: true, updatedAt: view.updatedAt + 1 });
    expect((await call('GET', BACKUPS)).body).toMatchObject([{ id: view.id, isLocked: true }]);
    expect(lists()).toBe(2);
  });

  test('shows half a surrogate pair as the byte that it stands for', async () => {
    const { call, service } = openNativeApp();
    const view = service.add({ name: 'a\ud83d', ignore: ['caf\udce9/'] });
    for (const path of [BACKUPS, `${BACKUPS}/${view.id}`, `/api/client/servers/${SERVER}/backups`]) {
      const text = JSON.stringify((await call('GET', path)).body);
      expect(text).toContain('caf\\\\xe9/');
      expect(text).not.toMatch(/(?<!\\)\\ud[89a-f]/i);
    }
  });

  test.each([{ name: 'a\ud83d' }, { ignore: ['caf\udce9/'] }])('nobody can put one in: %j', async (body) => {
    const { call } = openNativeApp();
    expect((await call('POST', BACKUPS, { body })).status).toBe(400);
  });

  test('takes the server id in any case', async () => {
    const { call } = openNativeApp();
    expect((await call('GET', BACKUPS.replace(SERVER, SERVER.toUpperCase()))).body).toEqual([]);
  });
});

describe('create', () => {
  test('answers when the backup has ended: 201, the object and its address', async () => {
    const { call, service } = openNativeApp();
    service.holdJobs = true;
    const begun = service.nextJob();
    const body = { name: 'Pre-update backup', ignore: ['*.log', 'cache/*'], locked: true };
    let answered = false;
    const waiting = call('POST', BACKUPS, { body }).finally(() => (answered = true));
    const job = await begun;
    expect(answered).toBe(false);
    job.complete();
    const answer = await waiting;
    expect(answer.status).toBe(201);
    expect(answer.body).toMatchObject({ name: 'Pre-update backup', status: 'COMPLETED', isLocked: true });
    expect(answer.headers.get('location')).toBe(`${BACKUPS}/${job.accepted.backup.id}`);
    expect(service.lastCall('create')).toEqual([{ server: SERVER, ...body }]);
  });

  test.each(['respond-async', 'wait=5, Respond-Async', 'respond-async; x=1'])(
    'answers at once with Prefer: %s',
    async (prefer) => {
      const { call, service } = openNativeApp();
      service.holdJobs = true;
      const answer = await call('POST', BACKUPS, { headers: { prefer } });
      expect(answer.status).toBe(202);
      expect(answer.body).toMatchObject({ status: 'IN_PROGRESS', checksum: null, completedAt: null });
      expect(answer.headers.get('preference-applied')).toBe('respond-async');
      expect(answer.headers.get('location')).toBe(`${BACKUPS}/${(answer.body as { id: string }).id}`);
    },
  );

  test('a job that nobody waits for may fail without consequence', async () => {
    const { call, service } = openNativeApp();
    service.holdJobs = true;
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', note);
    await call('POST', BACKUPS, { headers: { prefer: 'respond-async' } });
    service.running[0]?.fail(new Failure('internal', 'Cannot read'));
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
  });

  test.each([
    ['no body at all', undefined, {}],
    ['an empty body that says it is JSON', '', { 'content-type': 'application/json' }],
    ['white space', ' \n', {}],
    ['an empty object', {}, {}],
  ])('takes %s', async (_, body, headers) => {
    const { call, service } = openNativeApp();
    expect((await call('POST', BACKUPS, { body, headers })).status).toBe(201);
    expect(service.lastCall('create')).toEqual([{ server: SERVER }]);
  });

  test('reads JSON whatever the Content-Type says, as curl -d sends it', async () => {
    const { call, service } = openNativeApp();
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    expect((await call('POST', BACKUPS, { body: { locked: true }, headers })).status).toBe(201);
    expect(service.lastCall('create')).toEqual([{ server: SERVER, locked: true }]);
  });

  test.each(['uuid', 'id'])('takes the caller’s own id as %s', async (field) => {
    const { call } = openNativeApp();
    expect((await call('POST', BACKUPS, { body: { [field]: ID.toUpperCase() } })).body).toMatchObject({ id: ID });
  });

  test('leaves a blank name to the service and trims line ends off patterns', async () => {
    const { call, service } = openNativeApp();
    await call('POST', BACKUPS, { body: { name: '  ', ignore: ['*.log\r', 'a\tb'] } });
    expect(service.lastCall('create')).toEqual([{ server: SERVER, ignore: ['*.log', 'a\tb'] }]);
  });

  test('answers with the job’s own error, not with the object', async () => {
    const { call, service } = openNativeApp();
    service.holdJobs = true;
    const begun = service.nextJob();
    const waiting = call('POST', BACKUPS);
    (await begun).fail(new Failure('insufficient_storage', 'Cannot store the archive: 12 MB free, 340 MB needed'));
    const answer = await waiting;
    expect(answer.status).toBe(507);
    expect(answer.body).toEqual({
      error: 'Cannot store the archive: 12 MB free, 340 MB needed',
      code: 'insufficient_storage',
      requestId: 'request-1',
    });
  });

  test('a misspelt field is refused, so that it does not become a backup of everything', async () => {
    const { call, service } = openNativeApp();
    const answer = await call('POST', BACKUPS, { body: { ingore: ['logs/'] } });
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
    expect(JSON.stringify(answer.body)).toContain('ingore');
    expect(service.lastCall('create')).toBeUndefined();
  });

  test('a request that is sent again with its id is answered with the backup that it made', async () => {
    const { call, service } = openNativeApp();
    const { id } = service.add();
    service.failWithCode('create', 'backup_exists');
    const again = (body: object) => call('POST', BACKUPS, { body: { id, ...body } });
    expect(await again({})).toMatchObject({ status: 200, body: { id, status: 'COMPLETED' } });
    const same = await again({ name: 'Nightly', ignore: ['*.log'] });
    expect([same.status, same.headers.get('location')]).toEqual([200, `${BACKUPS}/${id}`]);
    for (const other of [{ name: 'Other' }, { ignore: ['*.tmp'] }]) {
      expect(await again(other)).toMatchObject({ status: 409, body: { code: 'backup_exists' } });
    }
  });

  test('one that still runs is 202; a failed one, and another server’s, stay refused', async () => {
    const { call, service } = openNativeApp();
    service.failWithCode('create', 'backup_exists');
    const send = async (id: string) => (await call('POST', BACKUPS, { body: { id } })).status;
    expect(await send(service.add({ status: 'IN_PROGRESS' }).id)).toBe(202);
    expect(await send(service.add({ status: 'FAILED' }).id)).toBe(409);
    expect(await send(service.add({ server: OTHER_SERVER }).id)).toBe(409);
  });

  test('starts addresses with the public URL where the operator set one', async () => {
    const { call } = openNativeApp({ api: { publicUrl: 'https://node.example/roost', trustedProxies: [], tls: null } });
    const answer = await call('POST', BACKUPS, { body: { id: ID } });
    expect(answer.headers.get('location')).toBe(`https://node.example/roost${BACKUPS}/${ID}`);
  });
});

describe('restore', () => {
  test('answers when the restore has ended', async () => {
    const { call, service } = openNativeApp();
    const { id } = service.add();
    const answer = await call('POST', `${BACKUPS}/restore?id=${id}`);
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ success: true, message: 'Backup restored successfully' });
    expect(service.lastCall('restore')).toEqual([{ server: SERVER, backup: id, truncate: false }]);
  });

  test('passes truncate and paths on', async () => {
    const { call, service } = openNativeApp();
    const { id } = service.add();
    const body = { truncate: true, paths: ['world/**', 'ops.json'] };
    expect((await call('POST', `${BACKUPS}/restore?id=${id}`, { body })).status).toBe(200);
    expect(service.lastCall('restore')).toEqual([{ server: SERVER, backup: id, ...body }]);
  });

  test('answers 202 at once when the caller does not wait', async () => {
    const { call, service } = openNativeApp();
    service.holdJobs = true;
    const { id } = service.add();
    const answer = await call('POST', `${BACKUPS}/restore?id=${id}`, { headers: { prefer: 'respond-async' } });
    expect(answer.status).toBe(202);
    const jobId: unknown = Object(answer.body)['jobId'];
    expect(answer.body).toEqual({ success: true, message: 'Backup restore started', jobId: expect.any(String) });
    expect(answer.headers.get('location')).toBe(`/api/jobs/${String(jobId)}`);
  });

  test('hands over paths as they are spelt, patterns and force, and answers with what was done', async () => {
    const { call, service } = openNativeApp();
    const { id } = service.add();
    const counts = { files: 3, bytes: 4, removed: 5, skipped: 6, seconds: 0.5 };
    service.restoreOutcome = { warnings: [], warningCount: 0, counts };
    const paths = ['!a', 'b\r', 'c\nd', '{1..2}', ' e '];
    const answer = await call('POST', `${BACKUPS}/restore?id=${id}`, {
      body: { truncate: true, force: true, paths, globs: ['**/*.jar'] },
    });
    expect(answer.body).toEqual({ success: true, message: 'Backup restored successfully', ...counts });
    expect(service.lastCall('restore')).toMatchObject([{ truncate: true, force: true, paths, globs: ['**/*.jar'] }]);
  });

  test.each([
    { paths: ['a\0'] },
    { paths: ['\ud800'] },
    { paths: [''] },
    { globs: ['a\nb'] },
    { globs: [] },
    { force: 1 },
  ])('refuses %j', async (body) => {
    const { call, service } = openNativeApp();
    const { id } = service.add();
    expect((await call('POST', `${BACKUPS}/restore?id=${id}`, { body })).status).toBe(400);
  });

  test('a misspelt field is refused instead of restoring everything', async () => {
    const { call, service } = openNativeApp();
    const { id } = service.add();
    const answer = await call('POST', `${BACKUPS}/restore?id=${id}`, { body: { path: ['world/**'] } });
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ code: 'invalid_request' });
    expect(service.lastCall('restore')).toBeUndefined();
  });

  test('a cancelled job answers its waiting caller with 409 cancelled', async () => {
    const { call, service } = openNativeApp();
    service.holdJobs = true;
    const { id } = service.add();
    const begun = service.nextJob();
    const waiting = call('POST', `${BACKUPS}/restore?id=${id}`);
    (await begun).fail(new Failure('cancelled', 'Cannot restore: it was cancelled'));
    expect(await waiting).toMatchObject({ status: 409, body: { code: 'cancelled' } });
  });
});

describe('restore options and undo', () => {
  test('keepIgnored, dryRun and keepPrevious are passed on in the service’s words', async () => {
    const { call, service } = openNativeApp();
    const { id } = service.add();
    const body = { truncate: true, keepIgnored: true, dryRun: true, keepPrevious: 48 };
    expect((await call('POST', `${BACKUPS}/restore?id=${id}`, { body })).status).toBe(200);
    const { keepPrevious: keepPreviousHours, ...same } = body;
    expect(service.lastCall('restore')).toEqual([{ server: SERVER, backup: id, ...same, keepPreviousHours }]);
  });

  test('a restore tells its warnings, and until when it can be undone', async () => {
    const { call, service } = openNativeApp();
    const { id } = service.add();
    const warnings = [{ path: 'bin/run', code: 'setuid_stripped', message: 'setuid was stripped' }];
    service.restoreOutcome = { warnings, warningCount: 1, undoUntil: '2024-01-17T12:00:00.000Z' };
    const answer = await call('POST', `${BACKUPS}/restore?id=${id}`, { body: { keepPrevious: 48 } });
    expect(answer.body).toEqual({
      success: true,
      message: 'Backup restored successfully',
      warnings,
      warningCount: 1,
      undoUntil: '2024-01-17T12:00:00.000Z',
    });
  });

  test('a dry run tells what would change, and says that nothing was', async () => {
    const { call, service } = openNativeApp();
    const { id } = service.add();
    const dryRun = { added: ['a'], replaced: [], deleted: ['b'], counts: { added: 1, replaced: 0, deleted: 1 } };
    service.restoreOutcome = { warnings: [], warningCount: 0, dryRun };
    const answer = await call('POST', `${BACKUPS}/restore?id=${id}`, { body: { dryRun: true } });
    expect(answer.body).toEqual({ success: true, message: 'Nothing was changed', dryRun });
  });

  test('undo names the backup, and answers when it has ended', async () => {
    const { call, service } = openNativeApp();
    const { id } = service.add();
    const answer = await call('POST', `${BACKUPS}/${id}/undo`);
    expect(answer).toMatchObject({ status: 200, body: { success: true, message: 'Restore undone successfully' } });
    expect(service.lastCall('undo')).toEqual([SERVER, id]);
  });

  test.each([0, -1, 9000, '48'])('keepPrevious of %s hours is refused', async (keepPrevious) => {
    const { call, service } = openNativeApp();
    const { id } = service.add();
    const answer = await call('POST', `${BACKUPS}/restore?id=${id}`, { body: { keepPrevious } });
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
    expect(service.lastCall('restore')).toBeUndefined();
  });
});

describe('delete and lock', () => {
  test.each([
    ['the id in its query', (id: string) => `${BACKUPS}/delete?id=${id}`],
    ['the id in its path', (id: string) => `${BACKUPS}/${id}`],
  ])('delete with %s answers success', async (_, path) => {
    const { call, service } = openNativeApp();
    const { id } = service.add();
    service.add();
    expect(await call('DELETE', path(id))).toMatchObject({ status: 200, body: { success: true } });
    expect(service.backupViews.size).toBe(1);
    expect((await call('DELETE', path(id))).status).toBe(404);
  });

  test.each([true, false])('lock answers with the lock as it is (%s)', async (locked) => {
    const { call, service } = openNativeApp();
    const { id } = service.add({ locked: !locked });
    const answer = await call('PATCH', `${BACKUPS}/lock?id=${id}`, { body: { locked } });
    expect(answer).toMatchObject({ status: 200, body: { success: true, locked } });
  });
});

describe('one backup', () => {
  test('its details carry what went wrong and when it was checked', async () => {
    const { call, service } = openNativeApp();
    const error = { code: 'interrupted' as const, message: 'Cannot go on: it stopped', facts: { at: 1 }, retry: true };
    const { id } = service.add({ status: 'FAILED', sha256: null, error, verifiedAt: 0, damagedAt: 1000 });
    const answer = await call('GET', `${BACKUPS}/${id}`);
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      status: 'FAILED',
      checksum: null,
      error: { code: 'interrupted', message: 'Cannot go on: it stopped' },
      verifiedAt: '1970-01-01T00:00:00.000Z',
      damagedAt: '1970-01-01T00:00:01.000Z',
    });
    expect(answer.text).not.toContain('facts');
  });

  test('cancel answers 202', async () => {
    const { call, service } = openNativeApp();
    const { id } = service.add();
    expect(await call('POST', `${BACKUPS}/${id}/cancel`)).toMatchObject({ status: 202, body: { success: true } });
    expect(service.lastCall('cancel')).toEqual([SERVER, id]);
  });

  test('verify waits for the end, or answers 202', async () => {
    const { call, service } = openNativeApp();
    const { id } = service.add();
    const waited = await call('POST', `${BACKUPS}/${id}/verify`);
    expect(waited).toMatchObject({ status: 200, body: { id, verifiedAt: '2024-02-01T00:00:00.000Z' } });
    expect((waited.body as { readonly index?: unknown }).index).toBeUndefined();
    service.verifyResult = { index: 'missing', indexTakenFrom: 'offsite' };
    const found = await call('POST', `${BACKUPS}/${id}/verify`);
    expect(found.body).toMatchObject({ id, index: { found: 'missing', takenFrom: 'offsite' } });
    const headers = { prefer: 'respond-async' };
    expect(await call('POST', `${BACKUPS}/${id}/verify`, { headers })).toMatchObject({ status: 202, body: { id } });
  });

  test('verify answers 422 for a damaged archive', async () => {
    const { call, service } = openNativeApp();
    const { id } = service.add();
    service.holdJobs = true;
    const begun = service.nextJob();
    const waiting = call('POST', `${BACKUPS}/${id}/verify`);
    (await begun).fail(new Failure('archive_damaged', 'Cannot verify: byte 5 differs'));
    expect(await waiting).toMatchObject({ status: 422, body: { code: 'archive_damaged' } });
  });
});

test('estimate tells what a backup would hold', async () => {
  const { call, service } = openNativeApp();
  const answer = await call('POST', `${BACKUPS}/estimate`, { body: { ignore: ['cache/'] } });
  expect(answer.status).toBe(200);
  expect(answer.body).toEqual({
    files: 3,
    directories: 2,
    bytes: 4000,
    ignoredFiles: 1,
    ignoredBytes: 70,
    largestIgnored: [{ path: 'cache', bytes: 70 }],
  });
  expect(service.lastCall('estimate')).toEqual([SERVER, ['cache/']]);
  await call('POST', `${BACKUPS}/estimate`);
  expect(service.lastCall('estimate')).toEqual([SERVER, undefined]);
});
