import { describe, expect, test } from 'vitest';
import { newBackupId, newJobId } from '../../../../src/base/ids.ts';
import type { JobView } from '../../../../src/jobs/contract.ts';
import { openNativeApp, tokenWith } from '../../../support/native-app.ts';
import { OTHER_SERVER, SERVER, UNKNOWN } from '../../../support/scripted-service.ts';

const SECRET = 'some-secret-some-secret';
const OWNER = [tokenWith('owner', SECRET, { servers: [SERVER], permissions: ['backup.read'] })];
const BACKUPS = `/api/servers/${SERVER}/backups`;
const shown = {
  id: newBackupId(),
  name: 'Nightly',
  status: 'COMPLETED' as const,
  locked: false,
  size: 1000,
  rawSize: 4000,
  files: 3,
  reusedBytes: 900,
  error: null,
  damaged: false,
  suspect: false,
  named: false,
  origin: 'schedule' as const,
  createdAt: 0,
  startedAt: 1000,
  completedAt: 3500,
};

describe('the overview', () => {
  test('is asked for only where it is wanted, and of servers that the token holds', async () => {
    const { call, node } = openNativeApp({ tokens: OWNER });
    node.overviewOf.set(SERVER, {
      newest: shown,
      next: 5000,
      lateSeconds: 7,
      problems: [{ code: 'late', message: 'Old' }],
    });
    expect((await call('GET', '/api/servers', { token: SECRET })).text).not.toContain('overview');
    expect(node.asked).toEqual([]);
    const { body } = await call('GET', '/api/servers?with=overview', { token: SECRET });
    expect(node.asked).toEqual([['overviews', [SERVER]]]);
    const newest = {
      id: shown.id,
      name: 'Nightly',
      status: 'COMPLETED',
      isLocked: false,
      size: 1000,
      rawSize: 4000,
      files: 3,
      reusedBytes: 900,
      createdAt: '1970-01-01T00:00:00.000Z',
      completedAt: '1970-01-01T00:00:03.500Z',
      seconds: 2.5,
      origin: { by: 'schedule' },
      named: false,
    };
    expect(body).toMatchObject([
      {
        id: SERVER,
        overview: {
          newest,
          next: '1970-01-01T00:00:05.000Z',
          lateSeconds: 7,
          problems: [{ code: 'late' }],
          recent: [],
        },
      },
    ]);
    const one = await call('GET', `/api/servers/${SERVER}?with=overview`, { token: SECRET });
    expect(one.body).toMatchObject({ id: SERVER, overview: { newest } });
  });

  test.each(['/api/servers?with=everything', `/api/servers/${SERVER}?with=`, '/api/system?with=overview'])(
    '%s is refused',
    async (path) => {
      const { call } = openNativeApp();
      expect(await call('GET', path)).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
    },
  );
});

test('schedules name only servers that the token holds', async () => {
  const { call, node } = openNativeApp({ tokens: OWNER });
  const view = {
    cron: '0 4 * * *',
    timezone: null,
    ignore: ['*.log'],
    whenMissed: 'skip' as const,
    next: [0],
    last: { at: 0, completed: 1, failed: 0, running: 0, without: 1 },
    missed: { times: 2, since: 0, noticedAt: 1000 },
  };
  node.scheduleViews = [
    { ...view, server: '*', servers: [SERVER, OTHER_SERVER] },
    { ...view, server: OTHER_SERVER, servers: [OTHER_SERVER], last: null, missed: null },
  ];
  const { body, text } = await call('GET', '/api/schedules', { token: SECRET });
  const date = '1970-01-01T00:00:00.000Z';
  const missed = { times: 2, since: date, noticedAt: '1970-01-01T00:00:01.000Z' };
  const last = { ...view.last, at: date };
  expect(body).toEqual({ schedules: [{ ...view, server: '*', servers: [SERVER], next: [date], last, missed }] });
  expect(text).not.toContain(OTHER_SERVER);
});

