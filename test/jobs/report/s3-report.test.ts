import { expect, test } from 'vitest';
import { injectFaults } from './s3-report-faults.ts';

test.each([
  [60, 1],
  [10, 9999],
])(
  '%d injected cuts, timeouts and repeated answers, %d parts: no good backup becomes failed, no archive goes before its time',
  async (runs, parts) => {
    const ends = await injectFaults(runs, 5, parts);
    const wrong = ends.filter(({ row, upload, step }) =>
      upload === 'completed' ? row !== 'good' || step !== 'remove' : step === 'remove',
    );
    expect(wrong).toEqual([]);
    expect(ends.filter(({ row }) => row === 'good').length).toBeGreaterThan(runs / 2);
  },
);
