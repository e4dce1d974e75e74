import { expect, test } from 'vitest';
import { silentLog } from '../../../src/base/log/log.ts';
import type { BackupRecord, WithoutIndexDigest } from '../../../src/catalogue/records.ts';
import { ListingsAhead, type ListingsAheadDeps } from '../../../src/jobs/look/listings-ahead.ts';
import { StillClock } from '../../support/still-clock.ts';

const HOUR = 3_600_000;

/** A node of so many rows, of which some archives have no index; a store that holds none of them. */
function scene(rows: number, without: readonly number[]) {
  const clock = new StillClock(0);
  const looked: string[] = [];
  const made: string[] = [];
  const withoutIndexDigest = (after: number, most: number): WithoutIndexDigest => {
    const seen = Math.min(after + most, Math.max(after, rows));
    looked.push(`${after} to ${seen}`);
    const found = without.filter((row) => row > after && row <= seen);
    return {
      found: found.map((row) => ({ row, backup: { id: `b${row}`, store: 'x' } as unknown as BackupRecord })),
      seen,
    };
  };
  const localPath = (key: string): undefined => void made.push(key);
  const deps = {
    catalogue: { backups: { withoutIndexDigest } },
    stores: { get: () => ({ localPath }) },
    runner: { open: () => [] },
    listings: { isSettled: () => false, hasRoom: () => true },
    clock,
    log: silentLog(),
  } as unknown as ListingsAheadDeps;
  const ahead = new ListingsAhead(deps);
  const tick = async (): Promise<void> => {
    await ahead.tick();
    await new Promise(setImmediate);
  };
  return { clock, looked, made, tick };
}

test('a node without such archives is looked through a thousand rows at a time, and again after an hour alone', async () => {
  const { clock, looked, tick } = scene(2500, []);
  for (let count = 0; count < 5; count++) await tick();
  expect(looked).toEqual(['0 to 1000', '1000 to 2000', '2000 to 2500', '2500 to 2500', '2500 to 2500']);
  clock.advance(HOUR + 1);
  await tick();
  expect(looked.at(-1)).toBe('0 to 1000');
});

test('each archive without an index is tried once in an hour, one after another, also where it cannot be listed', async () => {
  const { made, tick } = scene(1500, [3, 4, 1200]);
  for (let count = 0; count < 8; count++) await tick();
  expect(made.map((key) => /b\d+/.exec(key)?.[0])).toEqual(['b3', 'b4', 'b1200']);
});
