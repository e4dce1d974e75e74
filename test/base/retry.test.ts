import { expect, test } from 'vitest';
import { backOff } from '../../src/base/retry.ts';

test('the pause doubles from a second to a quarter of an hour, and no further', () => {
  const longest = [0, 1, 2, 5, 9, 10, 50, 10_000].map((tries) => Math.round(backOff(tries, 0.9999) / 1000));
  expect(longest).toEqual([1, 2, 4, 32, 512, 900, 900, 900]);
});

test('at least half of it is waited for', () => {
  expect([backOff(0, 0), backOff(10, 0)]).toEqual([500, 450_000]);
});
