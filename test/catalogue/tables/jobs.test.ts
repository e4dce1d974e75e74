import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import { thrownBy } from '../../support/rejection.ts';
import { backupId, jobId, newJob, serverId } from '../../support/catalogue-rows.ts';
import { scratchCatalogue } from '../../support/scratch-catalogue.ts';

const FAULT = new Failure('cancelled', 'It was cancelled', { hint: 'Start it again.' }).toJSON();

function insertRaw(path: string, kind: string, request: string): void {
  const database = new DatabaseSync(path);
  database
    .prepare(
      `INSERT INTO jobs (id, kind, server, backup, state, phase, request, created_at)
        VALUES (?, ?, ?, ?, 'queued', 'queued', ?, 1)`,
    )
    .run(jobId(1), kind, serverId(1), backupId(1), request);
  database.close();
}

describe('a job', () => {
  test('is queued, runs through its phases, and ends', async () => {
    const { catalogue, clock } = await scratchCatalogue();
    const request = { truncate: true, paths: ['world/**'] };
    const queued = catalogue.jobs.insert(newJob(1, { kind: 'restore', request }));
    expect(queued).toMatchObject({
      state: 'queued',
      phase: 'queued',
      request,
      createdAt: clock.now(),
      startedAt: null,
    });
    clock.advance(10);
    expect(catalogue.jobs.start(queued.id, 'fetch')).toMatchObject({
      state: 'running',
      phase: 'fetch',
      startedAt: clock.now(),
    });
    expect(catalogue.jobs.setPhase(queued.id, 'check').phase).toBe('check');
    clock.advance(10);
    const done = catalogue.jobs.finish(queued.id, 'done');
    expect(done).toMatchObject({ state: 'done', phase: 'done', error: null, endedAt: clock.now() });
    expect(catalogue.jobs.get(queued.id)).toEqual(done);
  });

  test.each([
    // Texts that version 0.1.0 wrote.
    ['backup', '{}', {}],
    [
      'backup',
      '{"limits":{"perServer":3,"maxSize":0,"serverBytes":1048576},"report":true,"upload":"panel"}',
      { limits: { perServer: 3, maxSize: 0, serverBytes: 1_048_576 }, report: true, upload: 'panel' },
    ],
    ['backup', '{"report":true,"runAgain":true}', { report: true, runAgain: true }],
    ['backup', '{"limits":{"maxSize":5,"serverBytes":null}}', { limits: { perServer: 0, maxSize: 5, serverBytes: 0 } }],
    [
      'restore',
      '{"truncate":true,"paths":["world/**"],"keepIgnored":true,"dryRun":true}',
      { truncate: true, paths: ['world/**'], keepIgnored: true, dryRun: true },
    ],
    ['restore', '{"truncate":false,"keepPreviousHours":1.5}', { truncate: false, keepPreviousHours: 1.5 }],
    ['restore', '{"undo":true}', { undo: true }],
    ['restore', '{"truncate":true,"report":true,"download":true}', { truncate: true, report: true, download: true }],
    ['restore', '{"truncate":false,"report":true,"claim":true}', { truncate: false, report: true, claim: true }],
    ['verify', '{}', {}],
    ['delete', '{}', {}],
  ])('of an earlier version is read as it was asked for: %s %s', async (kind, stored, request) => {
    const { catalogue, path } = await scratchCatalogue();
    insertRaw(path, kind, stored);
    expect(catalogue.jobs.get(jobId(1))).toMatchObject({ kind, request });
    expect(catalogue.jobs.get(jobId(1)).request).toEqual(request);
  });

  test.each([
    ['restore', '{"dryRun":"yes"}'],
    ['restore', '{"paths":"world"}'],
    ['backup', '{"upload":"elsewhere"}'],
    ['backup', '[]'],
    ['restart', '{}'],
  ])('whose row no version wrote is not guessed at: %s %s', async (kind, stored) => {
    const { catalogue, path } = await scratchCatalogue();
    insertRaw(path, kind, stored);
    thrownBy(() => catalogue.jobs.get(jobId(1)), 'internal');
  });

  test('stores its request as JSON, without what was not asked for', async () => {
    const { catalogue, path } = await scratchCatalogue();
    const limits = { perServer: 3, maxSize: 0, serverBytes: 0 };
    catalogue.jobs.insert(newJob(1, { request: { limits, report: true, upload: undefined } }));
    const database = new DatabaseSync(path);
    const row = database.prepare('SELECT request FROM jobs').get();
    database.close();
    expect(row).toEqual({ request: '{"limits":{"perServer":3,"maxSize":0,"serverBytes":0},"report":true}' });
  });

  test('may be cancelled or fail before it ever ran, but not be done', async () => {
    const { catalogue } = await scratchCatalogue();
    catalogue.jobs.insert(newJob(1));
    thrownBy(() => catalogue.jobs.finish(jobId(1), 'done'), 'not_running');
    expect(catalogue.jobs.finish(jobId(1), 'cancelled', FAULT)).toMatchObject({ state: 'cancelled', error: FAULT });
  });

  test('ends also with facts that JSON cannot say', async () => {
    const { catalogue } = await scratchCatalogue();
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    for (const [number, facts] of [{ bytes: 10n, errno: 'EIO' }, circle, { text: 'x'.repeat(1_000_000) }].entries()) {
      catalogue.jobs.insert(newJob(number));
      const { error } = catalogue.jobs.finish(jobId(number), 'failed', { ...FAULT, facts });
      expect(error).toEqual({ ...FAULT, facts: number === 0 ? { bytes: '10', errno: 'EIO' } : {} });
    }
  });

  test('can be queued again after a restart', async () => {
    const { catalogue } = await scratchCatalogue();
    catalogue.jobs.insert(newJob(1));
    thrownBy(() => catalogue.jobs.requeue(jobId(1)), 'not_running');
    catalogue.jobs.start(jobId(1), 'read');
    expect(catalogue.jobs.requeue(jobId(1))).toMatchObject({ state: 'queued', phase: 'queued', startedAt: null });
    catalogue.jobs.start(jobId(1), 'read');
  });

  test('that is not there is not found', async () => {
    const { catalogue } = await scratchCatalogue();
    expect(catalogue.jobs.find(jobId(1))).toBeUndefined();
    thrownBy(() => catalogue.jobs.get(jobId(1)), 'job_not_found');
    thrownBy(() => catalogue.jobs.start(jobId(1), 'x'), 'job_not_found');
  });

  test('takes no id that is taken', async () => {
    const { catalogue } = await scratchCatalogue();
    catalogue.jobs.insert(newJob(1));
    thrownBy(() => catalogue.jobs.insert(newJob(1)), 'internal');
  });
});

