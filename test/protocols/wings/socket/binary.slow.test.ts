import { expect, test } from 'vitest';
import { fuzzBinaryFrames } from './binary-fuzz.ts';

test('10,000 fuzzed binary frames: no crash, no answer but the documented ones, bounded memory', () => {
  fuzzBinaryFrames(1000, 3);
  const before = process.memoryUsage();
  const { answers } = fuzzBinaryFrames(10_000, 11);
  const after = process.memoryUsage();
  expect(answers).toBeGreaterThan(100);
  const grown = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
  expect(grown).toBeLessThan(128 * 1024 * 1024);
}, 120_000);
