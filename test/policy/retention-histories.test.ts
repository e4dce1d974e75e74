import { expect, test } from 'vitest';
import { liveThrough } from './retention-histories.ts';

test('no life of a server loses its last good backup, what was just made, or what a rule keeps', () => {
  const seen = liveThrough(300, 1);
  // Otherwise nothing was shown.
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(100);
});
