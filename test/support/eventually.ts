import { vi } from 'vitest';

/** The first value that is neither false nor null nor undefined; fails the test when none comes in a long time. */
export function eventually<Value>(ask: () => Value | Promise<Value>) {
  return vi.waitUntil(ask, { timeout: 20_000, interval: 20 });
}
