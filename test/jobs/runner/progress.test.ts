import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ProgressMeter } from '../../../src/jobs/runner/progress.ts';

const MIB = 2 ** 20;

function at(bytesDone: number, bytesTotal: number): Parameters<ProgressMeter['update']>[0] {
  return { bytesDone, bytesTotal, filesDone: 0, filesTotal: 0 };
}

describe('progress', () => {
  test('is told at most four times a second', () => {
    const meter = new ProgressMeter(0);
    const told = Array.from({ length: 100 }, (_, step) => meter.update(at(step, 100), step * 10)).filter(Boolean);
    expect(told).toHaveLength(4);
  });

  test('the last value wins also when it was not told', () => {
    const meter = new ProgressMeter(0);
    meter.update(at(1, 10), 0);
    expect(meter.update(at(9, 10), 1)).toBe(false);
    expect(meter.current().bytesDone).toBe(9);
  });

  test('never goes back, never passes its total, and ends at it', () => {
    const value = fc.nat(1000);
    const report = fc.record({ bytesDone: value, bytesTotal: value, filesDone: value, filesTotal: value });
    fc.assert(
      fc.property(fc.array(report), (reports) => {
        const meter = new ProgressMeter(0);
        let before = meter.current();
        for (const [step, each] of reports.entries()) {
          meter.update(each, step * 100);
          const now = meter.current();
          expect(now.bytesDone).toBeGreaterThanOrEqual(before.bytesDone);
          expect(now.filesDone).toBeGreaterThanOrEqual(before.filesDone);
          // 0: not known, or exceeded.
          if (now.bytesTotal > 0) expect(now.bytesDone).toBeLessThanOrEqual(now.bytesTotal);
          else expect(now.etaSeconds).toBeNull();
          if (now.filesTotal > 0) expect(now.filesDone).toBeLessThanOrEqual(now.filesTotal);
          before = now;
        }
        meter.complete();
        const last = meter.current();
        expect([last.bytesDone, last.filesDone]).toEqual([last.bytesTotal, last.filesTotal]);
        expect(last.etaSeconds).toBe(0);
      }),
    );
  });

  test('a steady rate is reported as it is, with what is left of the time', () => {
    const meter = new ProgressMeter(0);
    for (let second = 1; second <= 10; second++) meter.update(at(second * MIB, 100 * MIB), second * 1000);
    expect(meter.current()).toMatchObject({ bytesPerSecond: MIB, etaSeconds: 90 });
  });

  test('a rate is right from its first seconds, however long the job prepared', () => {
    const meter = new ProgressMeter(0);
    meter.update(at(0, 100 * MIB), 30_000);
    meter.update(at(1000, 100 * MIB), 60_000);
    meter.update(at(1000 + 10 * MIB, 100 * MIB), 60_500);
    meter.update(at(1000 + 20 * MIB, 100 * MIB), 61_000);
    expect(meter.current()).toMatchObject({ bytesPerSecond: 20 * MIB, etaSeconds: 4 });
  });

  test('a rate follows a change within seconds', () => {
    const meter = new ProgressMeter(0);
    let bytes = 0;
    for (let second = 1; second <= 10; second++) meter.update(at((bytes += 10 * MIB), 1e12), second * 1000);
    for (let second = 11; second <= 30; second++) meter.update(at((bytes += MIB), 1e12), second * 1000);
    expect(meter.current().bytesPerSecond).toBeLessThan(1.5 * MIB);
  });

  test('nothing is guessed before anything was done', () => {
    const meter = new ProgressMeter(0);
    meter.update(at(0, 10), 1000);
    expect(meter.current()).toMatchObject({ bytesPerSecond: 0, etaSeconds: null });
  });

  test('shows no total and no time left once more was done than was expected, until a larger total is known', () => {
    const meter = new ProgressMeter(0);
    for (let step = 1; step <= 20; step++) meter.update(at(step * MIB, 2048), step * 250);
    expect(meter.current()).toMatchObject({ bytesDone: 20 * MIB, bytesTotal: 0, etaSeconds: null });
    meter.update(at(21 * MIB, 101 * MIB), 5250);
    expect(meter.current()).toMatchObject({ bytesTotal: 101 * MIB, etaSeconds: 20 });
  });

  test('guesses nothing from the first tick, and nothing while there is no total', () => {
    const meter = new ProgressMeter(0);
    expect(meter.current().etaSeconds).toBeNull();
    meter.update(at(1, 100 * MIB), 250);
    meter.update(at(2, 100 * MIB), 500);
    expect(meter.current().etaSeconds).toBeNull();
    meter.complete();
    expect(meter.current().etaSeconds).toBe(0);
  });
});
