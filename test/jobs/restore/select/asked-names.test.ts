/** What the names that a restore is asked for do to a live tree; `rest` in the trees stays whatever is asked. */
import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkAsked, resolveAsked } from '../../../../src/jobs/restore/select/paths.ts';
import { restoreNode, type RestoreNode } from '../../../support/restore-scene.ts';
import { directory, file, readTree, symlink, type Tree, treeOf } from '../../../support/tree.ts';
import { archiveOf } from '../../../support/tree-archive.ts';

const NAMES = [
  '!config.yml',
  'resources/[local]/a.lua',
  'resources/l/decoy.lua',
  'a{b,c}.txt',
  'ab.txt',
  'what?.txt',
  'whatX.txt',
  'star*.txt',
  'starry.txt',
  'new\nline',
  'n\xe4me',
  'back\\slash',
  'config.yml',
];

function treeWith(content: string): Tree {
  const directories = { resources: directory(), 'resources/[local]': directory(), 'resources/l': directory() };
  return treeOf({ ...directories, ...Object.fromEntries(NAMES.map((name) => [name, file(content)])) });
}

async function scene(): Promise<RestoreNode> {
  const node = await restoreNode();
  node.setLive(new Map([...treeWith('live'), ['later.txt', file('live')], ['n\xe4me2', file('live')]]));
  node.archive = archiveOf(treeWith('saved'));
  return node;
}

/** The files that are as in the backup now, and those that are gone. */
function changed(node: RestoreNode): { readonly restored: string[]; readonly gone: string[] } {
  const now = readTree(node.live);
  const restored = [...now].filter(([, at]) => at.kind === 'file' && at.content === 'saved').map(([path]) => path);
  return { restored, gone: [...NAMES, 'later.txt', 'n\xe4me2'].filter((path) => !now.has(path)) };
}

describe('a path of the backup, with truncate', () => {
  it.each([
    ['!config.yml', ['!config.yml']],
    ['resources/[local]', ['resources/[local]/a.lua']],
    ['resources/[local]/a.lua', ['resources/[local]/a.lua']],
    ['a{b,c}.txt', ['a{b,c}.txt']],
    ['what?.txt', ['what?.txt']],
    ['star*.txt', ['star*.txt']],
    ['new\nline', ['new\nline']],
    ['n\\xe4me', ['n\xe4me']],
    ['back\\slash', ['back\\slash']],
  ])('%j is all that changes', async (path, restored) => {
    const node = await scene();
    await expect(node.restore({ truncate: true, paths: [path] })).resolves.toBe('done');
    expect(changed(node)).toEqual({ restored, gone: [] });
  });

  it.each([['!later.txt'], ['!resources'], ['nothing{1..1000000000}'], ['later.txt'], ['+(a|b)'], ['[l]']])(
    '%j is none, and nothing is changed',
    async (path) => {
      const node = await scene();
      await expect(node.restore({ truncate: true, paths: [path] })).resolves.toBe('path_not_found');
      expect(changed(node)).toEqual({ restored: [], gone: [] });
    },
  );

  it('is tried as a glob when the backup has no such path', async () => {
    const node = await scene();
    await expect(node.restore({ truncate: true, paths: ['**/*.lua'] })).resolves.toBe('done');
    expect(changed(node).restored.sort()).toEqual(['resources/[local]/a.lua', 'resources/l/decoy.lua']);
  });

  it('beside paths that are none is restored, and those are named and do not widen what is removed', async () => {
    const node = await scene();
    const paths = ['config.yml', 'later.txt', 'gone/[x]'];
    const { warnings } = await node.submit({ truncate: true, paths }).ended;
    expect(changed(node)).toEqual({ restored: ['config.yml'], gone: [] });
    expect(warnings.map(({ code, path }) => [code, path])).toEqual([
      ['not_in_backup', 'later.txt'],
      ['not_in_backup', 'gone/[x]'],
    ]);
  });

  it('adds to globs, whose exclusions do not reach it', async () => {
    const node = await scene();
    const request = { paths: ['!config.yml'], globs: ['*.txt', '!a*', '!\\!config.yml'] };
    await expect(node.restore(request)).resolves.toBe('done');
    expect(changed(node).restored.sort()).toEqual(['!config.yml', 'star*.txt', 'starry.txt', 'what?.txt', 'whatX.txt']);
  });

  it('is shown by a dry run as it is restored', async () => {
    const node = await scene();
    const { dryRun } = await node.submit({ truncate: true, dryRun: true, paths: ['a{b,c}.txt'] }).ended;
    expect(dryRun).toMatchObject({ added: [], replaced: ['a{b,c}.txt'], deleted: [] });
    expect(changed(node)).toEqual({ restored: [], gone: [] });
  });

  it('comes back by an undo, alone', async () => {
    const node = await scene();
    const before = node.manifest();
    await expect(node.restore({ truncate: true, paths: ['!config.yml'], keepPreviousHours: 1 })).resolves.toBe('done');
    await expect(node.restore({ undo: true })).resolves.toBe('done');
    expect(node.manifest()).toEqual(before);
  });

  it('does not take away a link that lies where its parent was', async () => {
    const node = await restoreNode();
    const elsewhere = join(node.root, 'other-disk');
    fs.mkdirSync(elsewhere);
    fs.writeFileSync(join(elsewhere, 'level.dat'), 'live');
    node.setLive(treeOf({ world: symlink(elsewhere), rest: file('rest') }));
    node.archive = archiveOf(treeOf({ world: directory(), 'world/level.dat': file('saved') }));
    const { warnings } = await node.submit({ truncate: true, paths: ['world/level.dat'] }).ended;
    expect(warnings).toMatchObject([{ code: 'kept', path: 'world' }]);
    expect(fs.readlinkSync(join(node.live, 'world'))).toBe(elsewhere);
    expect(fs.readFileSync(join(elsewhere, 'level.dat'), 'utf8')).toBe('live');
  });
});

describe('what is asked for', () => {
  it.each([
    { paths: [] },
    { paths: [''] },
    { paths: ['/'] },
    { paths: ['./.'] },
    { paths: ['../other'] },
    { paths: ['a/../../b'] },
    { paths: ['a\0b'] },
    { paths: ['a'.repeat(40_000)] },
    { paths: Array.from({ length: 10_001 }, () => 'a') },
    { paths: ['a'], globs: ['!b'] },
    { globs: [] },
    { globs: ['{1..999999999}'] },
  ])('is refused before anything is looked up: %#', (asked) => {
    expect(() => checkAsked(asked)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });

  it('may be ten thousand names, each of which is looked up in one pass', async () => {
    let passes = 0;
    const paths = Array.from({ length: 10_000 }, (_, at) => `world/[${at}]`);
    const found = await resolveAsked({ paths }, async function* () {
      passes++;
      for (const path of paths) yield { path, kind: 'file' as const };
    });
    expect(found?.missing).toEqual([]);
    expect(passes).toBe(1);
  });

  it('of many that are none of the backup, but globs, is refused', async () => {
    const paths = Array.from({ length: 200 }, (_, at) => `*${at}`);
    const resolved = resolveAsked({ paths }, async function* () {
      yield { path: 'a', kind: 'file' as const };
    });
    await expect(resolved).rejects.toMatchObject({ code: 'invalid_request' });
  });
});
