import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Pace } from '../../src/base/rates.ts';

const clock = { now: () => Date.now(), monotonic: () => performance.now() };

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** Takes `bytes` in steps until they are through; gives the milliseconds that it took by the clock of the test. */
async function takeAll(pace: Pace, bytes: number, step: number): Promise<number> {
  const start = performance.now();
  const state = { through: false };
  const taking = (async () => {
    for (let taken = 0; taken < bytes; taken += step) await pace.take(step);
    state.through = true;
  })();
  while (!state.through) await vi.advanceTimersByTimeAsync(1);
  await taking;
  return performance.now() - start;
}

describe('Pace', () => {
  test('lets as many bytes a second through as it was told', async () => {
    const pace = new Pace(
      clock,
      () => 20_000_000,
      () => undefined,
    );
    const milliseconds = await takeAll(pace, 200_000_000, 1_000_000);
    expect(200_000_000 / (milliseconds / 1000)).toBeGreaterThan(19_000_000);
    expect(200_000_000 / (milliseconds / 1000)).toBeLessThan(21_000_000);
  });

  test('does not wait without a limit', async () => {
    const pace = new Pace(
      clock,
      () => 0,
      () => undefined,
    );
    await pace.take(Number.MAX_SAFE_INTEGER);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('follows a new rate while it waits', async () => {
    let rate = 1000;
    const pace = new Pace(
      clock,
      () => rate,
      () => undefined,
    );
    let through = false;
    const taking = pace.take(100_000).then(() => (through = true));
    await vi.advanceTimersByTimeAsync(1000);
    expect(through).toBe(false);
    rate = 0;
    await vi.advanceTimersByTimeAsync(200);
    await taking;
    expect(through).toBe(true);
  });

  test('a pause is not followed by a burst', async () => {
    const pace = new Pace(
      clock,
      () => 1_000_000,
      () => undefined,
    );
    await takeAll(pace, 100_000, 100_000);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await takeAll(pace, 2_000_000, 100_000)).toBeGreaterThan(1700);
  });

  test('a moment that was lost to others is made up for', async () => {
    const pace = new Pace(
      clock,
      () => 1_000_000,
      () => undefined,
    );
    let milliseconds = 0;
    for (let round = 0; round < 10; round++) {
      await vi.advanceTimersByTimeAsync(200);
      milliseconds += 200 + (await takeAll(pace, 1_000_000, 100_000));
    }
    expect(10_000_000 / (milliseconds / 1000)).toBeGreaterThan(950_000);
    expect(10_000_000 / (milliseconds / 1000)).toBeLessThan(1_050_000);
  });

  test('a wait ends with what the stop throws', async () => {
    let stopped = false;
    const pace = new Pace(
      clock,
      () => 1,
      () => {
        if (stopped) throw new Error('stopped');
      },
    );
    const taking = expect(pace.take(1000)).rejects.toThrow('stopped');
    await vi.advanceTimersByTimeAsync(500);
    stopped = true;
    await vi.advanceTimersByTimeAsync(200);
    await taking;
  });
});
