import { expect, test } from 'vitest';
import { injectFaults } from './s3-report-faults.ts';

test('60 injected cuts, timeouts and repeated answers: no good backup becomes failed, no archive goes before its time', async () => {
  const ends = await injectFaults(60, 5);
  const wrong = ends.filter(({ row, upload, step }) =>
    upload === 'completed' ? row !== 'good' || step !== 'remove' : step === 'remove',
  );
  expect(wrong).toEqual([]);
  expect(ends.filter(({ row }) => row === 'good').length).toBeGreaterThan(30);
});
