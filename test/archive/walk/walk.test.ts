import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ArchiveWarning } from '../../../src/archive/entry.ts';
import { compileIgnore, type DirectoryRules, type IgnoreRules } from '../../../src/archive/ignore/ignore.ts';
import { tarName } from '../../../src/archive/tar/header.ts';
import { Walk, type WalkRequest } from '../../../src/archive/walk/walk.ts';
import type { WalkedEntry } from '../../../src/archive/walk/walked-entry.ts';
import { Failure, errnoOf } from '../../../src/base/failure.ts';
import { DirectoryChain, MAX_DEPTH, openRoot } from '../../../src/base/files/handles.ts';
import { makeDirectory } from '../../../src/base/files/handle-writes.ts';
import { pathIn } from '../../support/directory-manifest.ts';
import { openFiles } from '../../support/open-files.ts';
import { scratchDirectory } from '../../support/scratch.ts';

interface Walked {
  readonly entries: readonly WalkedEntry[];
  readonly warnings: readonly ArchiveWarning[];
}

function requestFor(root: string, more: Partial<WalkRequest> = {}): WalkRequest {
  const ignore = compileIgnore([]);
  return { root, ignore, exclude: [], warn: () => undefined, checkAbort: () => undefined, ...more };
}

/** Walks to the end, and checks that no descriptor is left. */
function walk(root: string, more: Partial<WalkRequest> = {}): Walked {
  const before = openFiles();
  const warnings: ArchiveWarning[] = [];
  const warn: WalkRequest['warn'] = (path, code, message) => warnings.push({ path, code, message });
  const entries = [...new Walk(requestFor(root, { warn, ...more })).entries()];
  expect(openFiles()).toEqual(before);
  return { entries, warnings };
}

function namesOf({ entries }: Walked): string[] {
  return entries.map((entry) => tarName(entry));
}

function codesOf({ warnings }: Walked): [string, string][] {
  return warnings.map(({ path, code }) => [path, code]);
}

function makeFiles(root: string, paths: readonly string[]): void {
  for (const path of paths) {
    if (path.endsWith('/')) fs.mkdirSync(pathIn(root, path), { recursive: true });
    else fs.writeFileSync(pathIn(root, path), path, 'latin1');
  }
}

