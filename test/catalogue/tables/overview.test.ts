import { describe, expect, test } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import { backupId, completed, newBackup, newJob, serverId } from '../../support/catalogue-rows.ts';
import { dice } from '../../support/random-tree.ts';
import { scratchCatalogue } from '../../support/scratch-catalogue.ts';

const FAILED = new Failure('internal', 'Cannot read the world', { hint: 'Look at the disk.' }).toJSON();
const CANCELLED = new Failure('cancelled', 'It was cancelled').toJSON();

describe('the overview of a server', () => {
  test('counts its backups, and no others', async () => {
    const { catalogue } = await scratchCatalogue();
    const { backups } = catalogue;
    for (const number of [1, 2, 3, 4]) backups.insert(newBackup(number, { store: number === 4 ? 'offsite' : 'local' }));
    backups.insert(newBackup(5, { server: serverId(2) }));
    for (const number of [1, 2, 4]) backups.complete(backupId(number), completed({ size: 100 * number }));
    backups.fail(backupId(3), FAILED);
    backups.markDamaged(backupId(2));
    backups.setLocked(backupId(1), true);
    expect(backups.overview(serverId(1))).toMatchObject({
      backups: 4,
      bytes: 700,
      states: { completed: 2, damaged: 1, suspect: 0, failed: 1 },
      locked: 1,
      newest: { id: backupId(4), size: 400 },
      lastFailure: null,
    });
    expect(Object.fromEntries(backups.overview(serverId(1)).stores)).toEqual({
      local: { backups: 3, bytes: 300 },
      offsite: { backups: 1, bytes: 400 },
    });
    expect(backups.servers()).toEqual([serverId(1), serverId(2)]);
    expect(backups.overview(serverId(3))).toMatchObject({ backups: 0, bytes: 0, newest: null, recent: [] });
  });

  test('counts as counting all rows does, whatever has changed', async () => {
    const { catalogue } = await scratchCatalogue();
    const { backups } = catalogue;
    const roll = dice(9);
    const changes: readonly ((number: number) => unknown)[] = [
      (number) => backups.insert(newBackup(number, { store: ['local', 'offsite'][roll(2)] ?? 'local' })),
      (number) => backups.complete(backupId(number), completed({ size: roll(1000) })),
      (number) => backups.fail(backupId(number), FAILED),
      (number) => backups.markDamaged(backupId(number)),
      (number) => backups.setLocked(backupId(number), roll(2) === 0),
      (number) => backups.delete(backupId(number)),
    ];
    for (let step = 0; step < 120; step++) {
      try {
        changes[roll(changes.length)]?.(1 + roll(12));
      } catch (error) {
        // Not every change is one that the state of the row allows.
        if (!(error instanceof Failure)) throw error;
      }
      const rows = backups.list({ server: serverId(1) });
      const { backups: all, bytes, states, locked } = backups.overview(serverId(1));
      expect({ all, bytes, locked, failed: states.failed, damaged: states.damaged }).toEqual({
        all: rows.length,
        bytes: rows.reduce((sum, { size }) => sum + size, 0),
        locked: rows.filter((row) => row.locked).length,
        failed: rows.filter(({ status }) => status === 'FAILED').length,
        damaged: rows.filter(({ damagedAt }) => damagedAt !== null).length,
      });
      expect(backups.counts(serverId(1))).toEqual({ all, kept: all - states.failed });
    }
  });

  test('follows each change, and what a transaction takes back', async () => {
    const { catalogue } = await scratchCatalogue();
    const { backups } = catalogue;
    const count = (): number => backups.overview(serverId(1)).backups;
    expect(count()).toBe(0);
    backups.insert(newBackup(1));
    expect(count()).toBe(1);
    const undone = (): void => {
      catalogue.transaction(() => {
        backups.insert(newBackup(2));
        expect(count()).toBe(2);
        throw new Error('taken back');
      });
    };
    expect(undone).toThrow('taken back');
    expect(count()).toBe(1);
    backups.fail(backupId(1), FAILED);
    backups.delete(backupId(1));
    expect(count()).toBe(0);
    expect(backups.servers()).toEqual([]);
  });

  test('tells of failures since the newest good backup, also of those whose rows are gone; not of cancelled ones', async () => {
    const { catalogue, clock } = await scratchCatalogue();
    const { backups } = catalogue;
    const attempt = (number: number, error = FAILED): void => {
      clock.advance(1000);
      backups.insert(newBackup(number));
      backups.fail(backupId(number), error);
    };
    attempt(1);
    clock.advance(1000);
    backups.insert(newBackup(2));
    backups.complete(backupId(2), completed());
    for (const number of [3, 4, 5]) attempt(number);
    attempt(6, CANCELLED);
    backups.delete(backupId(3));
    expect(backups.overview(serverId(1)).lastFailure).toMatchObject({
      id: backupId(5),
      failures: 3,
      error: { code: 'internal', hint: 'Look at the disk.' },
    });
  });

  test('shows the newest fourteen, newest first, with when each began', async () => {
    const { catalogue, clock } = await scratchCatalogue();
    const { backups, jobs } = catalogue;
    for (let number = 1; number <= 16; number++) {
      clock.advance(1000);
      backups.insert(newBackup(number, { origin: 'schedule', named: false }));
    }
    jobs.insert(newJob(16));
    clock.advance(500);
    jobs.start(newJob(16).id, 'writing');
    backups.complete(backupId(16), completed({ completedAt: clock.now() + 2000 }));
    const { recent } = backups.overview(serverId(1));
    expect(recent.map(({ id }) => id)).toEqual(Array.from({ length: 14 }, (_, at) => backupId(16 - at)));
    expect(recent[0]).toMatchObject({ origin: 'schedule', named: false, startedAt: clock.now() });
    expect(backups.get(backupId(16))).toMatchObject({ origin: 'schedule', named: false, startedAt: clock.now() });
  });
});

