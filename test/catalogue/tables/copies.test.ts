/** Copies in the catalogue: what is known of their archives, and when they are due for a verification. */
import { describe, expect, test } from 'vitest';
import { DAY_MS } from '../../../src/base/clock.ts';
import { Failure } from '../../../src/base/failure.ts';
import type { Catalogue } from '../../../src/catalogue/contract.ts';
import type { DueForVerification } from '../../../src/catalogue/due-contract.ts';
import { backupId, completed, newBackup } from '../../support/catalogue-rows.ts';
import { scratchCatalogue } from '../../support/scratch-catalogue.ts';

const DAMAGE = new Failure('archive_damaged', 'Cannot verify the archive: its sha256 differs', {
  hint: 'Look.',
}).toJSON();
const AWAY = new Failure('store_unreachable', 'Cannot reach the store', { hint: 'Wait.' }).toJSON();
const ID = backupId(1);

/** A catalogue with completed backups and completed copies of them. */
async function withCopies(...numbers: number[]) {
  const made = await scratchCatalogue();
  const { catalogue, clock } = made;
  for (const number of numbers) {
    catalogue.backups.insert(newBackup(number));
    catalogue.backups.complete(backupId(number), completed({ completedAt: clock.now() }));
    catalogue.copies.plan(backupId(number), 'offsite');
    catalogue.copies.complete(backupId(number), 'offsite', 'written');
    clock.advance(1000);
  }
  return made;
}

function allDue(catalogue: Catalogue, before: number, ahead: number, stores = ['offsite']): DueForVerification[] {
  const found: DueForVerification[] = [];
  for (;;) {
    const next = catalogue.copies.dueForVerification({ before, ahead, except: found }, stores);
    if (next === undefined) return found;
    found.push(next);
  }
}

describe('damage of a copy', () => {
  test('stays noted, whatever becomes of the copy, until another archive was written', async () => {
    const { catalogue, clock } = await withCopies(1);
    const { copies } = catalogue;
    clock.advance(1000);
    const damagedAt = clock.now();
    copies.markDamaged(ID, 'offsite', DAMAGE);
    expect(copies.find(ID, 'offsite')).toMatchObject({ state: 'failed', error: DAMAGE, damagedAt });
    clock.advance(1000);
    expect(copies.retryFailed()).toBe(1);
    expect(copies.find(ID, 'offsite')).toMatchObject({ state: 'pending', damagedAt });
    copies.fail(ID, 'offsite', AWAY);
    copies.plan(ID, 'offsite');
    copies.complete(ID, 'offsite', 'kept');
    expect(copies.find(ID, 'offsite')).toMatchObject({ state: 'pending', damagedAt });
    copies.complete(ID, 'offsite', 'written');
    const madeAt = clock.now();
    expect(copies.find(ID, 'offsite')).toMatchObject({ state: 'completed', error: null, damagedAt: null, madeAt });
  });

  test('is counted apart from copies that are to be made or have failed', async () => {
    const { catalogue } = await withCopies(1, 2, 3, 4);
    expect(catalogue.copies.missing()).toEqual({ pending: 0, failed: 0, damaged: 0 });
    catalogue.copies.plan(backupId(2), 'offsite');
    catalogue.copies.fail(backupId(3), 'offsite', AWAY);
    catalogue.copies.markDamaged(backupId(4), 'offsite', DAMAGE);
    expect(catalogue.copies.missing()).toEqual({ pending: 1, failed: 1, damaged: 1 });
  });
});

describe('a verified copy', () => {
  test('is known by the archive that was read: nothing is noted of another that was written meanwhile', async () => {
    const { catalogue, clock } = await withCopies(1);
    const { copies } = catalogue;
    const madeAt = copies.find(ID, 'offsite')?.madeAt ?? null;
    copies.markVerified(ID, 'offsite', madeAt);
    expect(copies.find(ID, 'offsite')?.verifiedAt).toBe(clock.now());
    copies.complete(ID, 'offsite', 'written');
    copies.markVerified(ID, 'offsite', madeAt);
    expect(copies.find(ID, 'offsite')?.verifiedAt).toBeNull();
  });
});

describe('copies to verify next', () => {
  test('are completed ones in known stores, the longest ago first, also of damaged backups', async () => {
    const { catalogue, clock } = await withCopies(1, 2, 3, 4, 5);
    const { backups, copies } = catalogue;
    const since = clock.now() - 4000;
    copies.markDamaged(backupId(3), 'offsite', DAMAGE);
    backups.markRemoving(backupId(4));
    backups.markDamaged(backupId(5));
    clock.advance(1000);
    copies.markVerified(ID, 'offsite', copies.find(ID, 'offsite')?.madeAt ?? null);
    const named = (found: readonly DueForVerification[]) => found.map(({ backup }) => backup);
    expect(named(allDue(catalogue, clock.now(), clock.now()))).toEqual([2, 5].map(backupId));
    expect(named(allDue(catalogue, clock.now() + 1, clock.now()))).toEqual([2, 5, 1].map(backupId));
    expect(allDue(catalogue, clock.now(), clock.now())[0]).toMatchObject({ copy: 'offsite', since });
    expect(allDue(catalogue, clock.now(), clock.now(), ['elsewhere'])).toEqual([]);
  });

  test('are also those that are dated ahead', async () => {
    const { catalogue, clock } = await withCopies(1, 2);
    clock.advance(300 * DAY_MS);
    catalogue.copies.markVerified(ID, 'offsite', catalogue.copies.find(ID, 'offsite')?.madeAt ?? null);
    clock.advance(-299 * DAY_MS);
    const due = allDue(catalogue, clock.now(), clock.now() + DAY_MS);
    expect(due.map(({ backup }) => backup)).toEqual([2, 1].map(backupId));
  });

  test('are those of a lock that changed, too: that a manifest was written says nothing of the archive', async () => {
    const { catalogue, clock } = await withCopies(1);
    const madeAt = catalogue.copies.find(ID, 'offsite')?.madeAt;
    clock.advance(40 * DAY_MS);
    catalogue.copies.plan(ID, 'offsite');
    catalogue.copies.complete(ID, 'offsite', 'kept');
    expect(catalogue.copies.find(ID, 'offsite')).toMatchObject({ state: 'completed', madeAt, updatedAt: clock.now() });
    expect(allDue(catalogue, clock.now() - 30 * DAY_MS, clock.now())).toHaveLength(1);
  });
});
