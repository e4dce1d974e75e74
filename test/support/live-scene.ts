/** Backups of servers that do not hold still: the scenes of live.test.ts and its slow twin. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { WriteRequest } from '../../src/archive/contract.ts';
import { selectedEngine } from '../../src/archive/gzip/engine.ts';
import { verifyArchive } from '../../src/archive/read/read.ts';
import { isOfOneMoment, records } from './live-content.ts';
import { LIVE } from './live-files.ts';
import { randomBytes } from './random-bytes.ts';
import { scratchDirectory } from './scratch.ts';
import type { TarEntry } from './tar-entries.ts';
import { checkedEntries, memorySource, saved, written, type Written } from './written-archive.ts';

/** Starts a program, and waits until it is under way. */
async function startChild(program: URL, args: readonly string[]): Promise<ChildProcess> {
  const child = fork(fileURLToPath(program), args);
  const [message] = (await Promise.race([once(child, 'message'), once(child, 'exit')])) as unknown[];
  if (message !== 'ready') throw new Error(`${program.pathname} ended before it was ready`);
  return child;
}

/** Ends a child that must still be running: one that died has not done its part. */
async function endChild(child: ChildProcess): Promise<void> {
  expect(child.exitCode, 'the child died on its way').toBeNull();
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** What changes from backup to backup: engines, levels, threads, and whether bytes are copied from the one before. */
function* manners(home: string): Generator<(before: Written | undefined) => Partial<WriteRequest>, never, void> {
  const engines = selectedEngine('auto') === 'isal' ? (['isal', 'zlib'] as const) : (['zlib'] as const);
  for (let number = 0; ; number++) {
    const engine = engines[number % engines.length] ?? 'zlib';
    yield (before) => ({
      engine,
      workers: 1 + (number % 3),
      ...(number % 2 === 1 && before !== undefined ? { base: saved(before, join(home, 'base.tar.gz')) } : {}),
    });
  }
}

/**
 * Backs a server up again and again while a writer changes its files as fast as it can.
 *
 * @param then is shown each archive.
 */
export async function backUpWhileWritten(count: number, then: (archived: Written, path: string) => Promise<void>) {
  const home = await scratchDirectory();
  const root = join(home, 'server');
  const live = join(root, 'live');
  fs.mkdirSync(live, { recursive: true });
  for (const [number, name] of LIVE.still.entries()) {
    const length = name.startsWith('large') ? 16_000 : 10 + number;
    fs.writeFileSync(join(live, name), records(1_000_000 + number, 0, 0, length));
  }
  const writer = await startChild(new URL('./live-writer.ts', import.meta.url), [live, '12345']);
  try {
    let before: Written | undefined;
    const manner = manners(home);
    for (let number = 0; number < count; number++) {
      const archived = await written(root, manner.next().value(before));
      checkLive(await checkedEntries(archived), archived);
      await checkByRoost(archived);
      await then(archived, saved(archived, join(home, 'a.tar.gz')).archive);
      before = archived;
    }
  } finally {
    await endChild(writer);
  }
}

/** The index describes what changed while it was read, too. */
async function checkByRoost({ archive, index, result }: Written): Promise<void> {
  const { size, sha256, entries, files } = result;
  const source = { archive: memorySource(archive), index: memorySource(index) };
  const verified = await verifyArchive({ source, expected: { size, sha256 }, workers: 1 });
  expect(verified).toMatchObject({ format: 'roost', entries, files });
}

/** Every path is there whole, or named in a warning; and no untouched path is. */
function checkLive(entries: readonly TarEntry[], { result }: Written): void {
  const warned = new Set(result.warnings.map(({ path }) => path));
  expect(result.warningCount).toBe(result.warnings.length);
  const files = new Map(entries.filter(({ type }) => type === 'file').map(({ path, content }) => [path, content]));
  const torn = [...files].filter(([path, content]) => !warned.has(path) && !isOfOneMoment(content));
  expect(torn.map(([path]) => path)).toEqual([]);
  for (const [number, name] of LIVE.still.entries()) {
    const content = files.get(`live/${name}`);
    expect(content?.equals(records(1_000_000 + number, 0, 0, content.length / 64)), name).toBe(true);
    expect(warned).not.toContain(`live/${name}`);
  }
  // A file that is replaced is never absent: one of the two was there at any moment.
  for (const name of LIVE.lasting) expect(files.has(`live/${name}`), name).toBe(true);
  const touched = new Set([...LIVE.lasting, ...LIVE.passing].flatMap((name) => [`live/${name}`, `live/${name}.tmp`]));
  expect([...warned].filter((path) => !touched.has(path))).toEqual([]);
}

/** Says who wrote a file: its owner, whose archive it belongs to, or somebody else. */
const MINE = 'mine: ';
const FOREIGN = 'FOREIGN: what no archive of this server may hold';

/** Backs a server up while its owner swaps directories and files for links and FIFOs. */
export async function backUpWhileSwapped(atLeast: {
  readonly backups: number;
  readonly swaps: number;
}): Promise<{ readonly backups: number; readonly swaps: number }> {
  const home = await scratchDirectory();
  const [root, outside] = [join(home, 'server'), join(home, 'outside')];
  makeSwapped(root, outside);
  const swapper = await startChild(new URL('./live-swapper.ts', import.meta.url), [root, outside]);
  const manner = manners(home);
  let [backups, swaps] = [0, 0];
  try {
    let before: Written | undefined;
    while (swaps < atLeast.swaps || backups < atLeast.backups) {
      const archived = await written(root, manner.next().value(before));
      checkOwn(await checkedEntries(archived));
      before = archived;
      backups++;
      swapper.send('how many?');
      [swaps] = (await once(swapper, 'message')) as [number];
    }
  } finally {
    await endChild(swapper);
  }
  return { backups, swaps };
}

function makeSwapped(root: string, outside: string): void {
  for (const path of ['d/inner', 'etc', 'deep/middle/inner']) fs.mkdirSync(join(root, path), { recursive: true });
  for (const path of ['inner', '']) fs.mkdirSync(join(outside, path), { recursive: true });
  // The same names on both sides, so that a path found here leads somewhere there.
  for (const name of ['secret', 'shadow', 'inner/secret', 'inner/shadow']) {
    for (const directory of ['d', 'deep/middle']) fs.writeFileSync(join(root, directory, name), MINE + name);
    fs.writeFileSync(join(outside, name), FOREIGN);
  }
  fs.writeFileSync(join(outside, 'only here'), FOREIGN);
  for (const name of ['passwd', 'hostname', 'group', 'os-release'])
    fs.writeFileSync(join(root, 'etc', name), MINE + name);
  const files = Array.from({ length: 20 }, (_, number) => `file ${number}`);
  for (const name of [...files, 'blocking']) fs.writeFileSync(join(root, name), MINE + name);
  fs.writeFileSync(join(root, 'large'), Buffer.concat([Buffer.from(MINE), randomBytes(700_000, 1)]));
  // Work between the walk over a name and its reading.
  for (let number = 0; number < 1500; number++) fs.writeFileSync(join(root, `d/${number}`), `${MINE}${number}`);
}

function checkOwn(entries: readonly TarEntry[]): void {
  const foreign = entries.filter(
    ({ type, content }) => type === 'file' && !content.toString('latin1', 0, 6).startsWith(MINE),
  );
  // An empty file may be one whose reading was cut short; nothing here is empty.
  expect(foreign.map(({ path, content }) => [path, content.toString('latin1', 0, 40)])).toEqual([]);
  expect(entries.filter(({ path }) => path.includes('only here')).map(({ path }) => path)).toEqual([]);
}
