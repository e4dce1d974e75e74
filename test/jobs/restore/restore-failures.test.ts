import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import { archivePort } from '../../../src/jobs/stored/archive-port.ts';
import { mountTmpfs } from '../../support/mounted.ts';
import { fetched, memorySource, realArchive, type RealArchive } from '../../support/real-archive.ts';
import { remains, restoreNode, type RestoreNode } from '../../support/restore-scene.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { directory, file, manifestOf, treeOf } from '../../support/tree.ts';

const LIVE = treeOf({ world: directory(), 'world/level.dat': file('precious'), 'ops.json': file('[]') });

const ARCHIVED = treeOf({
  world: directory(0o750),
  'world/level.dat': file('from the backup'),
  'world/r.0.0.mca': file(randomBytes(700_000).toString('latin1')),
  'server.properties': file('motd=backup'),
});

/** Made once: nothing changes it. */
let real: RealArchive;

beforeAll(async () => {
  real = await realArchive(ARCHIVED);
});

async function node(archive?: Parameters<typeof fetched>[0]): Promise<RestoreNode> {
  const made = await restoreNode({ archive: archivePort });
  made.setLive(LIVE);
  made.power.now = 'running';
  if (archive !== undefined) made.archive = fetched(archive);
  return made;
}

/** A restore with truncate fails with this code, and nothing shows that it was tried. */
async function expectUntouched(made: RestoreNode, code: string, request: object = { truncate: true }): Promise<void> {
  const before = made.manifest();
  await expect(made.restore({ ...request })).resolves.toBe(code);
  expect(made.manifest()).toEqual(before);
  expect(remains(made)).toEqual([]);
  expect(made.catalogue.plans.list()).toEqual([]);
  expect(made.power.now, 'the server runs as before').toBe('running');
}

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(at) ^ 0x10, at);
  return copy;
}

describe('a restore with truncate leaves the server untouched when', () => {
  it('the archive is missing', async () => {
    const made = await node();
    made.fetch = () => Promise.reject(new Failure('archive_damaged', 'Cannot open the archive: it is missing'));
    await expectUntouched(made, 'archive_damaged');
  });

  it('a byte of it was flipped, anywhere, with an index and without', async () => {
    for (const part of [0, 0.5, 0.999]) {
      const archive = flipped(real.archive, Math.floor(part * real.archive.length));
      const made = await node({ ...real, archive });
      await expectUntouched(made, 'archive_damaged');
      made.archive = fetched({ ...real, archive }, { indexed: false });
      await expectUntouched(made, 'archive_damaged');
    }
  });

  it('it was cut, at ten offsets, whether its size is known or not', { timeout: 60_000 }, async () => {
    const made = await node();
    for (let cut = 0; cut < 10; cut++) {
      const archive = real.archive.subarray(0, Math.floor((cut / 10) * real.archive.length) + cut);
      made.archive = fetched({ ...real, archive });
      await expectUntouched(made, 'archive_damaged');
      made.archive = fetched({ ...real, archive }, { known: false, indexed: false });
      await expectUntouched(made, 'archive_damaged');
    }
  });

  it('its sha256 is not the one that was recorded', async () => {
    const facts = { ...real.facts, sha256: 'f'.repeat(64) };
    await expectUntouched(await node({ ...real, facts }), 'archive_damaged');
  });

  it('a page of HTML came instead of it', async () => {
    const page = Buffer.from('<!DOCTYPE html><title>403 Forbidden</title>'.repeat(50));
    const made = await node();
    made.archive = fetched({ ...real, archive: page }, { known: false, indexed: false });
    await expectUntouched(made, 'archive_damaged');
  });

  it('the disk has not enough room for it', async () => {
    const made = await restoreNode({ archive: archivePort, reserveFree: Number.MAX_SAFE_INTEGER });
    made.setLive(LIVE);
    made.power.now = 'running';
    made.archive = fetched(real);
    await expectUntouched(made, 'insufficient_storage');
  });

  it('the disk runs full half-way', async (context) => {
    const root = await scratchDirectory();
    mountTmpfs(context, root, 'size=4m');
    const made = await restoreNode({ root, archive: archivePort });
    made.setLive(LIVE);
    made.power.now = 'running';
    made.archive = fetched(real);
    made.onStep = (step) => {
      // Another program fills the disk after the room was checked: half of the region file fits.
      if (step === 'staged') fs.writeFileSync(join(root, 'other'), Buffer.alloc(freeBytes(root) - 400_000));
    };
    await expectUntouched(made, 'insufficient_storage');
  });

  it('the disk runs out of inodes', async (context) => {
    const root = await scratchDirectory();
    mountTmpfs(context, root, 'nr_inodes=40');
    const made = await restoreNode({ root, archive: archivePort });
    made.setLive(LIVE);
    made.power.now = 'running';
    const many = treeOf(Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`f${at}`, file('')])));
    made.archive = fetched(await realArchive(many));
    await expectUntouched(made, 'insufficient_storage');
  });

  it('the server does not stop', async () => {
    const made = await node(real);
    made.power.refuse = 'stop';
    await expectUntouched(made, 'server_busy');
    expect(made.power.calls).toEqual(['stop', 'start']);
  });

  it('the request makes no sense', async () => {
    const made = await node(real);
    await expectUntouched(made, 'invalid_request', { keepPreviousHours: 0 });
    await expectUntouched(made, 'invalid_request', { globs: ['+(a|b)*c'] });
    await expectUntouched(made, 'path_not_found', { undo: true });
  });
});