describe('the history', () => {
  test('is of ninety days, or of as many as are asked for', async () => {
    const { call, node } = openNativeApp();
    const attempt = { backup: newBackupId(), server: SERVER, store: 'local', status: 'FAILED' as const };
    const sizes = { size: 0, rawSize: 0, files: 0, reusedBytes: 0 };
    const times = { createdAt: 0, startedAt: 1000, endedAt: 2000, goneAt: null };
    node.historyView = {
      attempts: [{ ...attempt, ...sizes, ...times, code: 'cancelled', origin: 'token:a:b' }],
      more: true,
    };
    const { body } = await call('GET', `/api/servers/${SERVER}/history`);
    expect(body).toMatchObject({
      attempts: [{ backup: attempt.backup, code: 'cancelled', seconds: 1, origin: { by: 'token', token: 'a:b' } }],
      more: true,
    });
    await call('GET', `/api/servers/${SERVER}/history?days=400`);
    expect(node.asked.map(([, , days]) => days)).toEqual([90, 400]);
  });

  test.each(['0', '401', '-1', '1e2', '4.5', 'x', ''])('of %j days is refused', async (days) => {
    const { call, node } = openNativeApp();
    expect((await call('GET', `/api/servers/${SERVER}/history?days=${days}`)).status).toBe(400);
    expect(node.asked).toEqual([]);
  });
});

test('the usage of stores comes with the system where it is asked for', async () => {
  const { call, node } = openNativeApp();
  const store = { name: 'local', type: 'local', freeBytes: 10, error: null, isDefault: true, totalBytes: 100 };
  const used = { usedBytes: 50, backups: 2, reserveBytes: 5, growthPerDay: 1, fullAt: 1000 };
  node.nodeView = {
    ...node.nodeView,
    stores: [{ ...store, ...used, copies: { completed: 1, pending: 0, failed: 2 } }],
  };
  const { body } = await call('GET', '/api/system?with=usage');
  expect(body).toMatchObject({
    version: '1.2.3',
    usage: { name: 'node-1', stores: [{ default: true, usedBytes: 50, fullAt: '1970-01-01T00:00:01.000Z' }] },
  });
});

describe('a list of backups', () => {
  test('as summaries has neither warnings nor ignored files', async () => {
    const { call, service } = openNativeApp();
    service.add({ startedAt: Date.UTC(2024, 0, 15, 11, 59), named: true, origin: 'token:admin' });
    const { body } = await call('GET', `${BACKUPS}?fields=summary`);
    const [row] = body as [object];
    expect(row).toMatchObject({ warningCount: 1, seconds: 60, named: true, origin: { by: 'token', token: 'admin' } });
    for (const left of ['warnings', 'ignoredFiles', 'copies']) expect(row).not.toHaveProperty(left);
  });

  test('begins before a date', async () => {
    const { call, service } = openNativeApp();
    await call('GET', `${BACKUPS}?before=2024-01-15T12:00:00Z&limit=20`);
    expect(service.lastCall('backupPage')).toEqual([SERVER, 20, { before: Date.UTC(2024, 0, 15, 12) }]);
  });

  test.each(['before=yesterday', 'fields=all', 'before='])('with %s is refused', async (query) => {
    const { call } = openNativeApp();
    expect(await call('GET', `${BACKUPS}?${query}`)).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
  });
});

test.each([{ name: ' ' }, { name: 7 }, {}, { name: 'a', locked: true }, { name: 'a\nb' }, { name: 'x'.repeat(256) }])(
  'a backup is not renamed by %j',
  async (body) => {
    const { call, service } = openNativeApp();
    const { id } = service.add();
    expect((await call('PATCH', `${BACKUPS}/${id}`, { body })).status).toBe(400);
    expect(service.lastCall('rename')).toBeUndefined();
  },
);

test('who asks is handed on', async () => {
  const { call, service } = openNativeApp();
  const { id } = service.add();
  await call('POST', BACKUPS);
  await call('POST', `${BACKUPS}/restore?id=${id}`);
  expect(service.origins).toEqual(['token:admin', 'token:admin']);
});

