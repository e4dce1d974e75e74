import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { extractArchive, verifyArchive, writeArchive } from '../../src/archive/archive.ts';
import type { ByteSink } from '../../src/base/source.ts';
import { memorySource } from '../support/real-archive.ts';
import { scratchDirectory } from '../support/scratch.ts';

const MIB = 2 ** 20;
/** Enough that beginning and ending do not count. */
const SIZE = 12 * MIB;
/** Little enough for a machine that is busy with other tests. */
const RATE = 3;

type Rates = () => { readonly read: number; readonly write: number };

/** A tree of random bytes, which no compression makes smaller. */
async function randomTree(): Promise<string> {
  const root = await scratchDirectory();
  for (let number = 0; number < 12; number++) writeFileSync(join(root, `${number}.mca`), randomBytes(SIZE / 12));
  return root;
}

function collected(): ByteSink & { readonly bytes: () => Buffer } {
  const parts: Buffer[] = [];
  return { write: async (bytes) => void parts.push(Buffer.from(bytes)), bytes: () => Buffer.concat(parts) };
}

async function archived(root: string, rates?: Rates) {
  const [archive, index] = [collected(), collected()];
  await writeArchive({
    root,
    ignore: [],
    exclude: [],
    level: 'none',
    engine: 'zlib',
    workers: 2,
    archive,
    index,
    maxSize: 0,
    ...(rates === undefined ? {} : { rates }),
  });
  return { archive: memorySource(archive.bytes()), index: memorySource(index.bytes()) };
}

/** MiB per second that the tree's bytes took. */
async function measured(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return SIZE / MIB / ((performance.now() - began) / 1000);
}

/** Wide on the lower side: the machine may be busy, but must not be faster than was asked. */
function expectAbout(rate: number, asked: number): void {
  expect(rate).toBeLessThan(asked * 1.07);
  expect(rate).toBeGreaterThan(asked * 0.5);
}

describe('a rate', () => {
  test('paces what an archive is written with, and what is read for it', async () => {
    const root = await randomTree();
    expectAbout(await measured(() => archived(root, () => ({ read: 0, write: RATE }))), RATE);
    expectAbout(await measured(() => archived(root, () => ({ read: RATE, write: 0 }))), RATE);
  });

  test.each([
    ['with an index', true],
    ['read through', false],
  ])('paces what is written and read by unpacking, %s', async (_, indexed) => {
    const { archive, index } = await archived(await randomTree());
    const extract = async (rates: Rates) => {
      const into = join(await scratchDirectory(), 'tree');
      mkdirSync(into);
      return extractArchive({
        source: indexed ? { archive, index } : { archive },
        into,
        owner: 'archive',
        setuid: 'strip',
        limits: { maxBytes: 0, maxEntries: 0 },
        overwrite: false,
        durable: false,
        workers: 2,
        rates,
      });
    };
    expectAbout(await measured(() => extract(() => ({ read: 0, write: RATE }))), RATE);
    expectAbout(await measured(() => extract(() => ({ read: RATE, write: 0 }))), RATE);
  });

  test('paces a verification, and one that is lifted while it runs holds no longer', async () => {
    const { archive, index } = await archived(await randomTree());
    const verify = (rates: Rates) => verifyArchive({ source: { archive, index }, workers: 2, rates });
    expectAbout(await measured(() => verify(() => ({ read: RATE, write: 0 }))), RATE);
    let rate = 0.1;
    const began = performance.now();
    const ended = verify(() => ({ read: rate, write: 0 }));
    rate = 0;
    await ended;
    // At that rate it would take two minutes.
    expect(performance.now() - began).toBeLessThan(20_000);
  });
});
