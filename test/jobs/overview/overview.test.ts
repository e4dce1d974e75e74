import { systemTimers } from '../../../src/base/timers.ts';
import { describe, expect, test, vi } from 'vitest';
import { DAY_MS, HOUR_MS } from '../../../src/base/clock.ts';
import { Failure } from '../../../src/base/failure.ts';
import type { ScheduleConfig } from '../../../src/config/types.ts';
import { judgeProtection, ScheduleTimes as DueTimes } from '../../../src/policy/health/protection.ts';
import { NodeOverview } from '../../../src/jobs/overview/overview.ts';
import { reportOf } from '../../../src/jobs/overview/report.ts';
import { fullAt, growthOf } from '../../../src/jobs/overview/system.ts';
import { objectKey } from '../../../src/storage/key.ts';
import { backupId, SERVER, serverId, type TestNode, testNode } from '../../support/node.ts';

const DAILY: ScheduleConfig = { server: '*', cron: '0 4 * * *', timezone: 'UTC', missed: 'skip', ignore: [] };

function overviewOf(node: TestNode, schedules: readonly ScheduleConfig[] = []): NodeOverview {
  const { catalogue, registry, runner, stores, clock } = node;
  const config = { ...node.config, schedules, verification: { everyDays: 30 } };
  return new NodeOverview({ catalogue, registry, runner, stores, clock, config, timers: systemTimers });
}

async function backUp(node: TestNode): Promise<void> {
  await (
    await node.service.create({ server: SERVER, origin: 'token:admin' })
  ).ended;
}

describe('the overview of a server', () => {
  test('of which there is no good backup says so, and nothing while the first is made', async () => {
    const node = await testNode();
    node.registry.seen.add(SERVER);
    const [shown] = await overviewOf(node).overviews([SERVER]);
    expect(shown).toMatchObject({ newest: null, lateSeconds: null, next: null, problems: [{ code: 'never' }] });
    node.archive.beforePiece = () => new Promise(setImmediate);
    const { ended } = await node.service.create({ server: SERVER });
    expect((await overviewOf(node).overviews([SERVER]))[0]?.problems).toEqual([]);
    await ended;
  });

  test('is late by the rule of the doctor: once a scheduled time and its grace passed without a good backup', async () => {
    const node = await testNode();
    await backUp(node);
    const shown = overviewOf(node, [DAILY]);
    const due = Math.ceil((node.clock.now() - 4 * HOUR_MS) / DAY_MS) * DAY_MS + 4 * HOUR_MS;
    node.clock.advance(due + 6 * HOUR_MS - 1000 - node.clock.now());
    expect((await shown.overviews([SERVER]))[0]).toMatchObject({ lateSeconds: 0, problems: [] });
    node.clock.advance(1000);
    const [late] = await shown.overviews([SERVER]);
    expect(late).toMatchObject({ lateSeconds: 6 * 3600, problems: [{ code: 'late' }] });
    const times = new DueTimes([DAILY], node.clock.now()).of(SERVER);
    const [made] = node.catalogue.backups.list();
    const good = { status: 'COMPLETED', damaged: false, createdAt: made?.createdAt ?? 0, sequence: 1 } as const;
    expect(judgeProtection([good], times, node.clock.now())).toMatchObject({ state: 'overdue', dueAt: due });
    node.catalogue.servers.setSuspended(SERVER, true);
    expect((await shown.overviews([SERVER]))[0]?.problems).toEqual([]);
  });

  test('without a schedule is late after two days', async () => {
    const node = await testNode();
    await backUp(node);
    node.clock.advance(48 * HOUR_MS);
    expect((await overviewOf(node).overviews([SERVER]))[0]).toMatchObject({ lateSeconds: 0 });
    node.clock.advance(1000);
    expect((await overviewOf(node).overviews([SERVER]))[0]).toMatchObject({ lateSeconds: 1 });
  });

  test('whose backups fail names the reason, what helps, and how many failed', async () => {
    const node = await testNode();
    node.archive.beforePiece = () => {
      throw new Failure('internal', 'Cannot read the world', { hint: 'Look at the disk.' });
    };
    for (let at = 0; at < 2; at++) {
      node.clock.advance(1000);
      await expect(backUp(node)).rejects.toThrow('Cannot read the world');
    }
    const [shown] = await overviewOf(node).overviews([SERVER]);
    expect(shown?.problems[0]).toMatchObject({
      code: 'failing',
      message: 'The last 2 backups failed: Cannot read the world',
      hint: 'Look at the disk.',
    });
    expect(shown?.lastFailure).toMatchObject({ failures: 2, origin: 'token:admin' });
  });
});

