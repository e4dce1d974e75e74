import { describe, expect, test } from 'vitest';
import { DAY_MS } from '../../../src/base/clock.ts';
import { Failure } from '../../../src/base/failure.ts';
import type { BackupId } from '../../../src/base/ids.ts';
import type { Catalogue } from '../../../src/catalogue/contract.ts';
import { thrownBy } from '../../support/rejection.ts';
import { backupId, completed, newBackup, serverId } from '../../support/catalogue-rows.ts';
import { scratchCatalogue } from '../../support/scratch-catalogue.ts';

const FAULT = new Failure('interrupted', 'It was interrupted', {
  facts: { phase: 'write' },
  hint: 'Try again.',
}).toJSON();

/** All that are due, in the order in which they come. */
function allDue(catalogue: Catalogue, before: number, ahead: number): BackupId[] {
  const found: BackupId[] = [];
  for (;;) {
    const except = found.map((backup) => ({ backup }));
    const next = catalogue.backups.dueForVerification({ before, ahead, except });
    if (next === undefined) return found;
    found.push(next.backup);
  }
}

describe('a new backup', () => {
  test('is in progress, with what it was given', async () => {
    const { catalogue, clock } = await scratchCatalogue();
    const record = catalogue.backups.insert(
      newBackup(1, { name: 'naïve ☃ \u0000 "', locked: true, ignore: ['*.log', '#x'] }),
    );
    expect(record).toMatchObject({
      name: 'naïve ☃ \u0000 "',
      status: 'IN_PROGRESS',
      locked: true,
      ignore: ['*.log', '#x'],
      sha256: null,
      error: null,
      createdAt: clock.now(),
      completedAt: null,
    });
    expect(catalogue.backups.get(record.id)).toEqual(record);
  });

  test('takes no id that is taken, whoever has it', async () => {
    const { catalogue } = await scratchCatalogue();
    catalogue.backups.insert(newBackup(1));
    thrownBy(() => catalogue.backups.insert(newBackup(1, { server: serverId(2) })), 'backup_exists');
  });
});

describe('a backup ends once', () => {
  test('completed, with all of its facts', async () => {
    const { catalogue } = await scratchCatalogue();
    const { id } = catalogue.backups.insert(newBackup(1));
    const facts = completed();
    const record = catalogue.backups.complete(id, facts);
    expect(record).toMatchObject({ ...facts, status: 'COMPLETED', updatedAt: facts.completedAt });
    thrownBy(() => catalogue.backups.complete(id, facts), 'not_running');
    thrownBy(() => catalogue.backups.fail(id, FAULT), 'not_running');
    expect(catalogue.backups.get(id)).toEqual(record);
  });

  test('failed, with its reason', async () => {
    const { catalogue, clock } = await scratchCatalogue();
    const { id } = catalogue.backups.insert(newBackup(1));
    clock.advance(5000);
    const record = catalogue.backups.fail(id, FAULT);
    expect(record).toMatchObject({ status: 'FAILED', error: FAULT, completedAt: null, updatedAt: clock.now() });
    const refusal = thrownBy(() => catalogue.backups.complete(id, completed()), 'not_running');
    expect(refusal.message).toBe('Cannot complete the backup: it is FAILED');
    expect(Failure.revive(FAULT)).toMatchObject({ code: 'interrupted', hint: 'Try again.' });
  });

  test('but not one that is not there', async () => {
    const { catalogue } = await scratchCatalogue();
    thrownBy(() => catalogue.backups.complete(backupId(9), completed()), 'backup_not_found');
    thrownBy(() => catalogue.backups.fail(backupId(9), FAULT), 'backup_not_found');
  });

  test('facts that break a promise are refused by the database itself', async () => {
    const { catalogue } = await scratchCatalogue();
    const { id } = catalogue.backups.insert(newBackup(1));
    thrownBy(() => catalogue.backups.complete(id, completed({ sha256: 'short' })), 'internal');
    thrownBy(() => catalogue.backups.complete(id, completed({ size: -1 })), 'internal');
    thrownBy(() => catalogue.backups.complete(id, completed({ size: 1.5 })), 'internal');
    expect(catalogue.backups.get(id).status).toBe('IN_PROGRESS');
  });
});

