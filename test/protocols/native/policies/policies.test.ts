import { describe, expect, test } from 'vitest';
import { newBackupId, newJobId } from '../../../../src/base/ids.ts';
import type { JobView } from '../../../../src/jobs/contract.ts';
import { ADMIN, openNativeApp, tokenWith } from '../../../support/native-app.ts';
import { OTHER_SERVER, SERVER, UNKNOWN } from '../../../support/scripted-service.ts';

const SECRET = 'some-secret-some-secret';
const RUNNING: JobView = {
  id: newJobId(),
  kind: 'backup',
  server: SERVER,
  backup: newBackupId(),
  state: 'running',
  phase: 'writing',
  request: {},
  error: null,
  createdAt: 0,
  startedAt: 0,
  endedAt: null,
  progress: null,
  position: null,
};

test('the plan of retention says of each backup whether it stays, and why', async () => {
  const { call, service } = openNativeApp();
  const [newest, oldest] = [service.add(), service.add()];
  const answer = await call('GET', `/api/servers/${SERVER}/retention`);
  expect(answer).toMatchObject({
    status: 200,
    body: {
      backups: [
        { backup: { id: newest.id }, keep: true, reasons: ['newest_good', 'last'] },
        { backup: { id: oldest.id }, keep: false, reasons: [] },
      ],
    },
  });
  expect((await call('GET', `/api/servers/${UNKNOWN}/retention`)).status).toBe(404);
});

test('a create carries the limits of its token, and none without them', async () => {
  const limits = { perServer: 3, maxSize: 1000, serverBytes: 5000 };
  const { call, service } = openNativeApp({ tokens: [tokenWith('t', SECRET, { limits }), tokenWith('admin', ADMIN)] });
  await call('POST', `/api/servers/${SERVER}/backups`, { token: SECRET, body: {} });
  expect(service.lastCall('create')).toEqual([{ server: SERVER, limits }]);
  await call('POST', `/api/servers/${SERVER}/backups`, { body: {} });
  expect(service.lastCall('create')).toEqual([{ server: SERVER }]);
});

describe('giving up a server', () => {
  const path = `/api/servers/${SERVER}`;

  test('says what became of its backups', async () => {
    const { call, service } = openNativeApp();
    const answer = await call('DELETE', path, { body: { backups: 'delete', graceDays: 7 } });
    expect(answer).toMatchObject({ status: 200, body: { deleted: 0, kept: 2, deleteAt: '2026-01-08T00:00:00.000Z' } });
    expect(service.lastCall('removeServer')).toEqual([SERVER, { backups: 'delete', graceDays: 7 }]);
  });

  test.each([
    {},
    { backups: 'all' },
    { backups: 'delete', gracedays: 7 },
    { backups: 'delete', graceDays: -1 },
    { backups: 'keep', graceDays: 3 },
  ])('refuses %j and deletes nothing', async (body) => {
    const { call, service } = openNativeApp();
    expect(await call('DELETE', path, { body })).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
    expect(service.lastCall('removeServer')).toBeUndefined();
  });

  test('needs node.manage, and the server', async () => {
    const { call } = openNativeApp({
      tokens: [tokenWith('t', SECRET, { permissions: ['backup.delete', 'node.read'], servers: ['*'] })],
    });
    const body = { backups: 'delete' };
    expect(await call('DELETE', path, { token: SECRET, body })).toMatchObject({ status: 403 });
    const held = openNativeApp({ tokens: [tokenWith('t', SECRET, { permissions: ['*'], servers: [OTHER_SERVER] })] });
    expect(await held.call('DELETE', path, { token: SECRET, body })).toMatchObject({ status: 404 });
    expect(held.service.lastCall('removeServer')).toBeUndefined();
  });
});

describe('pacing a job', () => {
  const path = `/api/jobs/${RUNNING.id}`;

  test('passes on what is named, null and 0 included', async () => {
    const { call, service } = openNativeApp();
    service.jobViews = [RUNNING];
    const answer = await call('PATCH', path, { body: { readLimit: null, writeLimit: 0 } });
    expect(answer).toMatchObject({ status: 200, body: { id: RUNNING.id } });
    expect(service.lastCall('setRates')).toEqual([RUNNING.id, { readLimit: null, writeLimit: 0 }]);
  });

  test.each([{}, { writeLimit: -1 }, { writeLimit: '5' }, { limit: 5 }])('refuses %j', async (body) => {
    const { call, service } = openNativeApp();
    service.jobViews = [RUNNING];
    expect(await call('PATCH', path, { body })).toMatchObject({ status: 400 });
  });

  test('of a server that the token does not hold is answered like an unknown one', async () => {
    const tokens = [tokenWith('t', SECRET, { permissions: ['*'], servers: [OTHER_SERVER] })];
    const { call, service } = openNativeApp({ tokens });
    service.jobViews = [RUNNING];
    const answer = await call('PATCH', path, { token: SECRET, body: { writeLimit: 1 } });
    expect(answer).toMatchObject({ status: 404, body: { code: 'job_not_found' } });
    expect(service.lastCall('setRates')).toBeUndefined();
  });
});