describe('a restore of a real archive', () => {
  it('brings back what was archived, with its index and without', async () => {
    const made = await node();
    for (const indexed of [true, false]) {
      made.setLive(LIVE);
      made.archive = fetched(real, { indexed });
      await expect(made.restore({ truncate: true })).resolves.toBe('done');
      expect(made.manifest()).toEqual(manifestOf(ARCHIVED));
    }
    expect(made.power.calls).toEqual(['stop', 'start', 'stop', 'start']);
  });

  it('reads no more than the segments of the paths that are wanted', async () => {
    const parts = Array.from({ length: 24 }, (_, at) => [`r.${at}.mca`, file(randomBytes(1 << 20).toString('latin1'))]);
    const tree = treeOf({ ...Object.fromEntries(parts), 'server.properties': file('motd=one') });
    const large = await realArchive(tree);
    let read = 0;
    const made = await node();
    made.archive = fetched(large, { onRead: (length) => void (read += length) });
    await expect(made.restore({ paths: ['server.properties'] })).resolves.toBe('done');
    expect(fs.readFileSync(join(made.live, 'server.properties'), 'utf8')).toBe('motd=one');
    expect(read).toBeLessThan(large.archive.length / 10);
    expect(large.archive.length).toBeGreaterThan(20 << 20);
  });

  it('finds damage in the wanted part before it touches anything', async () => {
    const made = await node();
    const archive = flipped(real.archive, Math.floor(real.archive.length / 2));
    made.archive = { ...fetched(real), source: { archive: memorySource(archive), index: memorySource(real.index) } };
    await expectUntouched(made, 'archive_damaged', { paths: ['world/**'] });
  });

  it('keeps hard links as links', async () => {
    const made = await node();
    const linked = await realArchive(treeOf({ one: file('shared') }), (root) => {
      fs.linkSync(join(root, 'one'), join(root, 'two'));
    });
    made.archive = fetched(linked);
    await expect(made.restore({ truncate: true })).resolves.toBe('done');
    const [one, two] = ['one', 'two'].map((name) => fs.statSync(join(made.live, name)));
    expect(one?.ino).toBe(two?.ino);
    expect(one?.nlink).toBe(2);
  });
});

function freeBytes(path: string): number {
  const stat = fs.statfsSync(path);
  return stat.bavail * stat.bsize;
}
