import { expect, test } from 'vitest';
import { injectFaults } from './s3-report-faults.ts';

test.each([
  [1000, 1],
  [100, 9999],
])(
  '%d injected cuts, timeouts and repeated answers around the S3 report of %d parts',
  async (runs, parts) => {
    const ends = await injectFaults(runs, 17, parts);
    const wrong = ends.filter(({ row, upload, step }) =>
      upload === 'completed' ? row !== 'good' || step !== 'remove' : step === 'remove',
    );
    expect(wrong).toEqual([]);
  },
  240_000,
);