describe('looking up', () => {
  test('a backup of another server is not found', async () => {
    const { catalogue } = await scratchCatalogue();
    const { id } = catalogue.backups.insert(newBackup(1));
    expect(catalogue.backups.get(id, serverId(1)).id).toBe(id);
    const [foreign, unknown] = [
      thrownBy(() => catalogue.backups.get(id, serverId(2)), 'backup_not_found'),
      thrownBy(() => catalogue.backups.get(backupId(9), serverId(2)), 'backup_not_found'),
    ];
    expect(foreign.message).toBe(unknown.message);
    expect(catalogue.backups.find(backupId(9))).toBeUndefined();
  });

  test('lists are newest first, and by insertion within one millisecond', async () => {
    const { catalogue, clock } = await scratchCatalogue();
    for (const number of [1, 2, 3]) catalogue.backups.insert(newBackup(number));
    clock.advance(-1000);
    catalogue.backups.insert(newBackup(4));
    clock.advance(5000);
    catalogue.backups.insert(newBackup(5));
    expect(catalogue.backups.list().map(({ id }) => id)).toEqual([5, 3, 2, 1, 4].map(backupId));
  });

  test('a number that was given up by a deletion does not change the order', async () => {
    const { catalogue } = await scratchCatalogue();
    for (const number of [1, 2, 3]) catalogue.backups.insert(newBackup(number));
    catalogue.backups.fail(backupId(3), FAULT);
    catalogue.backups.delete(backupId(3));
    catalogue.backups.insert(newBackup(4));
    expect(catalogue.backups.list().map(({ id }) => id)).toEqual([4, 2, 1].map(backupId));
  });

  test('by server, store, status and number', async () => {
    const { catalogue } = await scratchCatalogue();
    catalogue.backups.insert(newBackup(1));
    catalogue.backups.insert(newBackup(2, { server: serverId(2) }));
    catalogue.backups.insert(newBackup(3, { store: 'offsite' }));
    catalogue.backups.fail(backupId(3), FAULT);
    const ids = (filter: Parameters<typeof catalogue.backups.list>[0]): string[] =>
      catalogue.backups.list(filter).map(({ id }) => id);
    expect(ids({ server: serverId(1) })).toEqual([3, 1].map(backupId));
    expect(ids({ store: 'offsite' })).toEqual([backupId(3)]);
    expect(ids({ server: serverId(1), status: 'IN_PROGRESS' })).toEqual([backupId(1)]);
    expect(ids({ limit: 2 })).toEqual([3, 2].map(backupId));
    expect(ids({ server: serverId(9) })).toEqual([]);
  });

  test('the newest good one of a store skips failed, unfinished and damaged ones', async () => {
    const { catalogue, clock } = await scratchCatalogue();
    for (const number of [1, 2, 3, 4, 5]) {
      clock.advance(1);
      catalogue.backups.insert(newBackup(number, number === 5 ? { store: 'offsite' } : {}));
      if (number !== 4) catalogue.backups.complete(backupId(number), completed());
    }
    catalogue.backups.markDamaged(backupId(3));
    expect(catalogue.backups.newestGood(serverId(1), 'local')?.id).toBe(backupId(2));
    expect(catalogue.backups.newestGood(serverId(1), 'offsite')?.id).toBe(backupId(5));
    expect(catalogue.backups.newestGood(serverId(2), 'local')).toBeUndefined();
  });

  test('those to verify next: the longest ago first', async () => {
    const { catalogue, clock } = await scratchCatalogue();
    for (const number of [1, 2, 3, 4]) {
      catalogue.backups.insert(newBackup(number));
      if (number !== 4) catalogue.backups.complete(backupId(number), completed({ completedAt: clock.now() + number }));
    }
    clock.advance(1000);
    catalogue.backups.markVerified(backupId(1));
    const due = (before: number): string[] => allDue(catalogue, before, clock.now());
    expect(due(clock.now())).toEqual([2, 3].map(backupId));
    expect(due(clock.now() + 1)).toEqual([2, 3, 1].map(backupId));
    catalogue.backups.markRemoving(backupId(2));
    catalogue.backups.markDamaged(backupId(3));
    expect(due(clock.now() + 1)).toEqual([backupId(1)]);
  });

  test('those to verify next: also one whose last verification is dated ahead, after the others', async () => {
    const { catalogue, clock } = await scratchCatalogue();
    for (const number of [1, 2, 3]) {
      catalogue.backups.insert(newBackup(number));
      catalogue.backups.complete(backupId(number), completed({ completedAt: clock.now() }));
    }
    clock.advance(365 * DAY_MS);
    catalogue.backups.markVerified(backupId(1));
    clock.advance(-364 * DAY_MS);
    catalogue.backups.markVerified(backupId(2));
    expect(allDue(catalogue, clock.now(), clock.now() + DAY_MS)).toEqual([3, 1].map(backupId));
  });

  test('totals and the count for the limit: failed ones weigh nothing there', async () => {
    const { catalogue } = await scratchCatalogue();
    for (const number of [1, 2, 3]) catalogue.backups.insert(newBackup(number));
    catalogue.backups.complete(backupId(1), completed({ size: 70 }));
    catalogue.backups.fail(backupId(2), FAULT);
    expect(catalogue.backups.countKept(serverId(1))).toEqual({ good: 2, suspect: 0 });
    expect(catalogue.backups.countKept(serverId(2))).toEqual({ good: 0, suspect: 0 });
    expect(catalogue.backups.totals()).toEqual(new Map([[serverId(1), { backups: 3, bytes: 70 }]]));
  });
});

