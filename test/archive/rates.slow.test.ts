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

/** Of work that is to be paced: how often it may be slower than that, as the machine did something else besides. */
const TRIES = 4;

/** Expects the tree's bytes to go by at about `RATE`: never faster, and at least once not much slower. */
async function expectPaced(work: () => Promise<unknown>): Promise<void> {
  const rates: number[] = [];
  do {
    const began = performance.now();
    await work();
    rates.push(SIZE / MIB / ((performance.now() - began) / 1000));
    expect(rates.at(-1)).toBeLessThan(RATE * 1.07);
  } while (Math.max(...rates) <= RATE * 0.5 && rates.length < TRIES);
  expect(Math.max(...rates)).toBeGreaterThan(RATE * 0.5);
}

describe('a rate', () => {
  test('paces what an archive is written with, and what is read for it', async () => {
    const root = await randomTree();
    await expectPaced(() => archived(root, () => ({ read: 0, write: RATE })));
    await expectPaced(() => archived(root, () => ({ read: RATE, write: 0 })));
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
    await expectPaced(() => extract(() => ({ read: 0, write: RATE })));
    await expectPaced(() => extract(() => ({ read: RATE, write: 0 })));
  });

  test('paces a verification, and one that is lifted while it runs holds no longer', async () => {
    const { archive, index } = await archived(await randomTree());
    const verify = (rates: Rates) => verifyArchive({ source: { archive, index }, workers: 2, rates });
    await expectPaced(() => verify(() => ({ read: RATE, write: 0 })));
    let rate = 0.1;
    const began = performance.now();
    const ended = verify(() => ({ read: rate, write: 0 }));
    rate = 0;
    await ended;
    // At that rate it would take two minutes.
    expect(performance.now() - began).toBeLessThan(60_000);
  });
});
