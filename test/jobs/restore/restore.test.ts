import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { remains, restoreNode } from '../../support/restore-scene.ts';
import { directory, file, manifestOf, symlink, treeOf } from '../../support/tree.ts';
import { archiveOf } from '../../support/tree-archive.ts';

const OLD = treeOf({
  'server.properties': file('motd=old'),
  world: directory(0o755, 1_600_000_000),
  'world/level.dat': file('old level', 0o600),
  'world/old.mca': file('region'),
  plugins: directory(),
  'plugins/a.jar': file('a'),
});

const NEW = treeOf({
  'server.properties': file('motd=new', 0o640),
  world: directory(0o555, 1_500_000_000),
  'world/level.dat': file('new level'),
  'world/new.mca': file('region'),
  empty: directory(0o700),
  link: symlink('/etc/passwd'),
});

async function nodeWith(live = OLD, archived = NEW) {
  const node = await restoreNode();
  node.setLive(live);
  node.archive = archiveOf(archived);
  return node;
}

describe('a restore', () => {
  it('makes the tree exactly the archive with truncate, and leaves nothing of its own', async () => {
    const node = await nodeWith();
    const inode = fs.statSync(node.live).ino;
    await expect(node.restore({ truncate: true })).resolves.toBe('done');
    expect(node.manifest()).toEqual(manifestOf(NEW));
    expect(remains(node)).toEqual([]);
    expect(fs.statSync(node.live).ino, 'the directory itself is the same').toBe(inode);
    expect(node.catalogue.plans.list()).toEqual([]);
  });

  it('merges directories without truncate, and lets others stay', async () => {
    const node = await nodeWith();
    await expect(node.restore()).resolves.toBe('done');
    const merged = new Map([...OLD, ...NEW]);
    expect(node.manifest()).toEqual(manifestOf(merged));
    expect(remains(node)).toEqual([]);
  });

  it('restores chosen paths only, and removes only among them', async () => {
    const node = await nodeWith();
    await expect(node.restore({ truncate: true, paths: ['world'] })).resolves.toBe('done');
    const expected = new Map([...OLD].filter(([path]) => !path.startsWith('world')));
    for (const [path, entry] of NEW) if (path.startsWith('world')) expected.set(path, entry);
    expect(node.manifest()).toEqual(manifestOf(expected));
  });

  it('undoes a restore that kept the previous tree', async () => {
    const node = await nodeWith();
    await expect(node.restore({ truncate: true, keepPreviousHours: 1 })).resolves.toBe('done');
    expect(remains(node)).toEqual([]);
    expect(fs.readdirSync(join(node.stateDirectory, 'previous'))).toHaveLength(1);
    await expect(node.restore({ undo: true })).resolves.toBe('done');
    expect(node.manifest()).toEqual(manifestOf(OLD));
    expect(fs.readdirSync(join(node.stateDirectory, 'previous'))).toEqual([]);
    expect(node.catalogue.plans.list()).toEqual([]);
  });
});
