/** A restore in place of the server that would take away what it cannot give back. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import { archivePort } from '../../../src/jobs/stored/archive-port.ts';
import type { FetchedArchive } from '../../../src/jobs/restore/deps.ts';
import { fetched, memorySource, realArchive } from '../../support/real-archive.ts';
import { remains, restoreNode } from '../../support/restore-scene.ts';
import { directory, file, readTree, type Tree, treeOf } from '../../support/tree.ts';

const LIVE = treeOf({
  world: directory(),
  'world/level.dat': file('live'),
  'world/pipe': file('live'),
  'server.properties': file('live'),
});

interface Member {
  readonly name: string;
  /** As Python's tarfile names types: a file without it. */
  readonly type?: 'DIRTYPE' | 'CHRTYPE' | 'FIFOTYPE' | 'SYMTYPE' | 'LNKTYPE';
  readonly target?: string;
}

/** A tar that Python makes, whose names and kinds are whatever is asked. */
function tarOf(members: readonly Member[]): FetchedArchive {
  const script = `
import io, json, sys, tarfile
with tarfile.open(fileobj=sys.stdout.buffer, mode='w|') as tar:
    for member in json.loads(sys.argv[1]):
        info = tarfile.TarInfo(member['name'])
        info.type = getattr(tarfile, member.get('type', 'REGTYPE'))
        info.linkname = member.get('target', '')
        data = b'saved' if info.isreg() else b''
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
`;
  const bytes = execFileSync('python3', ['-c', script, JSON.stringify(members)], { maxBuffer: 2 ** 26 });
  const close = (): Promise<void> => Promise.resolve();
  return {
    source: { archive: memorySource(bytes) },
    expected: null,
    rawSize: 0,
    files: 0,
    entries: 0,
    ignore: [],
    close,
  };
}

async function nodeWith(members: readonly Member[], live: Tree = LIVE) {
  const node = await restoreNode({ archive: archivePort });
  node.setLive(live);
  node.archive = tarOf(members);
  node.power.now = 'running';
  return node;
}

const SAVED = [{ name: 'server.properties' }, { name: 'world/level.dat' }];

describe('a restore with truncate is refused, and changes and stops nothing, when', () => {
  it.each<readonly [string, readonly Member[]]>([
    ['all of it leads out of the server', [{ name: '../../srv/world/level.dat' }]],
    ['all of it is devices', [{ name: 'dev/null', type: 'CHRTYPE' }]],
    [
      'all of it is directories',
      [
        { name: 'world', type: 'DIRTYPE' },
        { name: 'logs', type: 'DIRTYPE' },
      ],
    ],
    ['all of it is links', [{ name: 'world', type: 'SYMTYPE', target: '/mnt/world' }]],
    ['a device has the name of a live file', [...SAVED, { name: 'world/pipe', type: 'CHRTYPE' }]],
    ['a pipe has the name of a live file', [...SAVED, { name: 'world/pipe', type: 'FIFOTYPE' }]],
    ['an entry that leads out has the name of a live file', [...SAVED, { name: '../world/pipe' }]],
    [
      'a hard link to nothing has the name of a live file',
      [...SAVED, { name: 'world/pipe', type: 'LNKTYPE', target: 'gone' }],
    ],
    [
      'an entry through a link of the backup has the name of a live file',
      [{ name: 'server.properties' }, { name: 'world', type: 'SYMTYPE', target: '/' }, { name: 'world/pipe' }],
    ],
    [
      'more was passed over than can be looked for',
      [...SAVED, ...Array.from({ length: 1100 }, (_, at) => ({ name: `../out/${at}` }))],
    ],
  ])('%s', async (_, members) => {
    const node = await nodeWith(members);
    const before = node.manifest();
    const ended = node.submit({ truncate: true }).ended;
    await expect(ended).rejects.toMatchObject({ code: 'invalid_request', hint: expect.stringContaining('force') });
    expect(node.manifest()).toEqual(before);
    expect(remains(node)).toEqual([]);
    expect(node.power.calls).toEqual([]);
    await expect(node.restore({ truncate: true, force: true })).resolves.toBe('done');
  });

  it('the backup is empty', async () => {
    const node = await nodeWith(SAVED);
    node.archive = fetched(await realArchive(treeOf({})));
    const before = node.manifest();
    await expect(node.restore({ truncate: true })).resolves.toBe('invalid_request');
    expect(node.manifest()).toEqual(before);
    await expect(node.restore({})).resolves.toBe('done');
    expect(node.manifest()).toEqual(before);
    await expect(node.restore({ truncate: true, force: true })).resolves.toBe('done');
    expect(node.manifest()).toEqual([]);
    await expect(node.restore({ truncate: true })).resolves.toBe('done');
  });

  it('what was chosen of it is directories, unless no live file would go', async () => {
    const node = await nodeWith([
      ...SAVED,
      { name: 'logs', type: 'DIRTYPE' },
      { name: 'now', type: 'SYMTYPE', target: 'x' },
    ]);
    await expect(node.restore({ truncate: true, paths: ['logs'] })).resolves.toBe('done');
    node.setLive(
      new Map([...LIVE, ...treeOf({ logs: directory(), 'logs/latest.log': file('live'), now: file('live') })]),
    );
    await expect(node.restore({ truncate: true, paths: ['logs'] })).resolves.toBe('invalid_request');
    await expect(node.restore({ truncate: true, paths: ['now'] })).resolves.toBe('done');
    await expect(node.restore({ truncate: true, paths: ['logs'], force: true })).resolves.toBe('done');
  });

  it('the backup could not read what is there, and names it', async () => {
    const node = await nodeWith(SAVED);
    node.archive = { ...node.archive, unsaved: ['world/pipe', 'world/gone'] };
    const error = await node.submit({ truncate: true }).ended.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Failure);
    expect(error).toMatchObject({ code: 'invalid_request', facts: { paths: ['world/pipe'] } });
    expect(error).toMatchObject({ message: expect.stringContaining('world/pipe') });
  });

  it('many live files would go, names a few of them and counts the rest', async () => {
    const names = Array.from({ length: 30 }, (_, at) => `f${at}`);
    const node = await nodeWith(
      [...SAVED, ...names.map((name) => ({ name, type: 'FIFOTYPE' as const }))],
      treeOf(Object.fromEntries(names.map((name) => [name, file('live')]))),
    );
    await expect(node.submit({ truncate: true }).ended).rejects.toMatchObject({
      message: expect.stringContaining('and 25 more'),
      facts: { paths: names },
    });
  });
});

