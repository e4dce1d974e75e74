import fs from 'node:fs';
import { expect, test } from 'vitest';
import { dropContent, returnFreedMemory } from '../../../src/archive/gzip/native-memory.ts';

const MIB = 1024 * 1024;

test('dropping the content of shared memory gives its pages back, and leaves it usable', () => {
  const memory = new SharedArrayBuffer(64 * MIB);
  const bytes = Buffer.from(memory).fill(7);
  const before = residentMiB();
  dropContent(memory);
  expect(before - residentMiB()).toBeGreaterThan(40);
  // All but what shares its first and last page with others.
  const inside = bytes.subarray(4096, -4096);
  expect(inside.equals(Buffer.alloc(inside.length))).toBe(true);
  bytes.fill(8);
  expect(bytes.equals(Buffer.alloc(bytes.length, 8))).toBe(true);
});

test('memory shorter than a page stays as it is', () => {
  const memory = new SharedArrayBuffer(100);
  Buffer.from(memory).fill(7);
  dropContent(memory);
  expect(Buffer.from(memory).every((byte) => byte === 7)).toBe(true);
});

test('returning freed memory ends, however often it is asked for', async () => {
  await Promise.all([returnFreedMemory(), returnFreedMemory()]);
  await returnFreedMemory();
});

function residentMiB(): number {
  const [, resident = '0'] = fs.readFileSync('/proc/self/statm', 'utf8').split(' ');
  return (Number(resident) * 4096) / MIB;
}