describe('what a server’s owner can inflate', () => {
  const warnings = Array.from({ length: 1000 }, (_, at) => ({ path: `${at}`, code: 'x', message: 'm'.repeat(900) }));
  const ignore = Array.from({ length: 400 }, (_, at) => `directory-${at}/`);

  test('comes back whole with the backup, and by pages, but not in lists of backups', async () => {
    const { catalogue } = await scratchCatalogue();
    const facts = completed({ ignore, warnings, warningCount: 1200 });
    const { id } = catalogue.backups.insert(newBackup(1));
    catalogue.backups.insert(newBackup(2, { ignore: ['caf\udce9/'] }));
    expect(catalogue.backups.complete(id, facts)).toMatchObject({ ignore, warnings });
    expect(catalogue.backups.get(id)).toMatchObject({ ignore, warnings, warningCount: 1200 });
    expect(catalogue.backups.details(id, serverId(1))).toMatchObject({ ignore, warnings: warnings.slice(0, 100) });
    const { backups } = catalogue.backups.page(serverId(1), 10);
    expect(backups.map(({ warnings }) => warnings)).toEqual([[], undefined]);
    expect(backups.map(({ ignoreCount }) => ignoreCount)).toEqual([undefined, 400]);
    expect(backups[0]?.ignore).toEqual(['caf\udce9/']);
    expect(JSON.stringify(backups).length).toBeLessThan(4000);
    // Retention, copies and sweeps list thousands.
    expect(catalogue.backups.list()).toEqual(backups);
    const pages: unknown[] = [];
    for (let page: number | undefined = 0; page !== undefined;) {
      const found: { warnings: readonly unknown[]; next?: number } = catalogue.backups.warningPage(id, page);
      pages.push(...found.warnings);
      page = found.next;
    }
    expect(pages).toEqual(warnings);
    expect(catalogue.backups.delete(id)).toMatchObject({ ignore, warnings });
    expect(catalogue.backups.warningPage(id, 0)).toEqual({ warnings: [] });
  });

  test('pages follow each other while backups come and go', async () => {
    const { catalogue, clock } = await scratchCatalogue();
    for (const number of [1, 2, 3, 4, 5]) catalogue.backups.insert(newBackup(number));
    const first = catalogue.backups.page(serverId(1), 2);
    expect(first.backups.map(({ id }) => id)).toEqual([5, 4].map(backupId));
    catalogue.backups.fail(backupId(4), FAULT);
    catalogue.backups.delete(backupId(4));
    clock.advance(1);
    catalogue.backups.insert(newBackup(6));
    const second = catalogue.backups.page(serverId(1), 2, { after: first.next });
    expect(second.backups.map(({ id }) => id)).toEqual([3, 2].map(backupId));
    const third = catalogue.backups.page(serverId(1), 2, { after: second.next });
    expect([third.backups.map(({ id }) => id), third.next]).toEqual([[backupId(1)], undefined]);
    expect(catalogue.backups.page(serverId(1), 2, { offset: 3 }).backups.map(({ id }) => id)).toEqual(
      [2, 1].map(backupId),
    );
    expect(catalogue.backups.counts(serverId(1))).toEqual({ all: 5, kept: 5 });
    thrownBy(() => catalogue.backups.page(serverId(1), 2, { after: '1 OR 1' }), 'invalid_request');
  });

  test('two equal revisions mean that no row was changed, by a cascade neither', async () => {
    const { catalogue } = await scratchCatalogue();
    const { id } = catalogue.backups.insert(newBackup(1));
    const before = catalogue.revision();
    catalogue.backups.list();
    expect(catalogue.revision()).toBe(before);
    catalogue.backups.setLocked(id, true);
    expect(catalogue.revision()).toBeGreaterThan(before);
  });
});

