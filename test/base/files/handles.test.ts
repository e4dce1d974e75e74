import fs from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { applyMetadata, readMetadata } from '../../../src/base/files/handle-writes.ts';
import {
  DirectoryChain,
  childPath,
  openDirectory,
  openForReading,
  openRoot,
  readDirectory,
  statChild,
} from '../../../src/base/files/handles.ts';
import { bytesOf } from '../../../src/base/files/paths.ts';
import { openFiles } from '../../support/open-files.ts';
import { scratchDirectory } from '../../support/scratch.ts';

let directory: string;
let root: number;

beforeEach(async () => {
  directory = await scratchDirectory();
  fs.mkdirSync(join(directory, 'a/b/c'), { recursive: true });
  fs.writeFileSync(join(directory, 'a/b/c/file'), 'inside');
  root = openRoot(directory);
});

afterEach(() => {
  fs.closeSync(root);
});

const openDescriptors = (): number => fs.readdirSync('/proc/self/fd').length;
const errorOf = (act: () => unknown): unknown => {
  try {
    act();
  } catch (error) {
    return error;
  }
  return undefined;
};

describe('names below a held directory', () => {
  test('are byte strings, whatever bytes they have', () => {
    const name = 'odd\xff\n\x1b';
    fs.writeFileSync(Buffer.concat([Buffer.from(`${directory}/`), bytesOf(name)]), 'x');
    expect(readDirectory(root).map((item) => item.name)).toContain(name);
    expect(statChild(root, name)?.size).toBe(1);
    fs.closeSync(openForReading(root, name));
  });

  // The many are read piece by piece, the few at once.
  test.each([3, 5000])('have their kinds where a directory holds %i', (count) => {
    const names = Array.from(
      { length: count },
      (_, index) => `${'\xe9'.repeat(20)} ${String(index).padStart(60, '0')}`,
    );
    for (const [index, name] of names.entries()) {
      const path = Buffer.concat([Buffer.from(`${directory}/a/b/`), bytesOf(name)]);
      if (index % 3 === 0) fs.mkdirSync(path);
      else if (index % 3 === 1) fs.writeFileSync(path, '');
      else fs.symlinkSync('.', path);
    }
    const chain = new DirectoryChain(root);
    const found = readDirectory(chain.open('a/b')).filter(({ name }) => name !== 'c');
    chain.close();
    const expected = names.map((name, index) => ({ name, directory: index % 3 === 0 }));
    expect(found.sort((a, b) => (a.name < b.name ? -1 : 1))).toEqual(expected);
  });

  test('a link is never followed, neither as a directory nor as a file', () => {
    fs.symlinkSync('/etc', join(directory, 'etc'));
    fs.symlinkSync('/etc/passwd', join(directory, 'passwd'));
    expect(errorOf(() => openDirectory(root, 'etc'))).toMatchObject({ code: 'ENOTDIR' });
    expect(errorOf(() => openForReading(root, 'passwd'))).toMatchObject({ code: 'ELOOP' });
    expect(statChild(root, 'passwd')?.isSymbolicLink()).toBe(true);
  });

  test('stay those of the held directory when its name leads elsewhere', () => {
    const held = openDirectory(root, 'a');
    fs.renameSync(join(directory, 'a'), join(directory, 'moved'));
    fs.symlinkSync('/etc', join(directory, 'a'));
    expect(readDirectory(held)).toEqual([{ name: 'b', directory: true }]);
    expect(fs.existsSync(childPath(held, 'passwd'))).toBe(false);
    fs.closeSync(held);
  });
});

describe('DirectoryChain', () => {
  test('holds a bounded number of handles, wherever it goes in a deep tree', async () => {
    const root = await scratchDirectory();
    const deep = (levels: number) => Array.from({ length: levels }, (_, level) => `l${level}`).join('/');
    fs.mkdirSync(join(root, deep(100)), { recursive: true });
    const handle = openRoot(root);
    const chain = new DirectoryChain(handle, 5);
    const before = openFiles().length;
    for (const levels of [100, 99, 97, 40, 41, 100, 3, 0, 60, 96, 58]) {
      const names = readDirectory(chain.open(deep(levels))).map(({ name }) => name);
      expect(names).toEqual(levels === 100 ? [] : [`l${levels}`]);
      expect(openFiles().length - before).toBeLessThanOrEqual(5);
    }
    chain.close();
    expect(openFiles().length).toBe(before);
    fs.closeSync(handle);
  });

  test('leads to directories in any order, and closes all that it opened', () => {
    const before = openDescriptors();
    const chain = new DirectoryChain(root);
    expect(readDirectory(chain.open('a/b/c'))).toEqual([{ name: 'file', directory: false }]);
    expect(chain.open('')).toBe(root);
    expect(readDirectory(chain.open('a'))).toEqual([{ name: 'b', directory: true }]);
    expect(readDirectory(chain.open('a/b/c'))).toHaveLength(1);
    chain.close();
    expect(openDescriptors()).toBe(before);
  });

  test('refuses a component that is a link, and goes on working after that', () => {
    fs.symlinkSync('a/b', join(directory, 'short'));
    const chain = new DirectoryChain(root);
    expect(errorOf(() => chain.open('short/c'))).toMatchObject({ code: 'ENOTDIR' });
    expect(errorOf(() => chain.open('a/gone/c'))).toMatchObject({ code: 'ENOENT' });
    expect(readDirectory(chain.open('a/b/c'))).toHaveLength(1);
    chain.close();
  });

  test('leads to what is asked for also after a way that broke off half-way, and after it was closed', () => {
    const chain = new DirectoryChain(root);
    const namesIn = (path: string): string[] => readDirectory(chain.open(path)).map(({ name }) => name);
    expect(namesIn('a')).toEqual(['b']);
    expect(errorOf(() => chain.open('a/b/gone'))).toMatchObject({ code: 'ENOENT' });
    expect(namesIn('a')).toEqual(['b']);
    expect(namesIn('a/b')).toEqual(['c']);
    expect(namesIn('a/b')).toEqual(['c']);
    chain.close();
    expect(namesIn('a/b')).toEqual(['c']);
    expect(namesIn('')).toEqual(['a']);
    chain.close();
  });
});

describe('metadata of a held directory', () => {
  test.each([0, 1_700_000_000, -315_619_200, 7_258_118_400])('comes back as it was set, at %d too', (mtime) => {
    const { uid, gid } = readMetadata(root);
    applyMetadata(root, { mode: 0o751, uid, gid, mtime });
    const stat = fs.statSync(directory);
    expect([stat.mode & 0o7777, Math.floor(stat.mtimeMs / 1000)]).toEqual([0o751, mtime]);
  });
});
