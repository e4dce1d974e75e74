import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { HeldFiles } from '../../../src/archive/contract.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { checkedEntries, madeLater, MemorySink, saved, written } from '../../support/written-archive.ts';

const MEBIBYTE = 1024 * 1024;
const DB = 'worlds/level/db';

/** A world whose database has a small and a large file. */
async function world() {
  const root = await scratchDirectory();
  fs.mkdirSync(join(root, DB), { recursive: true });
  fs.writeFileSync(join(root, 'behavior_packs'), randomBytes(4 * MEBIBYTE));
  const small = randomBytes(4000);
  const large = randomBytes(2 * MEBIBYTE);
  fs.writeFileSync(join(root, DB, '000005.ldb'), large);
  fs.writeFileSync(join(root, DB, 'MANIFEST-000004'), small);
  const held: HeldFiles = {
    lengths: new Map([
      [`${DB}/000005.ldb`, MEBIBYTE + 17],
      [`${DB}/MANIFEST-000004`, 258],
    ]),
    complete: [DB],
  };
  return { root, small, large, held };
}

function append(root: string): void {
  for (const name of ['000005.ldb', 'MANIFEST-000004']) fs.appendFileSync(join(root, DB, name), randomBytes(5000));
}

/** Archives while both files grow, before they are read and behind that. */
async function writtenWhileGrowing(root: string, held: HeldFiles) {
  class GrowingSink extends MemorySink {
    override write(bytes: Uint8Array): Promise<void> {
      append(root);
      return super.write(bytes);
    }
  }
  const archive = new GrowingSink();
  const { result, index } = await written(root, { held, archive, level: 'none', workers: 1 });
  return { archive: archive.bytes, index, result };
}

test('only the lengths that a game keeps still are archived, however the files grow meanwhile', async () => {
  const { root, small, large, held } = await world();
  const archived = await writtenWhileGrowing(root, held);
  const entries = new Map((await checkedEntries(archived)).map((entry) => [entry.path, entry]));
  expect(entries.get(`${DB}/000005.ldb`)?.content.equals(large.subarray(0, MEBIBYTE + 17))).toBe(true);
  expect(entries.get(`${DB}/MANIFEST-000004`)?.content.equals(small.subarray(0, 258))).toBe(true);
  expect(archived.result.warnings).toEqual([]);
});

test('without lengths the same files have warnings', async () => {
  const { root } = await world();
  const archived = await writtenWhileGrowing(root, { lengths: new Map(), complete: [] });
  const paths = archived.result.warnings.map(({ path }) => path);
  expect(paths).toContain(`${DB}/MANIFEST-000004`);
});

test('what the game does not name in its database is left out, what it names and is not there is missed', async () => {
  const { root, held } = await world();
  fs.writeFileSync(join(root, DB, '000009.log'), 'newer');
  fs.rmSync(join(root, DB, 'MANIFEST-000004'));
  const lengths = new Map([...held.lengths, [`${DB}/000005.ldb`, 3 * MEBIBYTE], ['ignored/file', 1]]);
  const archived = await written(root, { held: { ...held, lengths }, ignore: ['ignored/'] });
  const entries = await checkedEntries(archived);
  const names = entries.filter(({ type }) => type === 'file').map(({ path }) => path);
  expect(names).toEqual(['behavior_packs', `${DB}/000005.ldb`]);
  expect(archived.result.warnings.map(({ path, code, message }) => [path, code, message])).toEqual([
    [`${DB}/000005.ldb`, 'file_changed', 'The game names 3145728 bytes of it, and it has 2097152'],
    [`${DB}/000009.log`, 'file_changed', 'It is newer than the state that the game keeps still; not archived'],
    [`${DB}/MANIFEST-000004`, 'file_vanished', 'The game names it as part of its world, and it is not there'],
  ]);
});

test('files of the same length are copied from the archive before, and those of another are not', async () => {
  const { root, large, held } = await world();
  const first = await madeLater(await written(root, { held, level: 'none', engine: 'zlib' }));
  const home = await scratchDirectory();
  const base = saved(first, join(home, 'first.tar.gz'));
  const again = await written(root, { held, base, level: 'none', engine: 'zlib' });
  expect(again.result.sha256).toBe(first.result.sha256);
  expect(again.result.reusedBytes).toBeGreaterThan(4 * MEBIBYTE);
  const lengths = new Map([...held.lengths, [`${DB}/000005.ldb`, MEBIBYTE + 18]]);
  const longer = await written(root, { held: { ...held, lengths }, base, level: 'none', engine: 'zlib' });
  const entry = (await checkedEntries(longer)).find(({ path }) => path === `${DB}/000005.ldb`);
  expect(entry?.content.equals(large.subarray(0, MEBIBYTE + 18))).toBe(true);
});
