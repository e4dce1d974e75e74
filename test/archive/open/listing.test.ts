import fc from 'fast-check';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { checkedListing, openArchive } from '../../../src/archive/archive.ts';
import type { OpenedArchive } from '../../../src/archive/contract.ts';
import { openStreamedArchive } from '../../../src/archive/foreign/open-streamed.ts';
import { makeListing } from '../../../src/archive/open/listing.ts';
import { fromText } from '../../../src/base/files/paths.ts';
import { entry, tar } from '../../hostile/tar-builder.ts';
import { failureOf } from '../../support/rejection.ts';
import { memorySource } from '../foreign/sources.ts';

const SHA = 'a'.repeat(64);
/** Its last bytes, of which some mean nothing. */
const FOOTER = 40;
const carryOn = (): void => undefined;

interface Item {
  readonly path: string;
  readonly content?: string;
}

/** A tar as others make it: in any order, with directories or without them, names more than once. */
async function opened(items: readonly Item[]) {
  const bytes = gzipSync(
    tar(
      ...items.map(({ path, content }) =>
        content === undefined ? entry({ name: `${path}/`, type: '5' }) : entry({ name: path }, content),
      ),
    ),
  );
  const archive = memorySource(bytes);
  const facts = { size: bytes.length, sha256: SHA };
  const made = await makeListing(await openStreamedArchive(archive), facts, carryOn);
  const listing = made === undefined ? undefined : memorySource(made);
  return {
    archive,
    facts,
    made,
    plain: await openArchive({ archive }),
    listed: await openArchive({ archive, ...(listing && { listing }) }),
  };
}

async function levelsOf(archive: OpenedArchive, path = ''): Promise<unknown[]> {
  const found: unknown[] = [];
  let cursor: string | undefined;
  do {
    const page = await archive.list(path, cursor, 2);
    for (const each of page.entries) {
      found.push(each);
      if (each.kind === 'directory') found.push(...(await levelsOf(archive, each.path)));
    }
    cursor = page.cursor;
  } while (cursor !== undefined);
  return found;
}

async function textOf(archive: OpenedArchive, path: string): Promise<string> {
  const { stream } = await archive.content(path);
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces).toString();
}

const name = fc.constantFrom('a', 'b', 'a0', 'a-', 'é', 'Z');
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => fromText(parts.join('/')));
const item = fc.record({ path, content: fc.option(fc.constantFrom('', 'x', 'yy'), { nil: undefined }) });

describe('an archive with a listing', () => {
  test('shows what reading it through shows, and gives the same content', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(item, { maxLength: 12 }), async (items) => {
        const { listed, made, plain } = await opened(items);
        const isOdd = items.some(({ path }) =>
          items.some((other) => other.content !== undefined && path.startsWith(`${other.path}/`)),
        );
        if (!isOdd) expect(made).toBeDefined();
        const levels = await levelsOf(listed);
        expect(levels).toEqual(await levelsOf(plain));
        for (const { path } of items) {
          const asked = await Promise.allSettled([textOf(listed, path), textOf(plain, path)]);
          expect(asked[0]).toEqual(asked[1]);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('lists without reading more of it than its first block', async () => {
    const { archive, made } = await opened([{ path: 'world/level.dat', content: 'x'.repeat(100_000) }]);
    let furthest = 0;
    const counted = {
      ...archive,
      read: (offset: number, length: number) => {
        furthest = Math.max(furthest, offset + length);
        return archive.read(offset, length);
      },
    };
    const big = { ...counted, size: archive.size };
    const again = await openArchive({ archive: big, listing: memorySource(made ?? new Uint8Array()) });
    const before = furthest;
    expect((await again.list('world', undefined, 10)).entries.map(({ path }) => path)).toEqual(['world/level.dat']);
    expect(furthest).toBe(before);
  });

  test('does not hold what the archive does not', async () => {
    const { listed } = await opened([{ path: 'a', content: 'x' }]);
    await failureOf(listed.list('b', undefined, 10), 'path_not_found');
    await failureOf(listed.content('b'), 'path_not_found');
  });
});

test('a name that is a file and has others below it gets no listing', async () => {
  expect(
    (
      await opened([
        { path: 'a', content: 'x' },
        { path: 'a/b', content: 'y' },
      ])
    ).made,
  ).toBeUndefined();
});

test('a listing that is damaged anywhere, or of another archive, is none', async () => {
  const { facts, made = new Uint8Array() } = await opened([
    { path: 'a/b', content: 'x' },
    { path: 'c', content: 'y' },
  ]);
  expect(await checkedListing(memorySource(made), facts)).toBeDefined();
  expect(await checkedListing(memorySource(made), { ...facts, size: facts.size + 1 })).toBeUndefined();
  expect(await checkedListing(memorySource(made), { ...facts, sha256: 'b'.repeat(64) })).toBeUndefined();
  for (let at = 8; at < made.length - FOOTER; at++) {
    const damaged = Buffer.from(made);
    damaged.writeUInt8(damaged.readUInt8(at) ^ 0x55, at);
    expect(await checkedListing(memorySource(damaged), facts), `byte ${at}`).toBeUndefined();
  }
  expect(await checkedListing(memorySource(made.subarray(0, made.length >> 1)), facts)).toBeUndefined();
});
