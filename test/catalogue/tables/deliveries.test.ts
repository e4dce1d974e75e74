import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import { inspectCatalogue } from '../../../src/catalogue/inspect.ts';
import { backupId, newDelivery } from '../../support/catalogue-rows.ts';
import { scratchCatalogue } from '../../support/scratch-catalogue.ts';

const AWAY = new Failure('internal', 'Cannot report: the panel is away', { retry: true, hint: 'Wait.' }).toJSON();
const REFUSED = new Failure('internal', 'Cannot report: the panel refuses').toJSON();

describe('a report that is owed', () => {
  test('is kept as it was written until it is deleted', async () => {
    const { catalogue, clock } = await scratchCatalogue();
    const { deliveries } = catalogue;
    const asked = newDelivery(1, { data: { upload: true }, askedAt: 5, dueAt: 6, giveUpAt: 7 });
    const row = deliveries.insert(asked);
    const plain = { ...asked, withdrawn: false, state: 'pending', attempts: 0, error: null, createdAt: clock.now() };
    expect(row).toEqual({ ...plain, id: row.id });
    expect(deliveries.find(row.id)).toEqual(row);
    deliveries.delete(row.id);
    expect([deliveries.find(row.id), deliveries.list()]).toEqual([undefined, []]);
  });

  test('is one per job', async () => {
    const { catalogue } = await scratchCatalogue();
    catalogue.deliveries.insert(newDelivery(1));
    expect(() => catalogue.deliveries.insert(newDelivery(1, { backup: backupId(2) }))).toThrow(Failure);
    expect(catalogue.deliveries.list()).toHaveLength(1);
  });

  test('must have the checksum of what it calls successful', async () => {
    const { catalogue } = await scratchCatalogue();
    expect(() => catalogue.deliveries.insert(newDelivery(1, { sha256: null }))).toThrow(Failure);
    expect(() => catalogue.deliveries.insert(newDelivery(1, { successful: false }))).toThrow(Failure);
    catalogue.deliveries.insert(newDelivery(1, { kind: 'restore', sha256: null }));
  });

  test('comes due at its time, the longest due first, and only at its step', async () => {
    const { catalogue } = await scratchCatalogue();
    const { deliveries } = catalogue;
    for (const [number, dueAt] of [30, 10, 20].entries()) deliveries.insert(newDelivery(number, { dueAt }));
    deliveries.insert(newDelivery(9, { dueAt: 5, step: 'upload' }));
    const due = (now: number, limit = 9): unknown[] => deliveries.due('report', now, limit).map(({ backup }) => backup);
    expect(due(9)).toEqual([]);
    expect(due(20)).toEqual([backupId(1), backupId(2)]);
    expect(due(99, 2)).toEqual([backupId(1), backupId(2)]);
    expect([deliveries.nextDue(0), deliveries.nextDue(20), deliveries.nextDue(30)]).toEqual([5, 30, undefined]);
  });

  test('waits for the earlier ones of its backup, unless those are parked', async () => {
    const { catalogue } = await scratchCatalogue();
    const { deliveries } = catalogue;
    const first = deliveries.insert(newDelivery(1, { dueAt: 50, step: 'upload' }));
    const second = deliveries.insert(newDelivery(2, { backup: backupId(1), dueAt: 10 }));
    expect(deliveries.due('report', 20, 9)).toEqual([]);
    deliveries.park(first.id, REFUSED);
    expect(deliveries.due('report', 20, 9).map(({ id }) => id)).toEqual([second.id]);
  });

  test('waits for no earlier one that the panel has and gets a second time', async () => {
    const { catalogue } = await scratchCatalogue();
    const { deliveries } = catalogue;
    const restored = newDelivery(1, { kind: 'restore', sha256: null, dueAt: 50, step: 'repeat' });
    deliveries.insert(restored);
    const deletion = deliveries.insert(newDelivery(2, { backup: backupId(1), dueAt: 10 }));
    expect(deliveries.due('report', 20, 9).map(({ id }) => id)).toEqual([deletion.id]);
    expect(deliveries.due('repeat', 60, 9)).toHaveLength(1);
  });

  test('counts its failed tries until its step is done, and keeps what the step left', async () => {
    const { catalogue } = await scratchCatalogue();
    const { deliveries } = catalogue;
    const { id } = deliveries.insert(newDelivery(1, { step: 'upload', data: { upload: true } }));
    deliveries.postpone(id, AWAY, 10);
    deliveries.postpone(id, AWAY, 20);
    expect(deliveries.find(id)).toMatchObject({ attempts: 2, error: AWAY, dueAt: 20, step: 'upload' });
    const parts = [{ partNumber: 1, etag: '"a"' }];
    deliveries.advance(id, 'report', { parts }, 30);
    const data = { upload: true, parts };
    expect(deliveries.find(id)).toMatchObject({ attempts: 0, error: null, dueAt: 30, step: 'report', data });
    deliveries.postpone(id, AWAY, 40, 'upload');
    expect(deliveries.find(id)).toMatchObject({ attempts: 1, step: 'upload' });
  });

  test('is tried again once it is asked for, and given up no sooner than that allows', async () => {
    const { catalogue, clock } = await scratchCatalogue();
    const { deliveries } = catalogue;
    const [one, two] = [1, 2].map((number) => deliveries.insert(newDelivery(number, { giveUpAt: 10 })).id);
    for (const id of [one, two]) deliveries.park(id ?? 0, REFUSED);
    expect([deliveries.counts(), deliveries.due('report', Number.MAX_SAFE_INTEGER, 9)]).toEqual([
      { pending: 0, parked: 2 },
      [],
    ]);
    expect(deliveries.retryParked(99, one)).toBe(1);
    expect(deliveries.find(one ?? 0)).toMatchObject({
      state: 'pending',
      attempts: 0,
      dueAt: clock.now(),
      giveUpAt: 99,
    });
    expect([deliveries.retryParked(5), deliveries.retryParked(5)]).toEqual([1, 0]);
    expect(deliveries.find(two ?? 0)).toMatchObject({ giveUpAt: 10 });
  });

  test('is hastened when it failed before, or when its time is past all sense', async () => {
    const { catalogue, clock } = await scratchCatalogue();
    const { deliveries } = catalogue;
    const later = clock.now() + 1000;
    const ids = [1, 2, 3].map((number) => deliveries.insert(newDelivery(number, { dueAt: later })).id);
    deliveries.postpone(ids[0] ?? 0, AWAY, later);
    deliveries.advance(ids[1] ?? 0, 'report', {}, later + 5);
    expect(deliveries.hasten(later)).toBe(2);
    expect(deliveries.due('report', clock.now(), 9).map(({ id }) => id)).toEqual(ids.slice(0, 2));
  });

  test('of a backup that was removed says that it was not successful; that of a restore stays', async () => {
    const { catalogue, clock } = await scratchCatalogue();
    const { deliveries } = catalogue;
    const removed = deliveries.insert(newDelivery(1, { step: 'upload', dueAt: 5 }));
    deliveries.park(removed.id, REFUSED);
    deliveries.insert(newDelivery(2));
    const restore = newDelivery(3, { kind: 'restore', backup: backupId(1), sha256: null });
    deliveries.insert(restore);
    deliveries.withdraw(backupId(1), 'report', 'remove');
    expect(deliveries.list()).toMatchObject([
      {
        withdrawn: true,
        successful: false,
        sha256: null,
        size: 0,
        state: 'pending',
        step: 'report',
        dueAt: clock.now(),
      },
      { withdrawn: false, successful: true },
      { ...restore, withdrawn: false },
    ]);
  });

  test('that is gone takes no change', async () => {
    const { catalogue } = await scratchCatalogue();
    const { deliveries } = catalogue;
    deliveries.postpone(7, AWAY, 1);
    deliveries.advance(7, 'report', {}, 1);
    deliveries.park(7, REFUSED);
    deliveries.delete(7);
    expect([deliveries.retryParked(1, 7), deliveries.list()]).toEqual([0, []]);
  });

  test('goes with the transaction that wrote it', async () => {
    const { catalogue } = await scratchCatalogue();
    const undone = (): void =>
      catalogue.transaction(() => {
        catalogue.deliveries.insert(newDelivery(1));
        throw new Failure('internal', 'It was not to be');
      });
    expect(undone).toThrow('It was not to be');
    expect(catalogue.deliveries.list()).toEqual([]);
  });
});

describe('a look from outside', () => {
  test('counts what waits and what is parked, and says why', async () => {
    const { catalogue, path, clock } = await scratchCatalogue();
    const facts = (): unknown => inspectCatalogue(path)?.deliveries;
    expect(facts()).toEqual({ pending: 0, parked: 0, oldest: null, reason: null });
    const { id } = catalogue.deliveries.insert(newDelivery(1));
    catalogue.deliveries.insert(newDelivery(2));
    catalogue.deliveries.postpone(id, AWAY, 1);
    expect(facts()).toEqual({ pending: 2, parked: 0, oldest: clock.now(), reason: AWAY.message });
    catalogue.deliveries.park(id + 1, REFUSED);
    expect(facts()).toEqual({ pending: 1, parked: 1, oldest: clock.now(), reason: REFUSED.message });
  });

  test('finds none in a catalogue of an older form', async () => {
    const { catalogue, path } = await scratchCatalogue();
    expect(catalogue.deliveries.list()).toEqual([]);
    const connection = new DatabaseSync(path);
    connection.exec('DROP TABLE deliveries');
    connection.close();
    expect(inspectCatalogue(path)?.deliveries).toEqual({ pending: 0, parked: 0, oldest: null, reason: null });
  });
});
