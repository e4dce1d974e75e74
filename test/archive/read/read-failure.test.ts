import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { extractArchive, verifyArchive } from '../../../src/archive/archive.ts';
import { failureOf } from '../../support/rejection.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { memorySource, written } from '../../support/written-archive.ts';

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