test('once a job has ended, no transition is left, whichever end it was', async () => {
  const { catalogue } = await scratchCatalogue();
  for (const [number, state] of (['done', 'failed', 'cancelled'] as const).entries()) {
    const { id } = catalogue.jobs.insert(newJob(number));
    catalogue.jobs.start(id, 'x');
    const ended = state === 'done' ? catalogue.jobs.finish(id, state) : catalogue.jobs.finish(id, state, FAULT);
    for (const transition of [
      () => catalogue.jobs.start(id, 'x'),
      () => catalogue.jobs.setPhase(id, 'x'),
      () => catalogue.jobs.requeue(id),
      () => catalogue.jobs.finish(id, 'done'),
      () => catalogue.jobs.finish(id, 'failed', FAULT),
      () => catalogue.jobs.finish(id, 'cancelled', FAULT),
    ]) {
      expect(thrownBy(transition, 'not_running').facts).toMatchObject({ state });
    }
    expect(catalogue.jobs.get(id)).toEqual(ended);
  }
});

describe('lists of jobs', () => {
  test('newest first; those that are active oldest first', async () => {
    const { catalogue, clock } = await scratchCatalogue();
    for (const number of [1, 2, 3, 4]) {
      catalogue.jobs.insert(newJob(number, number === 3 ? { server: serverId(2) } : {}));
      if (number === 2) clock.advance(10);
    }
    catalogue.jobs.start(jobId(2), 'x');
    catalogue.jobs.start(jobId(1), 'x');
    catalogue.jobs.finish(jobId(1), 'done');
    const ids = (records: readonly { id: string }[]): string[] => records.map(({ id }) => id);
    expect(ids(catalogue.jobs.list())).toEqual([4, 3, 2, 1].map(jobId));
    expect(ids(catalogue.jobs.list({ state: 'queued', limit: 1 }))).toEqual([jobId(4)]);
    expect(ids(catalogue.jobs.list({ kind: 'restore' }))).toEqual([]);
    expect(ids(catalogue.jobs.active())).toEqual([2, 3, 4].map(jobId));
    expect(ids(catalogue.jobs.active({ server: serverId(2) }))).toEqual([jobId(3)]);
    expect(ids(catalogue.jobs.active({ backup: backupId(4) }))).toEqual([jobId(4)]);
  });

  test('the history is forgotten, but for active jobs and those with a plan', async () => {
    const { catalogue, clock } = await scratchCatalogue();
    for (const number of [1, 2, 3]) {
      catalogue.jobs.insert(newJob(number));
      catalogue.jobs.start(jobId(number), 'x');
    }
    catalogue.plans.insert(jobId(2), serverId(1), []);
    catalogue.jobs.finish(jobId(1), 'done');
    catalogue.jobs.finish(jobId(2), 'done');
    expect(catalogue.jobs.forgetEnded(clock.now())).toBe(0);
    expect(catalogue.jobs.forgetEnded(clock.now() + 1)).toBe(1);
    expect(catalogue.jobs.list().map(({ id }) => id)).toEqual([3, 2].map(jobId));
  });
});

