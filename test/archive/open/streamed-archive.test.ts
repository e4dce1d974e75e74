import { describe, expect, test } from 'vitest';
import { openArchive } from '../../../src/archive/archive.ts';
import type { OpenedArchive } from '../../../src/archive/contract.ts';
import { openStreamedArchive } from '../../../src/archive/foreign/open-streamed.ts';
import { makeListing } from '../../../src/archive/open/listing.ts';
import { entry, header, tar } from '../../hostile/tar-builder.ts';
import { failureOf } from '../../support/rejection.ts';
import { memorySource } from '../foreign/sources.ts';

const link = (name: string, target: string): Buffer => header({ name, type: '1', link: target });

/** The same archive without a listing and with one. */
async function opened(...parts: readonly Buffer[]): Promise<OpenedArchive[]> {
  const bytes = tar(...parts);
  const archive = memorySource(bytes);
  const facts = { size: bytes.length, sha256: 'a'.repeat(64) };
  const listing = await makeListing(await openStreamedArchive(archive), facts, () => undefined);
  if (listing === undefined) throw new Error('it has a listing');
  return Promise.all([openArchive({ archive }), openArchive({ archive, listing: memorySource(listing) })]);
}

async function textOf(archive: OpenedArchive, path: string): Promise<string> {
  const { entry, stream } = await archive.content(path);
  expect(entry.path).toBe(path);
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(Buffer.from(piece));
  expect(entry.size).toBe(Buffer.concat(pieces).length);
  return Buffer.concat(pieces).toString();
}

describe('the content of a hard link, as unpacking gives it', () => {
  test('is what its target was when the link came', async () => {
    const versions = ['first', '2nd', 'third'].map((text) => entry({ name: 'f' }, text));
    for (const archive of await opened(...versions.slice(0, 2), link('a', 'f'), ...versions.slice(2))) {
      expect(await textOf(archive, 'a')).toBe('2nd');
      expect(await textOf(archive, 'f')).toBe('third');
    }
  });

  test('is that of the file which a row of links leads to', async () => {
    for (const archive of await opened(entry({ name: 'f' }, 'x'), link('a', 'f'), link('b', 'a'), link('c', 'b'))) {
      expect(await textOf(archive, 'c')).toBe('x');
    }
  });

  test('is none where links lead to each other, or to what comes later', async () => {
    const parts = [link('a', 'b'), link('b', 'a'), link('c', 'd'), entry({ name: 'd' }, 'x')];
    for (const archive of await opened(...parts)) {
      for (const path of ['a', 'b', 'c']) await failureOf(archive.content(path), 'path_not_found');
    }
  });
});
