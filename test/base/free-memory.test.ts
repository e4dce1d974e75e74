import { expect, test } from 'vitest';
import { freeMemory } from '../../src/base/free-memory.ts';

test('a buffer of its own is empty in all its views', () => {
  const whole = Buffer.allocUnsafeSlow(1024 * 1024);
  const part = whole.subarray(10, 20);
  freeMemory(part);
  expect([whole.length, part.length, whole.buffer.byteLength]).toEqual([0, 0, 0]);
  // Once more is nothing.
  freeMemory(part);
});

test('what shares its memory with others stays: Node’s pool of small buffers, memory of several threads', () => {
  const small = Buffer.from('small');
  const shared = new Uint8Array(new SharedArrayBuffer(1024 * 1024));
  freeMemory(small);
  freeMemory(shared);
  expect(small.toString()).toBe('small');
  expect(shared.length).toBe(1024 * 1024);
});