describe('a restore is not refused', () => {
  it.each<readonly [string, readonly Member[], object]>([
    ['without truncate', [{ name: '../world/pipe' }, { name: 'world/pipe', type: 'FIFOTYPE' }], {}],
    ['for what nothing live has the name of', [...SAVED, { name: 'dev/null', type: 'CHRTYPE' }], { truncate: true }],
    [
      'for what was not selected',
      [...SAVED, { name: 'world/pipe', type: 'FIFOTYPE' }],
      { truncate: true, paths: ['server.properties'] },
    ],
    ['for a name that another entry brings', [...SAVED, { name: '../world/level.dat' }], { truncate: true }],
  ])('%s', async (_, members, request) => {
    const node = await nodeWith(members);
    await expect(node.restore(request)).resolves.toBe('done');
  });
});

describe('what a restore did', () => {
  it('is told in numbers', async () => {
    const node = await nodeWith([...SAVED, { name: 'new/a' }, { name: 'dev/null', type: 'CHRTYPE' }]);
    fs.mkdirSync(join(node.live, 'old/deep'), { recursive: true });
    for (const name of ['old/a', 'old/deep/b', 'c']) fs.writeFileSync(join(node.live, name), 'live');
    const { counts } = await node.submit({ truncate: true }).ended;
    expect(counts).toMatchObject({ files: 3, bytes: 15, removed: 4, skipped: 1 });
    expect(counts?.seconds).toBeGreaterThanOrEqual(0);
    expect([...readTree(node.live).keys()]).toEqual(
      ['new', 'new/a', 'server.properties', 'world', 'world/level.dat'].sort(),
    );
  });

  it('counts what a file takes the place of, and nothing of what a merge leaves', async () => {
    const node = await nodeWith([{ name: 'world' }]);
    const { counts } = await node.submit({}).ended;
    expect(counts).toMatchObject({ files: 1, removed: 2, skipped: 0 });
  });

  it('says that the server was not stopped where nothing can stop it', async () => {
    const node = await nodeWith(SAVED);
    Object.assign(node.power, { unmanaged: true });
    // The archive's owner is root, which an ordinary user cannot set.
    const owners = process.getuid?.() === 0 ? [] : [{ code: 'metadata' }];
    const { warnings, warningCount } = await node.submit({ keepPreviousHours: 1 }).ended;
    expect(warnings).toMatchObject([{ path: '', code: 'not_stopped' }, ...owners]);
    expect(warningCount).toBe(1 + owners.length);
    expect((await node.submit({ undo: true }).ended).warnings).toMatchObject([{ code: 'not_stopped' }]);
    expect((await node.submit({ dryRun: true }).ended).warnings).toEqual([]);
  });
});
