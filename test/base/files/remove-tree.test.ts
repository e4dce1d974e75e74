import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { openDirectory, openRoot } from '../../../src/base/files/handles.ts';
import { makeDirectory } from '../../../src/base/files/handle-writes.ts';
import { removeTree } from '../../../src/base/files/remove-tree.ts';
import { scratchDirectory } from '../../support/scratch.ts';

async function root(): Promise<{ readonly path: string; readonly handle: number }> {
  const path = await scratchDirectory();
  const handle = openRoot(path);
  onTestFinished(() => fs.closeSync(handle));
  return { path, handle };
}

describe('removing a tree', () => {
  it('removes links, and leaves what they point to', async () => {
    const { path, handle } = await root();
    fs.mkdirSync(join(path, 'kept'));
    fs.writeFileSync(join(path, 'kept/file'), 'kept');
    fs.mkdirSync(join(path, 'tree'));
    fs.symlinkSync('../kept', join(path, 'tree/link'));
    fs.symlinkSync('../kept/file', join(path, 'tree/other'));
    await removeTree(handle, 'tree');
    fs.symlinkSync('kept', join(path, 'link'));
    await removeTree(handle, 'link');
    expect(fs.readdirSync(path)).toEqual(['kept']);
    expect(fs.readdirSync(join(path, 'kept'))).toEqual(['file']);
  });

  it('removes what nobody may write, names that are no text, and files', async () => {
    const { path, handle } = await root();
    fs.mkdirSync(join(path, 'tree/locked/deeper'), { recursive: true });
    fs.writeFileSync(Buffer.concat([Buffer.from(join(path, 'tree/locked/')), Buffer.from([0xff, 0x0a])]), '');
    fs.chmodSync(join(path, 'tree/locked'), 0o000);
    fs.writeFileSync(join(path, 'file'), '');
    await removeTree(handle, 'tree');
    await removeTree(handle, 'file');
    await removeTree(handle, 'never there');
    expect(fs.readdirSync(path)).toEqual([]);
  });

  it('removes a tree that is deeper than paths may be long and descriptors may be many', async () => {
    const { path, handle } = await root();
    makeDirectory(handle, 'deep', 0o700);
    let parent = openDirectory(handle, 'deep');
    for (let level = 0; level < 3000; level++) {
      makeDirectory(parent, 'level', 0o700);
      const child = openDirectory(parent, 'level');
      // A name like the ones that what lies deep is moved to.
      if (level % 500 === 0) makeDirectory(child, '.deep-0', 0o700);
      fs.closeSync(parent);
      parent = child;
    }
    fs.closeSync(parent);
    await removeTree(handle, 'deep');
    expect(fs.readdirSync(path)).toEqual([]);
  });

  it('lets the event loop go on while a busy disk makes its calls wait', async () => {
    const { path, handle } = await root();
    fs.mkdirSync(join(path, 'tree/below'), { recursive: true });
    for (let at = 0; at < 20; at++) fs.writeFileSync(join(path, at % 2 === 0 ? 'tree' : 'tree/below', `${at}`), '');
    const blocking = vi.spyOn(fs, 'unlinkSync').mockImplementation((name) => {
      for (const start = performance.now(); performance.now() - start < 5;);
      fs.rmSync(name);
    });
    onTestFinished(() => blocking.mockRestore());
    const release = Promise.withResolvers<void>();
    const aside = vi.spyOn(fs.promises, 'unlink').mockImplementation(async (name) => {
      await release.promise;
      fs.rmSync(name);
    });
    onTestFinished(() => aside.mockRestore());
    const removed = removeTree(handle, 'tree');
    await vi.waitFor(() => expect(aside).toHaveBeenCalledOnce(), 20_000);
    // The first call showed how slow the disk is; here we are, while the second waits for it.
    expect(blocking).toHaveBeenCalledOnce();
    release.resolve();
    await removed;
    expect(fs.readdirSync(path)).toEqual([]);
  });
});
