import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { fileSource } from '../../../src/base/files/file-source.ts';
import { PassedBytes } from '../../../src/archive/threads/page-cache.ts';
import { verifyArchive } from '../../../src/archive/read/read.ts';
import type { ByteSource } from '../../../src/base/source.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { saved, written } from '../../support/written-archive.ts';

const MIB = 2 ** 20;
/** ext4, XFS, Btrfs and overlays of them; files in memory or behind another kernel do not leave as they are told. */
const ON_DISK = new Set([0xef53, 0x58465342, 0x9123683e, 0x794c7630]);
const FINCORE = '/usr/bin/fincore';

test('bytes are given up well behind the place that was read, once each, and all at the end', () => {
  const told: [number, number][] = [];
  const passed = new PassedBytes((offset, length) => told.push([offset, length]));
  for (let done = 0; done <= 100 * MIB; done += MIB) passed.upTo(done);
  const ends = told.map(([offset, length]) => offset + length);
  expect(told.map(([offset]) => offset)).toEqual([0, ...ends.slice(0, -1)]);
  expect(ends.at(-1)).toBe(64 * MIB);
  passed.all();
  expect(told.at(-1)).toEqual([0, 0]);
});

function cachedPages(path: string): number {
  return Number(execFileSync(FINCORE, ['--noheadings', '--output', 'PAGES', path], { encoding: 'utf8' }));
}

/** A file on the disk, of which nothing waits to be written. */
function opened(path: string): ByteSource {
  const descriptor = fs.openSync(path, 'r');
  onTestFinished(() => fs.closeSync(descriptor));
  fs.fsyncSync(descriptor);
  return fileSource(descriptor, fs.fstatSync(descriptor).size);
}

test('an archive that is only passed by leaves the page cache, any other stays', async (context) => {
  const directory = await scratchDirectory();
  context.skip(!fs.existsSync(FINCORE), 'fincore is not installed');
  context.skip(!ON_DISK.has(fs.statfsSync(directory).type), 'this file system keeps a cache of its own');
  const tree = join(directory, 'tree');
  fs.mkdirSync(tree);
  fs.writeFileSync(join(tree, 'world.mca'), randomBytes(4 * MIB));
  const { archive: path, index } = saved(await written(tree), join(directory, 'x.tar.gz'));
  const source = { archive: opened(path), index: opened(index) };
  await verifyArchive({ source, workers: 1 });
  expect(cachedPages(path)).toBeGreaterThan(500);
  await verifyArchive({ source, workers: 1, passing: true });
  expect(cachedPages(path)).toBeLessThan(100);
});
