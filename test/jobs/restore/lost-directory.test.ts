/** A server of which only backups are left. */
import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import { archivePort } from '../../../src/jobs/stored/archive-port.ts';
import { fetched, realArchive } from '../../support/real-archive.ts';
import { remains, restoreNode } from '../../support/restore-scene.ts';
import { directory, file, manifestOf, treeOf } from '../../support/tree.ts';

const SAVED = treeOf({ world: directory(), 'world/level.dat': file('saved') });

async function lostServer() {
  const node = await restoreNode({ archive: archivePort });
  node.archive = fetched(await realArchive(SAVED));
  fs.rmdirSync(node.live);
  return node;
}

describe('a restore of a server without a directory', () => {
  it.each([{}, { truncate: true }, { globs: ['**'] }])('makes it: %j', async (request) => {
    const node = await lostServer();
    await expect(node.restore(request)).resolves.toBe('done');
    expect(node.manifest()).toEqual(manifestOf(SAVED));
    expect(remains(node)).toEqual([]);
    expect(fs.statSync(node.live).mode & 0o777).toBeGreaterThanOrEqual(0o700);
  });

  it.skipIf(process.geteuid?.() !== 0)('gives it to whom all that comes in belongs (skipped unless root)', async () => {
    const node = await lostServer();
    const own = (root: string): void => {
      for (const name of ['world', 'world/level.dat']) fs.chownSync(join(root, name), 4321, 4322);
    };
    node.archive = fetched(await realArchive(SAVED, own));
    await expect(node.restore({})).resolves.toBe('done');
    expect(fs.statSync(node.live)).toMatchObject({ uid: 4321, gid: 4322 });
  });

  it('makes nothing in a dry run', async () => {
    const node = await lostServer();
    const { dryRun } = await node.submit({ dryRun: true, truncate: true }).ended;
    expect(dryRun).toMatchObject({ added: ['world', 'world/level.dat'], replaced: [], deleted: [] });
    expect(fs.existsSync(node.live)).toBe(false);
  });

  it.each(['staged', 'unpacked', 'stopped', 'planned'] as const)(
    'that fails when it is %s leaves none',
    async (step) => {
      const node = await lostServer();
      node.onStep = (at) => {
        if (at === step) throw new Failure('internal', 'Cannot go on: the disk fails');
      };
      await expect(node.restore({})).resolves.toContain('the disk fails');
      expect(fs.readdirSync(node.servers)).toEqual([]);
    },
  );

  it('is refused where its name is a link, and nothing is written through that', async () => {
    const node = await lostServer();
    const elsewhere = join(node.root, 'another-server');
    fs.mkdirSync(elsewhere);
    fs.symlinkSync(elsewhere, node.live);
    await expect(node.submit({ truncate: true, force: true }).ended).rejects.toMatchObject({
      code: 'server_not_found',
      hint: expect.stringContaining('link'),
    });
    expect(fs.readdirSync(elsewhere)).toEqual([]);
  });

  it.each(['a file', 'no root'])('is refused where there is %s', async (what) => {
    const node = await lostServer();
    if (what === 'a file') fs.writeFileSync(node.live, '');
    else fs.rmdirSync(node.servers);
    await expect(node.restore({})).resolves.toBe('server_not_found');
    if (what === 'no root') expect(fs.existsSync(node.servers)).toBe(false);
  });
});