test('the schedules tell what became of their last time', async () => {
  const node = await testNode();
  for (const server of [SERVER, serverId(2)]) node.registry.seen.add(server);
  node.clock.advance(5 * HOUR_MS);
  await backUp(node);
  const [shown] = await overviewOf(node, [DAILY]).schedules();
  const at = node.clock.now() - HOUR_MS;
  expect(shown).toMatchObject({
    servers: [SERVER, serverId(2)],
    next: [at + DAY_MS, at + 2 * DAY_MS, at + 3 * DAY_MS],
    last: { at, completed: 1, failed: 0, running: 0, without: 1 },
    missed: null,
  });
});

test('the history of a server that is not known is refused, of one whose backups are gone it is not', async () => {
  const node = await testNode();
  await backUp(node);
  const [made] = node.catalogue.backups.list();
  await node.service.remove(SERVER, made?.id ?? backupId(1));
  const { attempts, more } = await overviewOf(node).history(SERVER, 1);
  expect(attempts).toMatchObject([{ backup: made?.id, goneAt: node.clock.now() }]);
  expect(more).toBe(false);
});

describe('the report', () => {
  test('has the age of the last good backup, its lateness and its last verification, also of a server that is gone', async () => {
    const node = await testNode();
    await backUp(node);
    const [made] = node.catalogue.backups.list();
    node.clock.advance(HOUR_MS);
    node.catalogue.backups.markVerified(made?.id ?? backupId(1));
    node.clock.advance(3 * DAY_MS);
    node.registry.seen.add(serverId(2));
    const { at, healthy, servers } = await overviewOf(node, [DAILY]).report(() => true);
    expect([at, healthy]).toEqual([node.clock.now(), false]);
    const [first, second] = [SERVER, serverId(2)].map((id) => servers.find(({ server }) => server === id));
    expect(first).toMatchObject({
      newest: { id: made?.id, createdAt: made?.createdAt },
      ageSeconds: (3 * DAY_MS + HOUR_MS) / 1000,
      verifiedAt: node.clock.now() - 3 * DAY_MS,
      problems: ['late'],
    });
    expect(first?.lateSeconds).toBeGreaterThan(0);
    expect(first?.next).toBeGreaterThan(node.clock.now());
    expect(second).toMatchObject({ newest: null, ageSeconds: null, verifiedAt: null, problems: ['never'] });
  });

  test('is healthy for who holds none of the servers that have problems', async () => {
    const node = await testNode();
    await backUp(node);
    node.registry.seen.add(serverId(2));
    const own = await overviewOf(node, [DAILY]).report((server) => server === SERVER);
    expect([own.healthy, own.servers.map(({ server }) => server)]).toEqual([true, [SERVER]]);
    expect((await overviewOf(node, [DAILY]).report(() => true)).healthy).toBe(false);
  });

  test('has how far copies are behind, and whole days until a store is full', () => {
    const store = { type: 'local', isDefault: true, totalBytes: null, usedBytes: 0, backups: 0, reserveBytes: 0 };
    const copies = { completed: 5, pending: 1, failed: 0 };
    const none = { completed: 0, pending: 0, failed: 0 };
    const rest = { freeBytes: 10, growthPerDay: 1, error: null };
    const view = {
      name: 'node',
      retention: { keepLast: 0, keepDays: 0, keepDaily: 0, keepWeekly: 0, keepMonthly: 0 },
      limits: { perServer: 0, maxSize: 0, serverBytes: 0 },
      verification: { everyDays: 0 },
      stores: [
        { ...store, ...rest, name: 'local', copies: none, fullAt: 10.9 * DAY_MS },
        { ...store, ...rest, name: 'far', copies, fullAt: null },
        { ...store, ...rest, name: 'away', copies: { ...none, failed: 1 }, fullAt: 0 },
      ],
    };
    const now = DAY_MS / 2;
    const report = reportOf({ now, servers: [], node: view, owedCopies: new Map([['far', now - HOUR_MS]]) });
    expect(report.stores).toMatchObject([
      { name: 'local', daysUntilFull: 10, copies: null },
      { name: 'far', daysUntilFull: null, copies: { pending: 1, lagSeconds: 3600 } },
      { name: 'away', daysUntilFull: 0, copies: { failed: 1, lagSeconds: 0 } },
    ]);
    expect(report.healthy).toBe(false);
    expect(reportOf({ now, servers: [], node: { ...view, stores: [] }, owedCopies: new Map() }).healthy).toBe(true);
  });
});

