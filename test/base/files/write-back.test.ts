import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { StreamWriteBack } from '../../../src/base/files/write-back.ts';
import { scratchDirectory } from '../../support/scratch.ts';

const MEBIBYTE = 1024 * 1024;

test('stretches are begun one after the other, each once, as soon as they are long enough', () => {
  const begun: [number, number, number][] = [];
  const writeBack = new StreamWriteBack(7, (...stretch) => void begun.push(stretch));
  for (const length of [10 * MEBIBYTE, 5 * MEBIBYTE, 3 * MEBIBYTE, 40 * MEBIBYTE, MEBIBYTE]) writeBack.wrote(length);
  expect(begun).toEqual([
    [7, 0, 18 * MEBIBYTE],
    [7, 18 * MEBIBYTE, 40 * MEBIBYTE],
  ]);
});

test('a file is the same with it, also when it is closed before the disk has begun', async () => {
  const path = join(await scratchDirectory(), 'archive');
  const file = await open(path, 'wx');
  const writeBack = new StreamWriteBack(file.fd);
  const piece = Buffer.alloc(17 * MEBIBYTE, 'archive');
  await file.write(piece);
  writeBack.wrote(piece.length);
  await file.close();
  // Nobody's descriptor any more.
  writeBack.wrote(piece.length);
  expect((await readFile(path)).equals(piece)).toBe(true);
});
