import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, type TestContext } from 'vitest';
import { mountsBelow } from '../../../src/servers/swap/swap.ts';
import { openRoot } from '../../../src/base/files/handles.ts';
import { mountTmpfs } from '../../support/mounted.ts';
import { remains, restoreNode, type RestoreNode } from '../../support/restore-scene.ts';
import { directory, file, makeTree, manifestAt, manifestOf, treeOf } from '../../support/tree.ts';
import { archiveOf } from '../../support/tree-archive.ts';

const OLD = treeOf({ 'a.txt': file('old'), 'b.txt': file('b'), world: directory(), 'world/level.dat': file('old') });
const NEW = treeOf({ 'a.txt': file('new'), world: directory(0o700), 'world/r.mca': file('region') });

describe('a server that is a file system of its own', () => {
  async function scene(context: TestContext): Promise<RestoreNode> {
    const node = await restoreNode();
    mountTmpfs(context, node.live);
    makeTree(node.live, OLD);
    node.archive = archiveOf(NEW);
    return node;
  }

  it('is restored through a stage inside it, of which nothing is left', async (context) => {
    const node = await scene(context);
    const stages: string[] = [];
    node.onStep = (step) => {
      if (step === 'staged') stages.push(...remains(node));
    };
    await expect(node.restore({ truncate: true })).resolves.toBe('done');
    expect(stages).toHaveLength(1);
    expect(node.manifest()).toEqual(manifestOf(NEW));
    await expect(node.restore({})).resolves.toBe('done');
    expect(node.manifest()).toEqual(manifestOf(NEW));
  });

  it('comes to no harm when its owner renames or replaces the stage meanwhile', async (context) => {
    const node = await scene(context);
    node.onStep = (step) => {
      if (step === 'unpacked') {
        const [stage = ''] = remains(node);
        fs.renameSync(join(node.live, stage), join(node.live, 'mine'));
        fs.mkdirSync(join(node.live, stage));
        fs.writeFileSync(join(node.live, stage, 'fake'), '');
      } else if (step === 'stored') fs.renameSync(join(node.live, 'mine'), join(node.live, 'mine too'));
    };
    await expect(node.restore({ truncate: true })).resolves.toBe('done');
    expect(node.manifest()).toEqual(manifestOf(NEW));
  });

  it('cannot keep its previous tree anywhere, and is told so before anything happens', async (context) => {
    const node = await scene(context);
    await expect(node.restore({ truncate: true, keepPreviousHours: 1 })).resolves.toBe('invalid_request');
    expect(node.manifest()).toEqual(manifestOf(OLD));
    expect(remains(node)).toEqual([]);
  });
});

describe('a server with another file system mounted in it', () => {
  it('keeps what is mounted, and gets everything else', async (context) => {
    const node = await restoreNode();
    node.setLive(treeOf({ ...Object.fromEntries(OLD), 'world/map': directory(), other: directory() }));
    const map = join(node.live, 'world/map');
    mountTmpfs(context, map);
    fs.writeFileSync(join(map, 'tile.png'), 'kept');
    const live = openRoot(node.live);
    expect(mountsBelow(live)).toEqual(['world/map']);
    fs.closeSync(live);
    node.archive = archiveOf(treeOf({ ...Object.fromEntries(NEW), 'world/map': directory(0o700) }));
    await expect(node.restore({ truncate: true })).resolves.toBe('done');
    expect(fs.readFileSync(join(map, 'tile.png'), 'utf8')).toBe('kept');
    const left = manifestAt(node.live).filter((line) => !line.includes('world/map'));
    expect(left).toEqual(manifestOf(NEW));
    expect(node.told.at(-1)?.data).toMatchObject({ warningCount: 0 });
    node.archive = archiveOf(treeOf({ ...Object.fromEntries(NEW), 'world/map': directory(), 'world/map/a': file('') }));
    await expect(node.restore({ truncate: true })).resolves.toBe('done');
    expect(fs.readdirSync(map)).toEqual(['tile.png']);
    expect(node.told.at(-1)?.data).toMatchObject({ warnings: [{ path: 'world/map', code: 'kept' }] });
  });
});

describe('previous trees', () => {
  it('lie beside the directory of all servers where the state is on another disk', async (context) => {
    const node = await restoreNode();
    mountTmpfs(context, node.stateDirectory);
    node.setLive(OLD);
    node.archive = archiveOf(NEW);
    await expect(node.restore({ truncate: true, keepPreviousHours: 1 })).resolves.toBe('done');
    expect(fs.readdirSync(join(node.root, '.roost-previous'))).toHaveLength(1);
    await expect(node.restore({ undo: true })).resolves.toBe('done');
    expect(node.manifest()).toEqual(manifestOf(OLD));
    expect(fs.readdirSync(join(node.root, '.roost-previous'))).toEqual([]);
  });
});
