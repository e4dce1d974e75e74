import { expect, test } from 'vitest';
import { pause, systemTimers } from '../../src/base/timers.ts';

const waiting = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

test('a timer keeps the process alive until it fires or is cancelled', async () => {
  const before = waiting();
  const cancel = systemTimers.after(60_000, () => expect.unreachable());
  expect(waiting()).toBe(before + 1);
  cancel();
  expect(waiting()).toBe(before);
  await new Promise<void>((resolve) => void systemTimers.after(1, resolve));
});

test('a pause ends with its time or with the signal, and leaves no timer', async () => {
  const stop = new AbortController();
  await pause(systemTimers, 1, stop.signal);
  // From here on only jobs of the microtask queue run: timers of the test runner neither begin nor end between two counts.
  const before = waiting();
  const long = pause(systemTimers, 60_000, stop.signal);
  expect(waiting()).toBe(before + 1);
  stop.abort();
  await long;
  await pause(systemTimers, 60_000, stop.signal);
  expect(waiting()).toBe(before);
});
