import { describe, expect, test } from 'vitest';
import type { ArchiveProgress } from '../../../src/archive/entry.ts';
import { type ExpectedTree, WriteProgress } from '../../../src/archive/write/progress.ts';
import { ManualTime } from '../../support/manual-time.ts';

function scene(expected: ExpectedTree) {
  const done = { rawSize: 0, files: 0 };
  const told: ArchiveProgress[] = [];
  const time = new ManualTime(0);
  const progress = new WriteProgress(done, expected, time, (each) => told.push(each));
  const step = (rawSize: number, files: number, wait = 150) => {
    Object.assign(done, { rawSize, files });
    time.advance(wait);
    progress.step();
  };
  return { told, step, progress };
}

function countOf(bytes: number, files: number) {
  const count = { totals: { bytes, files }, complete: false, started: 0, start: () => void count.started++ };
  return count;
}

describe('the totals of a backup that is made', () => {
  test('are those of the older archive, and nothing is counted, while it holds as much', () => {
    const count = countOf(1000, 9);
    const { told, step } = scene({ base: { bytes: 1000, files: 9 }, count });
    step(10, 1);
    expect(told).toEqual([{ bytesDone: 10, bytesTotal: 1000, filesDone: 1, filesTotal: 9 }]);
    expect(count.started).toBe(0);
  });

  test('are unknown once the server has outgrown it, until it is counted', () => {
    const count = countOf(5000, 40);
    const { told, step, progress } = scene({ base: { bytes: 1000, files: 9 }, count });
    step(1200, 3, 3000);
    expect(told.at(-1)).toEqual({ bytesDone: 1200, bytesTotal: 0, filesDone: 3, filesTotal: 0 });
    expect(count.started).toBe(1);
    count.complete = true;
    step(1300, 4);
    expect(told.at(-1)).toEqual({ bytesDone: 1300, bytesTotal: 5000, filesDone: 4, filesTotal: 40 });
    step(5001, 40);
    expect(told.at(-1)).toMatchObject({ bytesTotal: 0, filesTotal: 0 });
    progress.finish();
    expect(told.at(-1)).toEqual({ bytesDone: 5001, bytesTotal: 5001, filesDone: 40, filesTotal: 40 });
  });

  test('are not counted for a backup that is done soon', () => {
    const count = countOf(100, 1);
    const { told, step, progress } = scene({ count });
    step(10, 0, 900);
    progress.finish();
    expect(count.started).toBe(0);
    expect(told).toEqual([{ bytesDone: 10, bytesTotal: 10, filesDone: 0, filesTotal: 0 }]);
  });

  test('never are the part of a count that goes on', () => {
    const count = countOf(100, 1);
    const { told, step } = scene({ count });
    step(10, 0, 1000);
    expect(count.started).toBe(1);
    expect(told).toEqual([]);
    step(20, 1, 2000);
    expect(told).toEqual([{ bytesDone: 20, bytesTotal: 0, filesDone: 1, filesTotal: 0 }]);
  });
});
