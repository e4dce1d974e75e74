/** Whether the bytes of an archive are on the disk: blocks that were given back read as zeros. */
import { type FileHandle, open } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { nextHole } from '../../base/files/holes.ts';
import { damaged } from './ranges.ts';
import type { Layout } from './source.ts';

/** Looks between which other work has its turn. */
const AT_ONCE = 4096;

/**
 * For: layouts of which it is not known whether a pack has still what lies there by them.
 *
 * @param pathOf of a pack; undefined where packs are no files, and have no holes.
 * @throws Failure `archive_damaged` when some of it lies in a hole; system errors.
 */
export async function requireStored(
  { files, parts }: Layout,
  pathOf: (pack: string) => string | undefined,
): Promise<void> {
  for (const [number, pack] of files.entries()) {
    const path = pathOf(pack);
    if (path === undefined) continue;
    await using file = await open(path);
    await requireNoHole(file, number, parts, pack);
  }
}

async function requireNoHole(
  { fd }: FileHandle,
  number: number,
  { ends, file, start }: Layout['parts'],
  pack: string,
): Promise<void> {
  let [data, hole] = [0, 0];
  for (let index = 0, before = 0; index < ends.length; index++) {
    if (index % AT_ONCE === 0) await setImmediate();
    const end = ends[index] ?? 0;
    const [from, length] = [start[index] ?? 0, end - before];
    before = end;
    if (file[index] !== number) continue;
    // Most follow each other.
    if (from < data || from >= hole) [data, hole] = [from, nextHole(fd, from)];
    if (from + length > hole) throw damaged(`${pack}.pack`, `byte ${hole} and those behind it were given back`);
  }
}
