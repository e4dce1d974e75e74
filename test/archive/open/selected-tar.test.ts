import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openArchive } from '../../../src/archive/open/open.ts';
import { selectedTar } from '../../../src/archive/open/selected-tar.ts';
import { entry, header, tar } from '../../hostile/tar-builder.ts';
import { randomBytes } from '../../support/random-bytes.ts';
import { failureOf } from '../../support/rejection.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { tarEntries } from '../../support/tar-entries.ts';
import { checkedEntries, memorySource, written } from '../../support/written-archive.ts';

/** Small files that share segments, one of several segments, links of both kinds, names of every sort. */
async function mixedTree(): Promise<string> {
  const root = await scratchDirectory();
  mkdirSync(join(root, 'small'));
  for (let at = 0; at < 120; at++) writeFileSync(join(root, 'small', `${at}`), randomBytes(at * 7, at));
  writeFileSync(join(root, 'large'), randomBytes(3_000_000, 9));
  writeFileSync(join(root, 'empty'), '');
  writeFileSync(Buffer.concat([Buffer.from(`${root}/bad`), Buffer.from([0xff])]), 'bytes');
  writeFileSync(join(root, `${'n'.repeat(200)}[x]`), 'long');
  linkSync(join(root, 'large'), join(root, 'linked'));
  symlinkSync('small/1', join(root, 'pointer'));
  return root;
}

async function tarOf(request: Parameters<typeof openArchive>[0], selects: (path: string) => boolean) {
  const archive = await openArchive(request);
  const pieces: Buffer[] = [];
  for await (const piece of selectedTar(archive, selects)) pieces.push(Buffer.from(piece));
  await archive.close();
  return tarEntries(Buffer.concat(pieces)).map(({ offset: _offset, headerLength: _length, ...entry }) => entry);
}

test('everything selected is the same entries, by the index and without it', async () => {
  const archived = await written(await mixedTree());
  const whole = (await checkedEntries(archived)).map(({ offset: _offset, headerLength: _length, ...entry }) => entry);
  expect(whole.length).toBeGreaterThan(125);
  const archive = memorySource(archived.archive);
  expect(await tarOf({ archive, index: memorySource(archived.index) }, () => true)).toEqual(whole);
  expect(await tarOf({ archive }, () => true)).toEqual(whole);
});

test('a hard link whose file was not selected is that file', async () => {
  const archived = await written(await mixedTree());
  const [archive, index] = [memorySource(archived.archive), memorySource(archived.index)];
  const large = randomBytes(3_000_000, 9);
  for (const request of [{ archive, index }, { archive }]) {
    const alone = await tarOf(request, (path) => path === 'linked' || path === 'small/5');
    expect(alone.map(({ path, type, size }) => [path, type, size])).toEqual([
      ['linked', 'file', large.length],
      ['small/5', 'file', 35],
    ]);
    expect(alone[0]?.content.equals(large)).toBe(true);
    const both = await tarOf(request, (path) => path === 'linked' || path === 'large');
    expect(both.map(({ path, type, target }) => [path, type, target])).toEqual([
      ['large', 'file', ''],
      ['linked', 'hardlink', 'large'],
    ]);
  }
});

test('a hard link to what is no file stays a link, and the rest is there', async () => {
  const link = (name: string, type: string, target: string): Buffer => header({ name, type, link: target });
  const archive = memorySource(
    tar(link('s', '2', 'there'), link('a', '1', 's'), link('b', '1', 'gone'), entry({ name: 'c' }, 'x')),
  );
  const entries = await tarOf({ archive }, (path) => path !== 's');
  expect(entries.map(({ path, type, target }) => [path, type, target])).toEqual([
    ['a', 'hardlink', 's'],
    ['b', 'hardlink', 'gone'],
    ['c', 'file', ''],
  ]);
});

test('nothing selected is an empty tar', async () => {
  const { archive, index } = await written(await mixedTree());
  expect(await tarOf({ archive: memorySource(archive), index: memorySource(index) }, () => false)).toEqual([]);
});

test.each([-1, 1])('content that differs by %i byte from its entry fails', async (difference) => {
  const entry = { path: 'a', kind: 'file' as const, size: 5, mode: 0o644, uid: 0, gid: 0, mtime: 0 };
  const reading = (async () => {
    const archive = {
      async *selected() {
        const content = async function* () {
          yield Buffer.alloc(5 + difference);
        };
        yield { entry, content };
      },
      content: () => Promise.reject(new Error('not needed')),
    };
    for await (const piece of selectedTar(archive, () => true)) expect(piece.length).toBeLessThanOrEqual(512);
  })();
  await failureOf(reading, 'archive_damaged');
});
