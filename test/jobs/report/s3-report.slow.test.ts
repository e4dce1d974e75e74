import { expect, test } from 'vitest';
import { injectFaults } from './s3-report-faults.ts';

test('1,000 injected cuts, timeouts and repeated answers around the S3 report', async () => {
  const ends = await injectFaults(1000, 17);
  const wrong = ends.filter(({ row, upload, step }) =>
    upload === 'completed' ? row !== 'good' || step !== 'remove' : step === 'remove',
  );
  expect(wrong).toEqual([]);
}, 240_000);