describe('the history', () => {
  test('keeps every attempt that has ended, also when its backup is gone', async () => {
    const { catalogue, clock } = await scratchCatalogue();
    const { backups, history } = catalogue;
    const begun = clock.now();
    backups.insert(newBackup(1, { origin: 'token:panel' }));
    backups.insert(newBackup(2));
    backups.insert(newBackup(3));
    backups.complete(backupId(1), completed({ completedAt: begun + 5 }));
    backups.fail(backupId(2), FAILED);
    clock.advance(100);
    backups.delete(backupId(1));
    const kept = history.list(serverId(1), begun, 10);
    expect(kept).toHaveLength(2);
    expect(kept).toContainEqual({
      backup: backupId(1),
      server: serverId(1),
      store: 'local',
      status: 'COMPLETED',
      code: null,
      size: 1000,
      rawSize: 5000,
      files: 3,
      reusedBytes: 100,
      origin: 'token:panel',
      createdAt: begun,
      startedAt: null,
      endedAt: begun + 5,
      goneAt: begun + 100,
    });
    expect(kept).toContainEqual(expect.objectContaining({ backup: backupId(2), status: 'FAILED', code: 'internal' }));
  });

  test('tells what came into a store and what went', async () => {
    const { catalogue, clock } = await scratchCatalogue();
    const { backups, history } = catalogue;
    for (const number of [1, 2, 3]) {
      backups.insert(newBackup(number, { store: number === 3 ? 'offsite' : 'local' }));
      backups.complete(backupId(number), completed({ size: 10 ** number }));
    }
    clock.advance(10);
    backups.delete(backupId(1));
    const first = clock.now() - 10;
    expect(history.flows(0).sort((one, other) => one.added - other.added)).toEqual([
      { store: 'local', added: 110, removed: 10, first },
      { store: 'offsite', added: 1000, removed: 0, first },
    ]);
    expect(history.flows(clock.now())).toEqual([{ store: 'local', added: 0, removed: 10, first: null }]);
  });

  test('forgets old attempts only when their backups are gone', async () => {
    const { catalogue, clock } = await scratchCatalogue();
    const { backups, history } = catalogue;
    for (const number of [1, 2]) {
      backups.insert(newBackup(number));
      backups.complete(backupId(number), completed());
    }
    backups.delete(backupId(1));
    expect(history.forget(clock.now())).toBe(0);
    expect(history.forget(clock.now() + 1)).toBe(1);
    expect(history.list(serverId(1), 0, 10).map(({ backup }) => backup)).toEqual([backupId(2)]);
  });
});

test('a backup gets another name, and counts as named then', async () => {
  const { catalogue } = await scratchCatalogue();
  catalogue.backups.insert(newBackup(1, { named: false }));
  expect(catalogue.backups.rename(backupId(1), 'Before 1.22')).toMatchObject({ name: 'Before 1.22', named: true });
});

test('jobs are listed page by page, with who asked and what came of it', async () => {
  const { catalogue } = await scratchCatalogue();
  const { jobs } = catalogue;
  for (const number of [1, 2, 3]) jobs.insert(newJob(number, { origin: 'schedule' }));
  jobs.start(newJob(1).id, 'writing');
  jobs.finish(newJob(1).id, 'done', null, { files: 3, undoUntil: 'tomorrow' });
  const [third, second] = jobs.list({ limit: 2 });
  expect([third?.id, second?.id]).toEqual([newJob(3).id, newJob(2).id]);
  expect(jobs.list({ limit: 2, before: second?.id })).toEqual([
    expect.objectContaining({ id: newJob(1).id, origin: 'schedule', result: { files: 3, undoUntil: 'tomorrow' } }),
  ]);
  expect(jobs.list({ state: 'done', before: third?.id }).map(({ id }) => id)).toEqual([newJob(1).id]);
  expect(() => jobs.list({ before: newJob(9).id })).toThrow('There is no such job');
});