describe('a plan', () => {
  test('is stored with its job, moves only from the state it is in, and goes', async () => {
    const { catalogue, clock } = await scratchCatalogue();
    catalogue.jobs.insert(newJob(1));
    const plan = { renames: [['\u00ff', 'b']], stage: '.x' };
    const record = catalogue.plans.insert(jobId(1), serverId(1), plan);
    expect(record).toMatchObject({ state: 'swapping', plan, createdAt: clock.now() });
    expect(catalogue.plans.find(jobId(1))).toEqual(record);
    thrownBy(() => catalogue.plans.advance(jobId(1), 'kept', 'cleaning'), 'not_running');
    expect(catalogue.plans.advance(jobId(1), 'swapping', 'kept')).toMatchObject({ state: 'kept', plan });
    expect(catalogue.plans.advance(jobId(1), 'kept', 'cleaning', { renames: [] }).plan).toEqual({ renames: [] });
    expect(catalogue.plans.list({ state: 'cleaning' })).toHaveLength(1);
    expect(catalogue.plans.list({ server: serverId(2) })).toEqual([]);
    catalogue.plans.delete(jobId(1));
    catalogue.plans.delete(jobId(1));
    expect(catalogue.plans.find(jobId(1))).toBeUndefined();
    thrownBy(() => catalogue.plans.advance(jobId(1), 'cleaning', 'kept'), 'not_running');
  });

  test('belongs to a job that exists, and there is one per job', async () => {
    const { catalogue } = await scratchCatalogue();
    thrownBy(() => catalogue.plans.insert(jobId(1), serverId(1), {}), 'internal');
    catalogue.jobs.insert(newJob(1));
    catalogue.plans.insert(jobId(1), serverId(1), {});
    thrownBy(() => catalogue.plans.insert(jobId(1), serverId(1), {}), 'internal');
  });

  test('of many thousand renames comes back as it was', async () => {
    const { catalogue } = await scratchCatalogue();
    catalogue.jobs.insert(newJob(1));
    const plan = Array.from({ length: 20_000 }, (_, index) => ({ from: `a/${index}`, to: `b/${index}` }));
    catalogue.plans.insert(jobId(1), serverId(1), plan);
    expect(catalogue.plans.find(jobId(1))?.plan).toEqual(plan);
  });
});
