import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { compileIgnore } from '../../../src/archive/ignore/ignore.ts';
import { Recheck } from '../../../src/archive/write/recheck.ts';
import { Walk } from '../../../src/archive/walk/walk.ts';
import { openFiles } from '../../support/open-files.ts';
import { scratchDirectory } from '../../support/scratch.ts';

/** Long before any file of a test was made, and long after. */
const [LATELY, LONG_AGO] = [0, 3_600_000];

/**
 * Walks a directory, lets it change, and looks again.
 *
 * @param age how long before the walk everything in it had changed.
 * @returns the paths with a warning, and what it says.
 */
async function warningsAfter(
  change: (root: string) => void,
  {
    age = LATELY,
    known = [],
    ignore = [],
  }: { age?: number; known?: readonly string[]; ignore?: readonly string[] } = {},
): Promise<string[]> {
  const root = await scratchDirectory();
  fs.mkdirSync(join(root, 'd/inner'), { recursive: true });
  for (const name of ['a', 'b', 'd/c', 'd/inner/e']) fs.writeFileSync(join(root, name), name);
  const restless = new Recheck();
  const now = Date.now() + age;
  const walk = new Walk({
    root,
    ignore: compileIgnore([]),
    exclude: [],
    warn: () => undefined,
    checkAbort: () => undefined,
    onDirectory: (entry, names) => restless.addDirectory(entry, names, now),
  });
  for (const entry of walk.entries()) restless.addFile(entry, now);
  change(root);
  const before = openFiles();
  const warnings: string[] = [];
  const rules = compileIgnore(ignore);
  restless.check(
    root,
    (path) => known.includes(path),
    (path, kind) => !rules.ignores(path, kind),
    (path, code, message) => warnings.push(`${path}: ${code}, ${message}`),
  );
  expect(openFiles()).toEqual(before);
  return warnings;
}

function pathsOf(warnings: readonly string[]): string[] {
  return warnings.map((warning) => warning.replace(/:.*/, '')).sort();
}

describe('a second look', () => {
  test('says nothing of what stayed as it was', async () => {
    expect(await warningsAfter(() => undefined)).toEqual([]);
  });

  test('finds what was written, removed, renamed, replaced and made since', async () => {
    const warnings = await warningsAfter((root) => {
      fs.appendFileSync(join(root, 'a'), 'more');
      fs.rmSync(join(root, 'd/c'));
      fs.renameSync(join(root, 'b'), join(root, 'd/moved'));
      fs.writeFileSync(join(root, 'd/new'), 'new');
      fs.rmSync(join(root, 'd/inner/e'));
      fs.symlinkSync('/etc/passwd', join(root, 'd/inner/e'));
      fs.mkdirSync(join(root, 'made'));
    });
    expect(warnings.sort()).toEqual([
      'a: file_changed, It changed again while the backup ran',
      'b: file_changed, It was removed or renamed after it was archived',
      'd/c: file_changed, It was removed or renamed after it was archived',
      'd/inner/e: file_changed, It changed again while the backup ran',
      'd/moved: file_changed, It appeared while the backup ran; not archived',
      'd/new: file_changed, It appeared while the backup ran; not archived',
      'made: file_changed, It appeared while the backup ran; not archived',
    ]);
  });

  test('says of what it cannot look at that it may have changed, not that it is gone', async () => {
    const refuse = (): never => {
      throw Object.assign(new Error('too many open files'), { code: 'EMFILE', errno: -24 });
    };
    const warnings = await warningsAfter(() => {
      vi.spyOn(fs, 'lstatSync').mockImplementationOnce(refuse);
    });
    expect(warnings).toEqual([
      'a: file_changed, It cannot be looked at again (EMFILE); it may have changed while the backup ran',
    ]);
    const ofDirectories = await warningsAfter(() => {
      vi.spyOn(fs, 'fstatSync').mockImplementationOnce(refuse);
    });
    expect(ofDirectories).toEqual([
      ': file_changed, It cannot be looked at again (EMFILE); it may have changed while the backup ran',
    ]);
  });

  test('leaves out what has its warning already, and what the ignore list drops', async () => {
    const change = (root: string): void => {
      for (const name of ['a', 'd/c']) fs.appendFileSync(join(root, name), 'more');
      for (const name of ['new.log', 'kept']) fs.writeFileSync(join(root, name), 'new');
      fs.mkdirSync(join(root, 'cache'));
    };
    const warnings = await warningsAfter(change, { known: ['a'], ignore: ['*.log', 'cache/'] });
    expect(pathsOf(warnings)).toEqual(['d/c', 'kept']);
  });

  test('is not given to what had long been at rest', async () => {
    const change = (root: string): void => {
      fs.appendFileSync(join(root, 'a'), 'more');
      fs.writeFileSync(join(root, 'new'), 'new');
    };
    expect(await warningsAfter(change, { age: LONG_AGO })).toEqual([]);
  });

  test('never follows a link that took a directory’s place, and never fails', async () => {
    const outside = await scratchDirectory();
    fs.writeFileSync(join(outside, 'secret'), 'not listed');
    const warnings = await warningsAfter((root) => {
      fs.rmSync(join(root, 'd'), { recursive: true });
      fs.symlinkSync(outside, join(root, 'd'));
    });
    // The directory's name was there before; what it is now is told by the files that are gone.
    expect(pathsOf(warnings)).toEqual(['d', 'd/c', 'd/inner/e']);
    expect(warnings.join()).not.toContain('secret');
  });

  test('of a tree that went altogether names its files', async () => {
    const warnings = await warningsAfter((root) => {
      for (const name of fs.readdirSync(root)) fs.rmSync(join(root, name), { recursive: true });
    });
    expect(pathsOf(warnings)).toEqual(['a', 'b', 'd/c', 'd/inner/e']);
  });
});
