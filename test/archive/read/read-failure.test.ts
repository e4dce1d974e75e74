import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { extractArchive, verifyArchive } from '../../../src/archive/archive.ts';
import { openFileSource } from '../../../src/base/files/file-source.ts';
import { failureOf } from '../../support/rejection.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { memorySource, saved, written } from '../../support/written-archive.ts';

async function archived() {
  const root = await scratchDirectory();
  fs.mkdirSync(join(root, 'world'));
  for (const name of ['a', 'b']) fs.writeFileSync(join(root, 'world', name), randomBytes(700_000));
  const made = await written(root);
  const source = { archive: memorySource(made.archive), index: memorySource(made.index) };
  return { ...made, source, expected: { size: made.result.size, sha256: made.result.sha256 } };
}

const ALL = { owner: 'archive', setuid: 'strip', overwrite: false, durable: false, workers: 2 } as const;
const NO_LIMITS = { maxBytes: 0, maxEntries: 0 };

test('rates that cannot be told any more fail a reading and not the process', async () => {
  const { source } = await archived();
  let asked = 0;
  const rates = (): { read: number; write: number } => {
    if (++asked > 1) throw new Error('the config is gone');
    return { read: 0.001, write: 0.001 };
  };
  const failure = await failureOf(verifyArchive({ source, workers: 2, rates }), 'internal');
  expect(failure.message).toContain('the config is gone');
});

test('unpacking that is stopped while its links are selected ends so, and replaces nothing that was not selected', async () => {
  const root = await scratchDirectory();
  for (const name of ['one', 'other']) fs.symlinkSync('target', join(root, name));
  const made = saved(await written(root), join(await scratchDirectory(), 'a.tar.gz'));
  const [archive, index] = [openFileSource(made.archive), openFileSource(made.index)];
  onTestFinished(() => Promise.all([archive.close(), index.close()]).then(() => undefined));
  const into = await scratchDirectory();
  fs.writeFileSync(join(into, 'other'), 'precious');
  const stop = new AbortController();
  let asked = 0;
  const select = (path: string): boolean => {
    // The first time all entries come in their order, the second time the links.
    if (path === 'other' && ++asked === 2) stop.abort();
    return path === 'one';
  };
  const request = { ...ALL, source: { archive, index }, into, overwrite: true, limits: NO_LIMITS, select };
  await failureOf(extractArchive({ ...request, signal: stop.signal }), 'cancelled');
  expect(fs.readFileSync(join(into, 'other'), 'utf8')).toBe('precious');
});

test('unpacking with a proof gives the tree, when the archive is the recorded one', async () => {
  const { source, expected, result } = await archived();
  const into = await scratchDirectory();
  const unpacked = await extractArchive({ ...ALL, source, into, limits: NO_LIMITS, expected });
  expect(unpacked).toMatchObject({ entries: result.entries, files: 2, hostile: 0 });
  expect(fs.readdirSync(join(into, 'world'))).toEqual(['a', 'b']);
});

test.for([0, 3, 200, 100_000, -1, -5, -9])('unpacking with a proof finds a flipped byte at %d', async (at) => {
  const { source, archive, expected } = await archived();
  const bytes = Buffer.from(archive);
  const place = at < 0 ? bytes.length + at : at;
  bytes[place] = (bytes[place] ?? 0) ^ 1;
  const into = await scratchDirectory();
  const damaged = { archive: memorySource(bytes), index: source.index };
  await failureOf(extractArchive({ ...ALL, source: damaged, into, limits: NO_LIMITS, expected }), 'archive_damaged');
});

test('unpacking with a proof refuses another archive than the recorded one, with an index and without', async () => {
  const { source, expected } = await archived();
  const other = await archived();
  for (const mixed of [other.source, { archive: other.source.archive }]) {
    const into = await scratchDirectory();
    const request = { ...ALL, source: mixed, into, limits: NO_LIMITS, expected };
    await failureOf(extractArchive(request), 'archive_damaged');
  }
  const into = await scratchDirectory();
  await extractArchive({ ...ALL, source: { archive: source.archive }, into, limits: NO_LIMITS, expected });
  expect(fs.readdirSync(join(into, 'world'))).toEqual(['a', 'b']);
});
