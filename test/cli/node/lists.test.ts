import { afterEach, expect, it } from 'vitest';
import { type FakeDaemon, startFakeDaemon } from '../fake-daemon.ts';
import { type Ran, run } from '../run.ts';

const SERVER = '0f0e9c52-6d3d-4c5b-9f0e-2f6a1b7c8d90';

let daemon: FakeDaemon | undefined;
afterEach(async () => {
  await daemon?.close();
  daemon = undefined;
});

async function roost(body: unknown, argv: readonly string[]): Promise<Ran> {
  daemon = await startFakeDaemon(() => ({ status: 200, body }));
  return run(argv, { env: { ROOST_URL: daemon.url, ROOST_TOKEN: 'secret-token' } });
}

const schedule = {
  server: '*',
  servers: [SERVER, 'other'],
  cron: '0 4 * * *',
  timezone: null,
  next: ['2024-05-02T04:00:00.000Z'],
  last: { at: '2024-05-01T04:00:00.000Z', completed: 1, failed: 1, running: 0, without: 0 },
  missed: { times: 2 },
};

it('schedule list shows the next time, and what became of the last', async () => {
  const ran = await roost({ schedules: [schedule, { ...schedule, next: [], last: null, missed: null }] }, [
    'schedule',
    'list',
  ]);
  expect(daemon?.asked[0]).toMatchObject({ method: 'GET', url: '/api/schedules' });
  const [, first, second] = ran.stdout.split('\n');
  expect(first).toMatch(/^\* +2 +0 4 \* \* \* +host +2024-05-0\d .* 1 completed, 1 failed, 2 missed$/);
  expect(second).toMatch(/^\* +2 +0 4 \* \* \* +host +never$/);
});

it('schedule list prints the daemon’s object with --json', async () => {
  expect((await roost({ schedules: [schedule] }, ['schedule', 'list', '--json'])).json()).toEqual({
    schedules: [schedule],
  });
});

const job = {
  id: 'dddddddd-1111-4111-8111-111111111111',
  kind: 'backup',
  server: SERVER,
  backup: 'aaaaaaaa-1111-4111-8111-111111111111',
  state: 'running',
  createdAt: '2024-05-01T10:00:00.000Z',
  progress: { bytesDone: 999, bytesTotal: 1000 },
  caller: { by: 'token', token: 'panel' },
};

it('jobs shows progress, place in the queue, reason and caller', async () => {
  const error = { code: 'no_space', message: 'The disk is full' };
  const jobs = [job, { ...job, state: 'queued', position: 3, progress: null }, { ...job, state: 'failed', error }];
  const ran = await roost({ jobs }, ['jobs', '--server', SERVER, '--kind', 'backup', '--state', 'failed']);
  expect(daemon?.asked[0]?.url).toBe(`/api/jobs?limit=50&server=${SERVER}&kind=backup&state=failed`);
  const lines = ran.stdout.trimEnd().split('\n').slice(1);
  expect(lines.map((line) => line.replace(/.* {2}panel {2}/, ''))).toEqual(['99 %', 'place 3', 'The disk is full']);
});

it('jobs calls an undo by its name', async () => {
  const restored = { ...job, kind: 'restore', state: 'done' };
  const ran = await roost({ jobs: [{ ...restored, undo: true }, restored] }, ['jobs']);
  expect(ran.stdout.split('\n').slice(1, 3)).toEqual([
    expect.stringMatching(/^\S+ +undo +/),
    expect.stringMatching(/^\S+ +restore +/),
  ]);
});

it.each([[['--limit', '1001']], [['--limit', '0']], [['--kind', 'download']]])(
  'jobs refuses %j without asking',
  async (words) => {
    expect((await roost({ jobs: [] }, ['jobs', ...words])).exitCode).toBe(2);
    expect(daemon?.asked).toEqual([]);
  },
);

it('report shows ages, lateness, verifications, copies and days until full, and exits 3 with problems', async () => {
  const server = {
    server: SERVER,
    name: 'survival',
    ageSeconds: 3 * 86_400,
    next: '2024-05-02T04:00:00.000Z',
    lateSeconds: 7200,
    verifiedAt: '2024-04-20T12:00:00.000Z',
    problems: ['late'],
  };
  const store = {
    name: 'local',
    freeBytes: 2 ** 30,
    growthPerDay: 2 ** 20,
    daysUntilFull: 12,
    copies: null,
    error: null,
  };
  const copies = { completed: 3, pending: 2, failed: 1, lagSeconds: 3600 };
  const body = {
    name: 'node-1',
    at: '2024-05-01T10:00:00.000Z',
    healthy: false,
    servers: [
      server,
      { ...server, ageSeconds: null, lateSeconds: null, next: null, verifiedAt: null, problems: ['never'] },
    ],
    stores: [store, { ...store, name: 'far', growthPerDay: null, daysUntilFull: null, copies }],
  };
  const ran = await roost(body, ['report']);
  expect(ran.exitCode).toBe(3);
  expect(ran.stdout).toContain('there are problems');
  expect(ran.stdout).toMatch(/survival +3 days ago +2 hours +05-0\d \d\d:\d\d +2024-04-20 +late\n/);
  expect(ran.stdout).toMatch(/survival +never +none +never +never\n/);
  expect(ran.stdout).toMatch(/local +1\.0 GiB +\+1\.0 MiB +12 days +ok\n/);
  expect(ran.stdout).toMatch(/far +1\.0 GiB +3 missing, 1 failed, 1 hour behind +ok\n/);
  expect(ran.stdout.split('\n').every((line) => line.length <= 80)).toBe(true);
  await daemon?.close();
  expect(await roost({ ...body, healthy: true }, ['report', '--json'])).toMatchObject({ exitCode: 0 });
});
