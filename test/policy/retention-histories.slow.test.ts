import { expect, test } from 'vitest';
import { liveThrough } from './retention-histories.ts';

test('ten thousand lives of servers keep every promise of retention', () => {
  expect(liveThrough(10_000, 1_000_000).removed).toBeGreaterThan(10_000);
});
