/** What is said of a path that an archive holds, but not as what was asked for. */
import fs from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { openArchive } from '../../../src/archive/archive.ts';
import type { OpenedArchive } from '../../../src/archive/contract.ts';
import { openStreamedArchive } from '../../../src/archive/foreign/open-streamed.ts';
import { makeListing } from '../../../src/archive/open/listing.ts';
import { entry, tar } from '../../hostile/tar-builder.ts';
import { failureOf } from '../../support/rejection.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { memorySource, written } from '../../support/written-archive.ts';

async function own(): Promise<OpenedArchive> {
  const root = await scratchDirectory();
  fs.mkdirSync(join(root, 'world'));
  fs.writeFileSync(join(root, 'eula.txt'), 'eula=true');
  fs.symlinkSync('eula.txt', join(root, 'link'));
  const { archive, index } = await written(root);
  return openArchive({ archive: memorySource(archive), index: memorySource(index) });
}

const FOREIGN = gzipSync(
  tar(
    entry({ name: 'eula.txt' }, 'eula=true'),
    entry({ name: 'link', type: '2', link: 'eula.txt' }),
    entry({ name: 'world/', type: '5' }),
  ),
);

function foreign(): Promise<OpenedArchive> {
  return openArchive({ archive: memorySource(FOREIGN) });
}

async function listed(): Promise<OpenedArchive> {
  const archive = memorySource(FOREIGN);
  const facts = { size: FOREIGN.length, sha256: 'a'.repeat(64) };
  const made = await makeListing(await openStreamedArchive(archive), facts, () => undefined);
  return openArchive({ archive, listing: memorySource(Buffer.from(made ?? [])) });
}

test.each([
  ['with an index', own],
  ['of another program', foreign],
  ['of another program, with a listing', listed],
])('an archive %s', async (_, open) => {
  const archive = await open();
  const list = async (path: string) => (await failureOf(archive.list(path, undefined, 10), 'path_not_found')).message;
  const read = async (path: string) => (await failureOf(archive.content(path), 'path_not_found')).message;
  expect(await list('eula.txt')).toBe('Cannot list "eula.txt": it is no directory');
  expect(await list('link')).toBe('Cannot list "link": it is no directory');
  expect(await list('eula')).toBe('Cannot look into the backup: it holds no "eula"');
  expect(await list('eula.txt/x')).toBe('Cannot look into the backup: it holds no "eula.txt/x"');
  expect(await read('world')).toBe('Cannot read "world": it is a directory, no file');
  expect(await read('link')).toBe('Cannot read "link": it is a symlink, no file');
  expect(await read('eula')).toBe('Cannot look into the backup: it holds no "eula"');
});
