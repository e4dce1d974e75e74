import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readCached } from '../../../src/base/files/cached-read.ts';
import { scratchDirectory } from '../../support/scratch.ts';

test('what it says it read is what lies there, and no byte behind that is touched', async () => {
  const path = join(await scratchDirectory(), 'file');
  const bytes = randomBytes(100_000);
  fs.writeFileSync(path, bytes);
  const descriptor = fs.openSync(path, 'r');
  onTestFinished(() => fs.closeSync(descriptor));
  for (const memory of [new ArrayBuffer(60_000), new SharedArrayBuffer(60_000)]) {
    const into = Buffer.from(memory, 1000, 50_000);
    const got = readCached(descriptor, 70_000, into);
    expect(got).toBeLessThanOrEqual(30_000);
    expect(into.subarray(0, got).equals(bytes.subarray(70_000, 70_000 + got))).toBe(true);
    expect(into.subarray(got).every((byte) => byte === 0)).toBe(true);
    expect(Buffer.from(memory, 0, 1000).every((byte) => byte === 0)).toBe(true);
  }
});

test('a descriptor that is none, the end of a file and no memory are 0 bytes', async () => {
  const path = join(await scratchDirectory(), 'file');
  fs.writeFileSync(path, 'short');
  const descriptor = fs.openSync(path, 'r');
  onTestFinished(() => fs.closeSync(descriptor));
  expect(readCached(-1, 0, Buffer.alloc(10))).toBe(0);
  expect(readCached(descriptor, 5, Buffer.alloc(10))).toBe(0);
  expect(readCached(descriptor, 0, Buffer.alloc(0))).toBe(0);
});
