import fs from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { openStreamedArchive } from '../../src/archive/foreign/open-streamed.ts';
import { unpackStreamed } from '../../src/archive/unpack/streamed.ts';
import { memorySource } from '../archive/foreign/sources.ts';
import { failureOf } from '../support/rejection.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { OWNER } from './canary.ts';
import { END, entry, header, tar } from './tar-builder.ts';

const PIECE = 64 * 1024 * 1024;
/** A gzip member of 64 MiB of zeros, in 64 KiB. */
const zeros = gzipSync(Buffer.alloc(PIECE));

async function unpack(bytes: Buffer, into: string, maxBytes: number, maxEntries = 0) {
  const source = memorySource(bytes);
  return unpackStreamed(await openStreamedArchive(source), {
    source: { archive: source },
    into,
    owner: OWNER,
    setuid: 'strip',
    limits: { maxBytes, maxEntries },
    overwrite: false,
    durable: false,
    workers: 1,
  });
}

function fileOfZeros(pieces: number): Buffer {
  const head = gzipSync(header({ name: 'world.bin', size: pieces * PIECE }));
  return Buffer.concat([head, ...Array.from({ length: pieces }, () => zeros), gzipSync(END)]);
}

it('two gibibytes of zeros are a world like any other: they come whole, take no room, and memory stays flat', async () => {
  const into = await scratchDirectory();
  const before = process.memoryUsage().rss;
  let most = before;
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss);
  }, 20);
  const result = await unpack(fileOfZeros(32), into, 4 * 1024 ** 3);
  clearInterval(watch);
  expect(result).toMatchObject({ files: 1, bytes: 2 * 1024 ** 3, warnings: [] });
  expect(fs.statSync(join(into, 'world.bin'))).toMatchObject({ size: 2 * 1024 ** 3 });
  expect(fs.statSync(join(into, 'world.bin')).blocks).toBeLessThan(2048);
  expect(most - before).toBeLessThan(256 * 1024 * 1024);
});

it('ten gibibytes from a small file are refused by the header, before anything is written', async () => {
  const into = await scratchDirectory();
  await failureOf(unpack(fileOfZeros(160), into, 1024 ** 3), 'too_large');
  expect(fs.readdirSync(into)).toEqual([]);
});

it('more than a gibibyte behind the end of an archive is refused', async () => {
  const bytes = Buffer.concat([gzipSync(tar(entry({ name: 'f' }, 'x'))), ...Array.from({ length: 17 }, () => zeros)]);
  await failureOf(unpack(bytes, await scratchDirectory(), 0), 'too_large');
});

it('a million entries are stopped at the limit', async () => {
  const thousand = gzipSync(Buffer.concat(Array.from({ length: 1000 }, (_, index) => header({ name: `d/${index}` }))));
  const bytes = Buffer.concat([...Array.from({ length: 1000 }, () => thousand), gzipSync(END)]);
  await failureOf(unpack(bytes, await scratchDirectory(), 0, 20_000), 'too_large');
});