describe('locks, verifications and removal', () => {
  test('a locked backup is not deleted until it is unlocked', async () => {
    const { catalogue, clock } = await scratchCatalogue();
    const { id } = catalogue.backups.insert(newBackup(1));
    catalogue.backups.complete(id, completed());
    clock.advance(1_000_000_000);
    expect(catalogue.backups.setLocked(id, true)).toMatchObject({ locked: true, updatedAt: clock.now() });
    thrownBy(() => catalogue.backups.delete(id), 'backup_locked');
    catalogue.backups.setLocked(id, false);
    expect(catalogue.backups.delete(id).id).toBe(id);
    thrownBy(() => catalogue.backups.delete(id), 'backup_not_found');
    thrownBy(() => catalogue.backups.setLocked(id, true), 'backup_not_found');
  });

  test('one in progress is not deleted', async () => {
    const { catalogue } = await scratchCatalogue();
    const { id } = catalogue.backups.insert(newBackup(1));
    thrownBy(() => catalogue.backups.delete(id), 'server_busy');
  });

  test('damage is remembered from its first finding, and forgotten when the archive proves whole', async () => {
    const { catalogue, clock } = await scratchCatalogue();
    const { id } = catalogue.backups.insert(newBackup(1));
    thrownBy(() => catalogue.backups.markDamaged(id), 'backup_not_ready');
    thrownBy(() => catalogue.backups.markVerified(id), 'backup_not_ready');
    catalogue.backups.complete(id, completed());
    const foundAt = clock.now();
    catalogue.backups.markDamaged(id);
    clock.advance(1000);
    expect(catalogue.backups.markDamaged(id).damagedAt).toBe(foundAt);
    expect(catalogue.backups.markVerified(id)).toMatchObject({ damagedAt: null, verifiedAt: clock.now() });
  });
});

describe('the order of making', () => {
  test('counts up for each server, whatever the clock says and whatever was adopted', async () => {
    const { catalogue, clock } = await scratchCatalogue();
    const first = catalogue.backups.insert(newBackup(1));
    clock.advance(-400 * 86_400_000);
    const second = catalogue.backups.insert(newBackup(2));
    const other = catalogue.backups.insert(newBackup(3, { server: serverId(2) }));
    expect([first.sequence, second.sequence, other.sequence]).toEqual([1, 2, 1]);
    const elsewhere = catalogue.backups.adopt({ ...second, id: backupId(4), sequence: 70 });
    expect(elsewhere.sequence).toBe(70);
    expect(catalogue.backups.insert(newBackup(5)).sequence).toBe(71);
  });

  test('decides which good backup is the newest, not the clock', async () => {
    const { catalogue, clock } = await scratchCatalogue();
    for (const number of [1, 2]) {
      catalogue.backups.complete(catalogue.backups.insert(newBackup(number)).id, completed());
      clock.advance(-86_400_000);
    }
    expect(catalogue.backups.newestGood(serverId(1))?.id).toBe(backupId(2));
  });
});

describe('a suspect backup', () => {
  const SUSPECT = {
    reason: 'empty',
    message: 'It holds no files',
    files: 0,
    bytes: 0,
    baseline: { id: backupId(1), files: 3, bytes: 5000 },
  } as const;

  test('is completed, but not the newest good one until it is accepted', async () => {
    const { catalogue, clock } = await scratchCatalogue();
    for (const number of [1, 2]) catalogue.backups.insert(newBackup(number));
    catalogue.backups.complete(backupId(1), completed());
    const suspect = catalogue.backups.complete(backupId(2), completed({ suspect: SUSPECT }));
    expect(suspect).toMatchObject({ status: 'COMPLETED', suspect: SUSPECT, acceptedAt: null });
    expect(catalogue.backups.newestGood(serverId(1), 'local')?.id).toBe(backupId(1));
    clock.advance(1000);
    expect(catalogue.backups.markAccepted(backupId(2))).toMatchObject({ suspect: SUSPECT, acceptedAt: clock.now() });
    expect(catalogue.backups.newestGood(serverId(1), 'local')?.id).toBe(backupId(2));
  });

  test('is the only kind that an acceptance changes', async () => {
    const { catalogue } = await scratchCatalogue();
    catalogue.backups.insert(newBackup(1));
    thrownBy(() => catalogue.backups.markAccepted(backupId(1)), 'backup_not_ready');
    catalogue.backups.complete(backupId(1), completed());
    expect(catalogue.backups.markAccepted(backupId(1)).acceptedAt).toBeNull();
  });
});

test('backups without the sha256 of an index are found among so many rows at a time', async () => {
  const { catalogue } = await scratchCatalogue();
  for (let number = 1; number <= 5; number++) {
    const { id } = catalogue.backups.insert(newBackup(number));
    if (number !== 2) catalogue.backups.complete(id, completed({ indexSha256: number === 4 ? 'ab'.repeat(32) : null }));
  }
  const look = (after: number, rows: number) => {
    const { found, seen } = catalogue.backups.withoutIndexDigest(after, rows);
    return [found.map(({ backup }) => backup.id), seen];
  };
  expect(look(0, 2)).toEqual([[backupId(1)], 2]);
  expect(look(2, 2)).toEqual([[backupId(3)], 4]);
  expect(look(4, 9)).toEqual([[backupId(5)], 5]);
  expect(look(5, 9)).toEqual([[], 5]);
});
