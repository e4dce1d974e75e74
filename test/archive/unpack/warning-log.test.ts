import { expect, it } from 'vitest';
import { KEPT_WARNINGS, WarningLog } from '../../../src/archive/unpack/warning-log.ts';

it('keeps the first thousand warnings, and counts all', () => {
  const log = new WarningLog();
  for (let number = 0; number < 3 * KEPT_WARNINGS; number++) {
    log.add({ path: `${number}`, code: number % 3 === 0 ? 'hostile_entry' : 'metadata', message: '' });
  }
  expect(log.kept).toHaveLength(KEPT_WARNINGS);
  expect(log.kept.at(-1)?.path).toBe(`${KEPT_WARNINGS - 1}`);
  expect({ count: log.count, hostile: log.hostile }).toEqual({ count: 3 * KEPT_WARNINGS, hostile: KEPT_WARNINGS });
});
