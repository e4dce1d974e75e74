import { expect, test } from 'vitest';
import { systemTimers } from '../../src/base/timers.ts';

const waiting = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

test('a timer keeps the process alive until it fires or is cancelled', async () => {
  const before = waiting();
  const cancel = systemTimers.after(60_000, () => expect.unreachable());
  expect(waiting()).toBe(before + 1);
  cancel();
  expect(waiting()).toBe(before);
  await new Promise<void>((resolve) => void systemTimers.after(1, resolve));
});