describe('a store', () => {
  const now = 100 * DAY_MS;

  test('grows by what came less what went, over the days there are', () => {
    const flow = { store: 'local', added: 1000, removed: 200, first: now - 4 * DAY_MS };
    expect(growthOf(flow, now)).toBe(200);
    expect(growthOf({ ...flow, first: now - DAY_MS / 2 }, now)).toBeNull();
    expect(growthOf(undefined, now)).toBeNull();
  });

  test('is full when what is free above the reserve is used up', () => {
    expect(fullAt(1200, 200, 100, now)).toBe(now + 10 * DAY_MS);
    expect(fullAt(100, 200, 100, now)).toBe(now);
    expect(fullAt(1200, 200, 0, now)).toBeNull();
    expect(fullAt(null, 200, 100, now)).toBeNull();
    expect(fullAt(2 ** 53, 0, 1e-9, now)).toBeNull();
  });
});

test('an undo of which nothing is kept is refused, and makes no job', async () => {
  const node = await testNode();
  await backUp(node);
  const [made] = node.catalogue.backups.list();
  const before = node.catalogue.jobs.list().length;
  await expect(node.service.undo(SERVER, made?.id ?? backupId(1))).rejects.toMatchObject({ code: 'path_not_found' });
  expect(node.catalogue.jobs.list()).toHaveLength(before);
  expect(node.told.filter(({ type }) => type.startsWith('restore.'))).toEqual([]);
});

test('the name that the node chooses has the time where the day alone is taken', async () => {
  const node = await testNode();
  await backUp(node);
  node.clock.advance(90_000);
  await backUp(node);
  const names = node.catalogue.backups.list().map(({ name, named }) => ({ name, named }));
  expect(names).toEqual([
    { name: 'Backup 2026-01-01 00:01:30', named: false },
    { name: 'Backup 2026-01-01', named: false },
  ]);
});

test('a backup that is renamed keeps its new name in its manifest', async () => {
  const node = await testNode();
  await backUp(node);
  const [made] = node.catalogue.backups.list();
  const renamed = await node.service.rename(SERVER, made?.id ?? backupId(1), 'Before 1.22');
  expect(renamed).toMatchObject({ name: 'Before 1.22', named: true });
  const manifest = node.memory.objects.get(objectKey(SERVER, made?.id ?? backupId(1), 'json'));
  expect(JSON.parse(Buffer.from(manifest ?? []).toString())).toMatchObject({
    backup: { name: 'Before 1.22', named: true, origin: 'token:admin' },
  });
});

test('what is counted ahead need not be counted by the first look, and counting ends when it is to', async () => {
  const node = await testNode();
  await backUp(node);
  const overviews = overviewOf(node);
  const counted = vi.spyOn(node.catalogue.backups, 'overview');
  await overviews.countAhead(AbortSignal.abort());
  expect(counted).not.toHaveBeenCalled();
  await overviews.countAhead(new AbortController().signal);
  expect(counted).toHaveBeenCalledWith(SERVER);
  counted.mockImplementation(() => {
    throw new Error('the catalogue is closed');
  });
  await overviews.countAhead(new AbortController().signal);
  counted.mockRestore();
});