describe('order', () => {
  test('is that of the bytes of tar names, a directory before its content', async () => {
    const root = await scratchDirectory();
    makeFiles(root, [
      'a',
      'a b',
      'a-b/',
      'a-b/z',
      'a.b',
      'a0',
      'b/',
      'b/x/',
      'b/x/y',
      'b.c',
      'b0',
      'Z',
      '\xff',
      '\xc3\xa9',
    ]);
    makeFiles(root, ['c', 'c-/', 'c/'.replace('c', 'd'), 'd/0', 'd.']);
    const names = namesOf(walk(root));
    const sorted = [
      ['Z', 'a', 'a b', 'a-b/', 'a-b/z', 'a.b', 'a0'],
      ['b.c', 'b/', 'b/x/', 'b/x/y', 'b0', 'c', 'c-/', 'd.', 'd/', 'd/0'],
      ['\xc3\xa9', '\xff'],
    ];
    expect(names).toEqual(sorted.flat());
  });

  test('and content are those of a naive walk, for random trees and random ignore lists', async () => {
    const home = await scratchDirectory();
    let number = 0;
    fc.assert(
      fc.property(trees, randomLists, (tree, lines) => {
        const root = join(home, String(number++));
        fs.mkdirSync(root);
        makeTree(root, tree);
        const rules = compileIgnore(lines);
        const { entries, warnings } = walk(root, { ignore: compileIgnore(lines) });
        expect(entries.map((entry) => tarName(entry))).toEqual(keptNames(tree, rules).sort(byBytes));
        expect(warnings).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });
});

/** A random directory: undefined stands for a file. */
interface RandomTree {
  readonly [name: string]: RandomTree | undefined;
}

// Names around the slash in byte order, and those that the random ignore lists speak of.
const NAMES = ['a', 'a-', 'a.', 'a0', 'b', 'c', 'ab', 'A', '\xe9', 'a b'];
const { tree: trees } = fc.letrec<{ tree: RandomTree; child: RandomTree | undefined }>((tie) => ({
  tree: fc.dictionary(fc.constantFrom(...NAMES), tie('child'), { maxKeys: 5, noNullPrototype: true }),
  child: fc.option(tie('tree'), { nil: undefined, maxDepth: 3, depthIdentifier: 'tree' }),
}));

const LINES = [
  'a',
  '/a',
  'a/',
  'a*',
  '*',
  '!a',
  '!b',
  '!a/b',
  'a/b',
  '**/c',
  'c/**',
  '!c/a',
  '!**/ab',
  'b/*',
  '!b/a-',
  '?',
  '!?.',
];
const randomLists = fc.array(fc.constantFrom(...LINES), { maxLength: 5 });

function makeTree(path: string, tree: RandomTree): void {
  for (const [name, child] of Object.entries(tree)) {
    const at = Buffer.from(`${path}/${name}`, 'latin1');
    if (child === undefined) fs.writeFileSync(at, name, 'latin1');
    else {
      fs.mkdirSync(at);
      makeTree(`${path}/${name}`, child);
    }
  }
}

/** Every path is decided from scratch; an ignored directory is there if anything below it is kept. */
function keptNames(tree: RandomTree, rules: IgnoreRules, prefix = ''): string[] {
  const kept: string[] = [];
  for (const [name, child] of Object.entries(tree)) {
    const path = prefix + name;
    const below = child === undefined ? [] : keptNames(child, rules, `${path}/`);
    if (child === undefined) kept.push(...(rules.ignores(path, 'file') ? [] : [path]));
    else if (below.length > 0 || !rules.ignores(path, 'directory')) kept.push(`${path}/`, ...below);
  }
  return kept;
}

function byBytes(one: string, other: string): number {
  return one < other ? -1 : 1;
}

describe('hard links', () => {
  test('lead to the first name in order, which is the file', async () => {
    const root = await scratchDirectory();
    makeFiles(root, ['z/', 'a/', 'z/1', 'single']);
    for (const name of ['a/2', 'm', 'z/0']) fs.linkSync(join(root, 'z/1'), join(root, name));
    const links = walk(root).entries.map(({ path, kind, target, size, fileSize }) => ({
      path,
      kind,
      target,
      size,
      fileSize,
    }));
    expect(links.filter(({ kind }) => kind !== 'directory')).toEqual([
      { path: 'a/2', kind: 'file', target: undefined, size: 3, fileSize: undefined },
      { path: 'm', kind: 'hardlink', target: 'a/2', size: 0, fileSize: 3 },
      { path: 'single', kind: 'file', target: undefined, size: 6, fileSize: undefined },
      { path: 'z/0', kind: 'hardlink', target: 'a/2', size: 0, fileSize: 3 },
      { path: 'z/1', kind: 'hardlink', target: 'a/2', size: 0, fileSize: 3 },
    ]);
  });

  test('never lead to a name that is ignored', async () => {
    const root = await scratchDirectory();
    makeFiles(root, ['a.log']);
    for (const name of ['b', 'c']) fs.linkSync(join(root, 'a.log'), join(root, name));
    const { entries } = walk(root, { ignore: compileIgnore(['*.log']) });
    expect(entries.map(({ path, kind, target }) => [path, kind, target])).toEqual([
      ['b', 'file', undefined],
      ['c', 'hardlink', 'b'],
    ]);
  });

  test('of symlinks stay symlinks', async () => {
    const root = await scratchDirectory();
    fs.symlinkSync('x', join(root, 'a'));
    fs.linkSync(join(root, 'a'), join(root, 'b'));
    expect(walk(root).entries.map(({ kind, target }) => [kind, target])).toEqual([
      ['symlink', 'x'],
      ['symlink', 'x'],
    ]);
  });
});

/** Rules that keep everything, and run something when they are asked about a name: just after it was looked at. */
function rulesThat(act: (name: string) => void): IgnoreRules {
  const rules: DirectoryRules = {
    child: (name) => {
      act(name);
      return { ignored: false, prune: false };
    },
    enter: () => rules,
  };
  return {
    ...compileIgnore([]),
    lines: [],
    warnings: [],
    steps: 0,
    maxStepsPerByte: 0,
    root: () => rules,
    ignores: () => false,
  };
}

describe('a tree that changes under the walk', () => {
  test('never leads out of the directory when a component becomes a link after it was looked at', async () => {
    const home = await scratchDirectory();
    const [root, outside] = [join(home, 'server'), join(home, 'outside')];
    makeFiles(home, ['server/', 'server/d/', 'server/d/mine', 'outside/', 'outside/secret', 'server/e']);
    const swap = rulesThat((name) => {
      if (name !== 'd') return;
      fs.renameSync(join(root, 'd'), join(root, 'moved'));
      fs.symlinkSync(outside, join(root, 'd'));
    });
    const walked = walk(root, { ignore: swap });
    expect(namesOf(walked)).toEqual(['d/', 'e']);
    expect(codesOf(walked)).toEqual([['d', 'file_changed']]);
  });

  test('gives names up that changed between file and directory, so that the order holds', async () => {
    const root = await scratchDirectory();
    makeFiles(root, ['a', 'a-b', 'b/', 'b/inside', 'b-c', 'c/', 'd', 'e', 'f', 'g/']);
    const walked = walk(root, {
      onDirectory: ({ path }) => {
        if (path !== '') return;
        for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) fs.rmSync(join(root, name), { recursive: true });
        makeFiles(root, ['a/', 'a/new', 'b']);
        fs.symlinkSync('/etc', join(root, 'c'));
        fs.symlinkSync('/etc/passwd', join(root, 'd'));
        execFileSync('mkfifo', [join(root, 'e')]);
      },
    });
    expect(namesOf(walked)).toEqual(['a-b', 'b-c', 'd', 'g/']);
    expect(walked.entries.find(({ path }) => path === 'd')).toMatchObject({ kind: 'symlink', target: '/etc/passwd' });
    expect(codesOf(walked)).toEqual(
      [
        ['a', 'file_changed'],
        ['b', 'file_changed'],
        ['c', 'file_changed'],
        ['e', 'special_file'],
        ['f', 'file_vanished'],
      ].toSorted(([one = ''], [other = '']) => byBytes(order(one), order(other))),
    );
  });

  /** Where a name stood when the directory was listed. */
  function order(name: string): string {
    return name === 'b' || name === 'c' ? `${name}/` : name;
  }

  test('is told of a directory that vanished after it was looked at, and of a link that became a file', async () => {
    const root = await scratchDirectory();
    makeFiles(root, ['d/', 'd/inside', 'z']);
    fs.symlinkSync('z', join(root, 'link'));
    const walked = walk(root, {
      ignore: rulesThat((name) => {
        fs.rmSync(join(root, name), { recursive: true });
        if (name === 'link') fs.writeFileSync(join(root, name), 'now a file');
      }),
    });
    expect(namesOf(walked)).toEqual(['d/', 'z']);
    expect(codesOf(walked)).toEqual([
      ['d', 'file_vanished'],
      ['link', 'file_changed'],
    ]);
  });

  test('does not speak of what vanishes where it is ignored', async () => {
    const root = await scratchDirectory();
    makeFiles(root, ['cache.tmp', 'lock.tmp/', 'kept']);
    const walked = walk(root, {
      ignore: compileIgnore(['*.tmp']),
      onDirectory: () => {
        for (const name of fs.readdirSync(root)) fs.rmSync(join(root, name), { recursive: true });
      },
    });
    expect(codesOf(walked)).toEqual([['kept', 'file_vanished']]);
  });

  test('does not look into Roost’s own directory when that is moved into place at the last moment', async () => {
    const home = await scratchDirectory();
    const root = join(home, 'server');
    makeFiles(home, ['server/', 'server/d/', 'backups/', 'backups/others.tar.gz']);
    const walked = walk(root, {
      exclude: [join(home, 'backups')],
      ignore: rulesThat((name) => {
        if (name !== 'd') return;
        fs.rmdirSync(join(root, 'd'));
        fs.renameSync(join(home, 'backups'), join(root, 'd'));
      }),
    });
    expect(namesOf(walked)).toEqual(['d/']);
    expect(codesOf(walked)).toEqual([['d', 'excluded']]);
  });
});

describe('bounds', () => {
  test('directories deeper than a descriptor for each allows are named, and the rest is walked', async () => {
    const root = await scratchDirectory();
    fs.mkdirSync(join(root, 'd/'.repeat(MAX_DEPTH + 3)), { recursive: true });
    makeFiles(root, ['e']);
    const walked = walk(root);
    expect(walked.entries).toHaveLength(MAX_DEPTH + 1);
    expect(walked.warnings).toHaveLength(1);
    expect(walked.warnings[0]).toMatchObject({ code: 'too_deep', path: Array(MAX_DEPTH).fill('d').join('/') });
    expect(walked.entries.at(-1)?.path).toBe('e');
  });

  test('paths of up to 8,192 bytes are kept, longer ones are named', async () => {
    const root = await scratchDirectory();
    const names = Array.from({ length: 33 }, (_, index) => String(index).padStart(255, 'n'));
    const handle = openRoot(root);
    const chain = new DirectoryChain(handle);
    const make = (parent: number, name: string): void => makeDirectory(parent, name, 0o755);
    chain.open(names.join('/'), make);
    chain.close();
    fs.closeSync(handle);
    const walked = walk(root);
    // Deeper than the programs that clean up after a test can reach by a path.
    execFileSync('rm', ['-rf', join(root, names[0] ?? '')]);
    expect(walked.entries.map(({ path }) => path.length)).toEqual(names.slice(1).map((_, index) => index * 256 + 255));
    expect(codesOf(walked)).toEqual([[names.join('/').slice(0, 200), 'too_deep']]);
  });

  test('times beyond what a date can tell are kept within it', async (context) => {
    const tmpfs = '/dev/shm';
    if (!fs.existsSync(tmpfs)) context.skip('there is no file system here that keeps such times');
    const root = fs.mkdtempSync(join(tmpfs, 'roost-test-'));
    try {
      fs.writeFileSync(join(root, 'a'), '');
      // 2^62 nanoseconds: more than a double counts without loss.
      execFileSync('touch', ['-d', '@4611686018', join(root, 'a')]);
      expect(walk(root).entries[0]?.mtime).toBe(4_611_686_018);
      execFileSync('touch', ['-d', '@9000000000000', join(root, 'a')]);
      expect(walk(root).entries[0]?.mtime).toBe(8.64e12);
    } finally {
      fs.rmSync(root, { recursive: true });
    }
  });
});

describe('stopping', () => {
  test('a caller that has seen enough leaves no descriptor behind', async () => {
    const root = await scratchDirectory();
    makeFiles(root, ['a/b/c/d/', 'a/b/c/d/e']);
    const before = openFiles();
    for (const entry of new Walk(requestFor(root)).entries()) if (entry.path === 'a/b/c') break;
    expect(openFiles()).toEqual(before);
  });

  test('an abort is noticed at every name, ignored ones too, and leaves no descriptor behind', async () => {
    const root = await scratchDirectory();
    makeFiles(root, ['a/', 'a/1', 'a/2.log', 'b']);
    const before = openFiles();
    for (const stopAt of [1, 2, 3, 4]) {
      let asked = 0;
      const checkAbort = (): void => {
        if (++asked === stopAt) throw new Failure('cancelled', 'Cannot go on: stopped');
      };
      const walking = new Walk(requestFor(root, { checkAbort, ignore: compileIgnore(['*.log']) }));
      expect(() => [...walking.entries()]).toThrow('stopped');
      expect(openFiles()).toEqual(before);
    }
  });

  test('a root that is missing is the system’s error, not an empty archive', async () => {
    const root = await scratchDirectory();
    const walking = new Walk(requestFor(join(root, 'missing')));
    expect(errnoOf(thrown(() => [...walking.entries()]))).toBe('ENOENT');
    fs.writeFileSync(join(root, 'file'), '');
    expect(errnoOf(thrown(() => [...new Walk(requestFor(join(root, 'file'))).entries()]))).toBe('ENOTDIR');
  });
});

function thrown(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return undefined;
}

test('times are rounded down, also where a double would round them up', async () => {
  const root = await scratchDirectory();
  const times: Record<string, string> = {
    a: '@315360000.999999999',
    b: '@1700000000.999999999',
    c: '@-0.5',
    d: '@-1.000000001',
    e: '@-86400',
    f: '@1600000000',
    g: '@1700000000.000000001',
  };
  for (const [name, time] of Object.entries(times)) execFileSync('touch', ['-d', time, join(root, name)]);
  fs.mkdirSync(join(root, 'h'));
  execFileSync('touch', ['-d', '@315360000.999999999', join(root, 'h')]);
  expect(walk(root).entries.map(({ mtime }) => mtime)).toEqual([
    315360000, 1700000000, -1, -2, -86400, 1600000000, 1700000000, 315360000,
  ]);
});

describe('a tree of a thousand levels', () => {
  /** Directories d in each other, with a file in each that sorts behind what is below it. */
  async function deep(levels: number): Promise<string> {
    const root = await scratchDirectory();
    const top = openRoot(root);
    const chain = new DirectoryChain(top);
    for (let level = 0; level < levels; level++) {
      const handle = chain.open(Array.from({ length: level }, () => 'd').join('/'));
      makeDirectory(handle, 'd', 0o755);
      fs.writeFileSync(`/proc/self/fd/${handle}/z`, 'x');
    }
    chain.close();
    fs.closeSync(top);
    return root;
  }

  test('is walked with a few descriptors, there and back', async () => {
    const root = await deep(1000);
    const before = openFiles().length;
    let most = 0;
    const names: string[] = [];
    for (const entry of new Walk(requestFor(root)).entries()) {
      names.push(tarName(entry));
      if (names.length % 50 === 0) most = Math.max(most, openFiles().length - before);
    }
    expect(names).toHaveLength(2000);
    expect(names.at(-1)).toBe('z');
    expect(most).toBeLessThan(24);
  });

  test('gives up what was left in a directory that another took the place of, and says so', async () => {
    const root = await deep(60);
    const outside = await scratchDirectory();
    fs.writeFileSync(join(outside, 'z'), 'secret');
    const warnings: string[] = [];
    const warn: WalkRequest['warn'] = (path, code) => warnings.push(`${code} ${path.split('/').length}`);
    const names: string[] = [];
    for (const entry of new Walk(requestFor(root, { warn })).entries()) {
      names.push(tarName(entry));
      if (names.length !== 60) continue;
      fs.renameSync(join(root, 'd/d/d'), join(root, 'd/moved'));
      fs.symlinkSync(outside, join(root, 'd/d/d'));
    }
    expect(warnings.filter((each) => each === 'file_changed 3')).toHaveLength(1);
    expect(names.slice(-2)).toEqual(['d/z', 'z']);
    expect(names).not.toContain('d/d/d/z');
  });
});
