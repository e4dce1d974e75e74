import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ServerId } from '../../../src/base/ids.ts';
import type { RestoreJobRequest } from '../../../src/catalogue/records.ts';
import { type RestoreNode, SERVER } from '../../support/restore-node.ts';
import { restoreNode } from '../../support/restore-scene.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { directory, file, treeOf } from '../../support/tree.ts';
import { archiveOf } from '../../support/tree-archive.ts';

const INNER = '00000000-0000-4000-8000-0000000000aa' as ServerId;
const SAVED = treeOf({ 'level.dat': file('saved'), plugins: directory(), 'plugins/a.jar': file('a') });

/** What lies in the server: a path of Roost's or of another server, and a file in it. */
const PLACES = ['backups', 'state', 'plugins/copies', 'old/wings/volumes', 'plugins/inner'] as const;

const REQUESTS: Readonly<Record<string, RestoreJobRequest>> = {
  merge: {},
  truncate: { truncate: true },
  'truncate with paths': { truncate: true, paths: ['**'] },
  'truncate that keeps ignored files': { truncate: true, keepIgnored: true },
  'truncate that keeps the previous tree': { truncate: true, keepPreviousHours: 1 },
};

async function nodeWith(place: string): Promise<RestoreNode> {
  const root = await scratchDirectory();
  const held = join(root, 'volumes', SERVER, place);
  fs.mkdirSync(held, { recursive: true });
  const list = place === 'plugins/inner' ? [{ id: INNER, path: held, name: null }] : [];
  const node = await restoreNode({ root, heldOut: list.length > 0 ? [] : [held], list });
  fs.writeFileSync(join(held, 'precious'), 'still here');
  fs.writeFileSync(join(node.live, 'level.dat'), 'live');
  fs.writeFileSync(join(node.live, 'added later'), 'x');
  node.archive = { ...archiveOf(SAVED), ignore: ['*.log'] };
  return node;
}

describe.each(PLACES)('a restore of a server that has %s of Roost or of another server in it', (place) => {
  it.each(Object.entries(REQUESTS))('leaves it as it is: %s', async (_, request) => {
    const node = await nodeWith(place);
    const precious = join(node.live, place, 'precious');
    const { ino } = fs.statSync(join(node.live, place));
    await expect(node.restore({ ...request, dryRun: true })).resolves.toBe('done');
    const told = node.told.findLast(({ type }) => type === 'restore.completed');
    const counts = told?.type === 'restore.completed' ? told.data.counts : undefined;
    expect(counts?.deleted).toBe(request.truncate === true ? 1 : 0);
    await expect(node.restore(request)).resolves.toBe('done');
    expect(fs.readFileSync(precious, 'utf8')).toBe('still here');
    expect(fs.statSync(join(node.live, place)).ino).toBe(ino);
    expect(fs.readFileSync(join(node.live, 'level.dat'), 'utf8')).toBe('saved');
    expect(fs.existsSync(join(node.live, 'added later'))).toBe(request.truncate !== true);
    if (request.keepPreviousHours === undefined) return;
    await expect(node.restore({ undo: true })).resolves.toBe('done');
    expect(fs.readFileSync(precious, 'utf8')).toBe('still here');
    expect(fs.readFileSync(join(node.live, 'level.dat'), 'utf8')).toBe('live');
    await node.sweep();
    expect(fs.readFileSync(precious, 'utf8')).toBe('still here');
  });

  it('brings nothing of the archive into it, and says so', async () => {
    const node = await nodeWith(place);
    const parents = place.split('/').slice(0, -1);
    const above = parents.map((_, at) => [parents.slice(0, at + 1).join('/'), directory()]);
    const entries = [...above, [place, directory()], [`${place}/precious`, file('from the archive')]];
    node.archive = archiveOf(treeOf({ ...Object.fromEntries(SAVED), ...Object.fromEntries(entries) }));
    for (const truncate of [true, false]) {
      await expect(node.restore({ truncate })).resolves.toBe('done');
      expect(fs.readFileSync(join(node.live, place, 'precious'), 'utf8')).toBe('still here');
      const told = node.told.findLast(({ type }) => type === 'restore.completed');
      const warnings = told?.type === 'restore.completed' ? told.data.warnings : undefined;
      expect(warnings).toContainEqual(expect.objectContaining({ path: place, code: 'kept' }));
    }
  });
});

describe('what is held out', () => {
  it('is known by device and inode, behind symlinks too', async () => {
    const root = await scratchDirectory();
    const real = join(root, 'disk');
    fs.mkdirSync(join(real, 'volumes/00000000-0000-4000-8000-000000000001/own/store'), { recursive: true });
    fs.symlinkSync(join(real, 'volumes'), join(root, 'volumes'));
    fs.symlinkSync(join(real, 'volumes/00000000-0000-4000-8000-000000000001/own/store'), join(root, 'store'));
    const node = await restoreNode({ root, heldOut: [join(root, 'store')] });
    fs.writeFileSync(join(node.live, 'own/store/precious'), 'still here');
    node.archive = archiveOf(SAVED);
    await expect(node.restore({ truncate: true })).resolves.toBe('done');
    expect(fs.readFileSync(join(root, 'store/precious'), 'utf8')).toBe('still here');
  });

  it('is not swapped out by a file of its name in the archive', async () => {
    const node = await nodeWith('plugins/copies');
    node.archive = archiveOf(treeOf({ 'level.dat': file('saved'), plugins: file('a file now') }));
    await expect(node.restore({ truncate: true })).resolves.toBe('done');
    expect(fs.readFileSync(join(node.live, 'plugins/copies/precious'), 'utf8')).toBe('still here');
  });

  it('covers the stage of a restore of a server inside this one', async () => {
    const node = await nodeWith('plugins/inner');
    const stage = join(node.live, 'plugins', '.roost-stage-00000000-0000-4000-8000-00000000beef');
    fs.mkdirSync(stage, { mode: 0o700 });
    fs.writeFileSync(join(stage, 'old'), 'of the inner server');
    await expect(node.restore({ truncate: true })).resolves.toBe('done');
    expect(fs.readFileSync(join(stage, 'old'), 'utf8')).toBe('of the inner server');
  });

  it('refuses an undo that would take along what came to lie in the restored files', async () => {
    const root = await scratchDirectory();
    const store = join(root, 'volumes', SERVER, 'plugins', 'new store');
    const node = await restoreNode({ root, heldOut: [store] });
    fs.writeFileSync(join(node.live, 'level.dat'), 'live');
    node.archive = archiveOf(SAVED);
    await expect(node.restore({ truncate: true, keepPreviousHours: 1 })).resolves.toBe('done');
    fs.mkdirSync(store);
    await expect(node.restore({ undo: true })).resolves.toBe('invalid_request');
    expect(fs.existsSync(store)).toBe(true);
    expect(fs.readFileSync(join(node.live, 'level.dat'), 'utf8')).toBe('saved');
    fs.rmdirSync(store);
    await expect(node.restore({ undo: true })).resolves.toBe('done');
  });
});
