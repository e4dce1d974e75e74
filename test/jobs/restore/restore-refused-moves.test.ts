import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, type TestContext } from 'vitest';
import { findStages } from '../../../src/servers/stage/stage.ts';
import { changeAttribute, clearAttributes, mountOverlay } from '../../support/mounted.ts';
import { outcomeOf } from '../../support/restore-node.ts';
import { remains, restoreNode, type RestoreNode } from '../../support/restore-scene.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { directory, file, manifestOf, treeOf } from '../../support/tree.ts';
import { archiveOf } from '../../support/tree-archive.ts';

const OLD = treeOf({
  'a.txt': file('old'),
  world: directory(),
  'world/level.dat': file('old'),
  'world/region': directory(),
  'world/region/r.mca': file('old'),
  extra: directory(0o750),
  'extra/deep': directory(),
  'extra/deep/file': file('x'),
});
const NEW = treeOf({ 'a.txt': file('new'), world: directory(0o700), 'world/level.dat': file('new') });

describe('a server on an overlay whose directories came with the image', () => {
  async function scene(context: TestContext): Promise<RestoreNode> {
    const node = await restoreNode();
    node.setLive(OLD);
    mountOverlay(context, node.servers, await scratchDirectory());
    node.archive = archiveOf(NEW);
    return node;
  }

  it('is restored to exactly the archive with truncate, and nothing is left', async (context) => {
    const node = await scene(context);
    const region = join(node.live, 'world/region');
    expect(() => fs.renameSync(region, join(node.live, 'moved'))).toThrow('EXDEV');
    await expect(node.restore({ truncate: true })).resolves.toBe('done');
    expect(node.manifest()).toEqual(manifestOf(NEW));
    expect(remains(node)).toEqual([]);
  });

  it('merges', async (context) => {
    const node = await scene(context);
    await expect(node.restore()).resolves.toBe('done');
    expect(node.manifest()).toEqual(manifestOf(new Map([...OLD, ...NEW])));
    expect(remains(node)).toEqual([]);
  });

  it('is the old tree again when a rename is refused half-way', async (context) => {
    const node = await scene(context);
    let renames = 0;
    node.onStep = (step) => {
      if (step === 'renamed' && ++renames === 4) throw new Error('refused');
    };
    await expect(node.restore({ truncate: true })).resolves.not.toBe('done');
    expect(node.manifest()).toEqual(manifestOf(OLD));
    expect(remains(node)).toEqual([]);
  });
});

describe('something in the server that the file system does not let move', () => {
  async function scene(): Promise<RestoreNode> {
    const node = await restoreNode();
    onTestFinished(() => clearAttributes(node.root));
    node.setLive(OLD);
    node.archive = archiveOf(NEW);
    node.power.now = 'running';
    return node;
  }

  for (const [attribute, path, truncate] of [
    ['+i', 'a.txt', true],
    ['+i', 'a.txt', false],
    ['+a', 'a.txt', true],
    ['+i', 'world', true],
    ['+i', 'world', false],
    ['+i', 'world/level.dat', false],
  ] as const) {
    it(`ends the restore before the server is stopped: ${attribute} ${path}, truncate ${truncate}`, async (context) => {
      const node = await scene();
      changeAttribute(context, join(node.live, path), attribute);
      const { ended } = node.submit({ truncate });
      await expect(ended).rejects.toMatchObject({ message: expect.stringContaining('EPERM') as string });
      expect(await outcomeOf(ended)).toContain(path);
      expect(node.power.calls).toEqual([]);
      expect(node.manifest()).toEqual(manifestOf(OLD));
      expect(remains(node)).toEqual([]);
    });
  }

  it('stays, with a warning, when the backup does not have it', async (context) => {
    const node = await scene();
    changeAttribute(context, join(node.live, 'extra'), '+i');
    await expect(node.restore({ truncate: true })).resolves.toBe('done');
    expect(fs.readFileSync(join(node.live, 'extra/deep/file'), 'utf8')).toBe('x');
    expect(fs.readFileSync(join(node.live, 'a.txt'), 'utf8')).toBe('new');
    const told = node.told.findLast(({ type }) => type === 'restore.completed');
    const warnings = told?.type === 'restore.completed' ? told.data.warnings : undefined;
    expect(warnings).toEqual([
      expect.objectContaining({ path: 'extra', code: 'kept', message: expect.stringContaining('EPERM') as string }),
    ]);
    expect(remains(node)).toEqual([]);
  });

  it('in the old tree keeps only itself in the stage, until a sweep may remove it', async (context) => {
    const node = await scene();
    changeAttribute(context, join(node.live, 'world/region/r.mca'), '+i');
    await expect(node.restore({ truncate: true })).resolves.toBe('done');
    expect(node.manifest()).toEqual(manifestOf(NEW));
    const [stage] = findStages(node.live);
    const left = join(stage?.location.directory ?? '', stage?.location.name ?? '');
    const names = new Set(fs.readdirSync(left, { recursive: true, encoding: 'utf8' }));
    expect(names).toEqual(new Set(['old', 'old/world', 'old/world/region', 'old/world/region/r.mca']));
    await node.sweep();
    expect(fs.existsSync(left)).toBe(true);
    clearAttributes(left);
    await node.sweep();
    expect(remains(node)).toEqual([]);
    expect(node.catalogue.plans.list()).toEqual([]);
    expect(node.power.calls).toEqual(['stop', 'start']);
  });
});