describe('jobs of an owner', () => {
  const job = (server: string): JobView =>
    ({
      id: newJobId(),
      kind: 'restore',
      server,
      backup: newBackupId(),
      state: 'failed',
      phase: 'failed',
      request: {},
      error: { code: 'internal', message: 'Cannot', facts: {}, retry: false, hint: 'Look at the disk.' },
      origin: 'token:owner',
      result: { files: 3, undoUntil: undefined },
      createdAt: 0,
      startedAt: null,
      endedAt: null,
      progress: null,
      position: null,
    }) as unknown as JobView;

  test('come page by page, over those of others, with who asked and what came of them', async () => {
    const { call, service } = openNativeApp({ tokens: OWNER });
    service.jobViews = [job(OTHER_SERVER), job(SERVER), job(OTHER_SERVER), job(OTHER_SERVER), job(SERVER), job(SERVER)];
    const own = service.jobViews.filter(({ server }) => server === SERVER).map(({ id }) => id);
    const page = async (query: string) =>
      ((await call('GET', `/api/jobs?limit=2${query}`, { token: SECRET })).body as { jobs: { id: string }[] }).jobs;
    const first = await page('');
    expect(first.map(({ id }) => id)).toEqual(own.slice(0, 2));
    expect(first[0]).toMatchObject({
      error: { hint: 'Look at the disk.' },
      caller: { by: 'token', token: 'owner' },
      result: { files: 3 },
    });
    expect((await page(`&before=${own[1]}`)).map(({ id }) => id)).toEqual(own.slice(2));
  });

  test('say which restores are undos', async () => {
    const { call, service } = openNativeApp({ tokens: OWNER });
    service.jobViews = [{ ...job(SERVER), request: { undo: true } } as JobView, job(SERVER)];
    const { jobs } = (await call('GET', '/api/jobs', { token: SECRET })).body as { jobs: Record<string, unknown>[] };
    expect(jobs[0]).toMatchObject({ kind: 'restore', undo: true });
    expect(jobs[1]).not.toHaveProperty('undo');
  });

  test('go on from no job of another server, nor from one that is none', async () => {
    const { call, service } = openNativeApp({ tokens: OWNER });
    service.jobViews = [job(OTHER_SERVER), job(SERVER)];
    const answers = [service.jobViews[0]?.id, UNKNOWN, 'x'].map((before) =>
      call('GET', `/api/jobs?before=${before}`, { token: SECRET }),
    );
    for (const answer of await Promise.all(answers)) {
      expect(answer).toMatchObject({ status: 404, body: { code: 'job_not_found' } });
    }
  });

  test.each(['limit=0', 'limit=1001', 'limit=x', 'state=lost', `before=${'a'.repeat(65)}`])(
    'with %s are refused',
    async (query) => {
      const { call } = openNativeApp({ tokens: OWNER });
      expect((await call('GET', `/api/jobs?${query}`, { token: SECRET })).status).toBe(400);
    },
  );
});

test('the report is for those who may read the node, and names the servers that the token holds', async () => {
  const tokens = [tokenWith('reader', SECRET, { servers: [SERVER], permissions: ['node.read'] }), ...OWNER.slice(1)];
  const { call, node } = openNativeApp({ tokens });
  const row = { name: 'survival', ageSeconds: 60, next: 5000, lateSeconds: 0, verifiedAt: null, problems: [] };
  node.theReport = {
    name: 'node-1',
    at: 1000,
    healthy: true,
    servers: [
      { ...row, server: SERVER, newest: { id: shown.id, createdAt: 0 } },
      { ...row, server: OTHER_SERVER, newest: null },
    ],
    stores: [{ name: 'local', freeBytes: 1, growthPerDay: null, daysUntilFull: null, copies: null, error: null }],
  };
  expect((await call('GET', '/api/report', { token: SECRET })).body).toEqual({
    ...node.theReport,
    at: '1970-01-01T00:00:01.000Z',
    servers: [
      {
        ...row,
        server: SERVER,
        newest: { id: shown.id, createdAt: '1970-01-01T00:00:00.000Z' },
        next: '1970-01-01T00:00:05.000Z',
      },
    ],
  });
  const owner = openNativeApp({ tokens: OWNER });
  expect((await owner.call('GET', '/api/report', { token: SECRET })).status).toBe(403);
});
