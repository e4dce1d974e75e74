import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { TreeEstimate } from '../../../src/archive/contract.ts';
import { estimateTree } from '../../../src/archive/walk/estimate.ts';
import { MAX_LINES } from '../../../src/archive/ignore/ignore.ts';
import { Failure } from '../../../src/base/failure.ts';
import { openFiles, threadCount } from '../../support/open-files.ts';
import { output } from '../../support/programs.ts';
import { failureOf } from '../../support/rejection.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { checkedEntries, written } from '../../support/written-archive.ts';

const IS_ROOT = process.geteuid?.() === 0;
const NOBODY = 65_534;

/** A server with logs and caches that nobody keeps. */
async function server(): Promise<string> {
  const root = await scratchDirectory();
  for (const path of ['world/region', 'logs/old', 'cache/deep/er', 'empty'])
    fs.mkdirSync(join(root, path), { recursive: true });
  const sizes: Readonly<Record<string, number>> = {
    'world/level.dat': 1000,
    'world/region/r.0.0.mca': 50_000,
    'logs/latest.log': 300,
    'logs/old/1.log': 700,
    'cache/a': 4000,
    'cache/deep/b': 5000,
    'cache/deep/er/c': 6000,
    'debug.log': 11,
  };
  for (const [path, size] of Object.entries(sizes)) fs.writeFileSync(join(root, path), Buffer.alloc(size, 'x'));
  fs.linkSync(join(root, 'world/level.dat'), join(root, 'world/level.dat_old'));
  fs.symlinkSync('/etc', join(root, 'link'));
  execFileSync('mkfifo', [join(root, 'fifo')]);
  return root;
}

function estimate(
  root: string,
  ignore: readonly string[] = [],
  more: { exclude?: string[]; signal?: AbortSignal } = {},
) {
  return estimateTree({ root, ignore, exclude: [], ...more });
}

describe('an estimate', () => {
  test('counts what a backup would archive', async () => {
    const root = await server();
    for (const ignore of [[], ['*.log', '/cache'], ['*', '!world/']]) {
      const { files, directories, bytes } = await estimate(root, ignore);
      const entries = await checkedEntries(await written(root, { ignore }));
      expect(files).toBe(entries.filter(({ type }) => type === 'file' || type === 'hardlink').length);
      expect(directories).toBe(entries.filter(({ type }) => type === 'directory').length);
      expect(bytes).toBe(entries.reduce((sum, { size }) => sum + size, 0));
    }
  });

  test('says what the ignore list saves, the largest directories first', async () => {
    const root = await server();
    expect(await estimate(root, ['*.log', '/cache', '/logs'])).toEqual({
      files: 3,
      directories: 3,
      bytes: 51_000,
      ignoredFiles: 6,
      ignoredBytes: 300 + 700 + 15_000 + 11,
      largestIgnored: [
        { path: 'cache', bytes: 15_000 },
        { path: 'logs', bytes: 1000 },
      ],
    });
  });

  test('tells how much of the content are holes', async () => {
    const root = await scratchDirectory();
    const file = join(root, 'holes');
    fs.writeFileSync(file, 'x');
    fs.truncateSync(file, 2 ** 40);
    const { bytes, holes } = await estimate(root);
    expect(bytes).toBe(2 ** 40);
    expect(bytes - (holes ?? 0)).toBe(fs.statSync(file).blocks * 512);
  });

  test('names no more than the twenty largest', async () => {
    const root = await scratchDirectory();
    for (let number = 0; number < 30; number++) {
      fs.mkdirSync(join(root, `d${number}.tmp`));
      fs.writeFileSync(join(root, `d${number}.tmp/f`), Buffer.alloc(number * 10));
    }
    const { largestIgnored, ignoredBytes } = await estimate(root, ['*.tmp']);
    expect(largestIgnored.map(({ bytes }) => bytes)).toEqual(
      Array.from({ length: 20 }, (_, index) => 290 - 10 * index),
    );
    expect(ignoredBytes).toBe(4350);
  });

  test('leaves Roost’s own directories out', async () => {
    const root = await server();
    const { files } = await estimate(root, [], { exclude: [join(root, 'cache')] });
    expect(files).toBe((await estimate(root)).files - 3);
  });

  test('counts what it can see of directories that it may not enter', async (context) => {
    const root = await scratchDirectory();
    fs.chmodSync(root, 0o755);
    for (const [path, mode] of [
      ['kept', 0o000],
      ['a.tmp', 0o000],
      ['b.tmp', 0o444],
      ['c.tmp', 0o755],
    ] as const) {
      fs.mkdirSync(join(root, path));
      fs.writeFileSync(join(root, path, 'file'), '12345');
      fs.chmodSync(join(root, path), mode);
    }
    const child = fileURLToPath(new URL('../../support/estimate-child.ts', import.meta.url));
    const asNobody = IS_ROOT ? { uid: NOBODY } : {};
    const script = `fs.accessSync(${JSON.stringify(child)})`;
    const readable = await output(process.execPath, ['-e', script], asNobody).catch(() => null);
    if (readable === null) context.skip('another user may not read the sources of this checkout');
    const told = await output(process.execPath, [child, root, '*.tmp'], asNobody);
    for (const name of ['kept', 'a.tmp', 'b.tmp']) fs.chmodSync(join(root, name), 0o755);
    const expected: Partial<TreeEstimate> = { files: 0, directories: 1, ignoredFiles: 1, ignoredBytes: 5 };
    expect(JSON.parse(told.toString())).toMatchObject(expected);
  });
});

describe('an estimate that fails', () => {
  test('for want of a directory says so', async () => {
    const root = await scratchDirectory();
    const failure = await failureOf(estimate(join(root, 'missing')), 'internal');
    expect(failure.message).toContain('Cannot estimate the backup: ENOENT');
  });

  test('for an ignore list that is too long says so', async () => {
    await failureOf(
      estimate(
        '/',
        Array.from({ length: MAX_LINES + 1 }, () => 'x'),
      ),
      'invalid_request',
    );
  });

  test('because it was aborted leaves nothing behind', async () => {
    const root = await server();
    await estimate(root);
    const before = { files: openFiles(), threads: threadCount() };
    await failureOf(estimate(root, [], { signal: AbortSignal.abort() }), 'cancelled');
    const stop = new AbortController();
    const reason = new Failure('interrupted', 'Cannot go on: the daemon stops');
    const estimating = estimate('/usr', ['*'], { signal: stop.signal });
    setImmediate(() => stop.abort(reason));
    expect(await failureOf(estimating)).toBe(reason);
    expect(openFiles()).toEqual(before.files);
    expect(threadCount()).toBeLessThanOrEqual(before.threads);
  });
});
