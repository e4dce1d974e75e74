import fs from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ExtractResult } from '../../../src/archive/contract.ts';
import type { ArchiveProgress } from '../../../src/archive/entry.ts';
import { openStreamedArchive } from '../../../src/archive/foreign/open-streamed.ts';
import { type StreamedExtractRequest, unpackStreamed } from '../../../src/archive/unpack/streamed.ts';
import { Failure } from '../../../src/base/failure.ts';
import type { ByteSource } from '../../../src/base/source.ts';
import { OWNER, treeOf } from '../../hostile/canary.ts';
import { entry, header, pax, tar } from '../../hostile/tar-builder.ts';
import { openFiles } from '../../support/open-files.ts';
import { failureOf } from '../../support/rejection.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { memorySource } from '../foreign/sources.ts';
import { smallDisk } from '../small-disk.ts';

type Options = Partial<Omit<StreamedExtractRequest, 'source'>>;

async function unpackFrom(source: ByteSource, into: string, options: Options = {}): Promise<ExtractResult> {
  return unpackStreamed(await openStreamedArchive(source), {
    source: { archive: source },
    into,
    owner: OWNER,
    setuid: 'strip',
    limits: { maxBytes: 0, maxEntries: 0 },
    overwrite: false,
    durable: false,
    workers: 1,
    ...options,
  });
}

async function unpack(bytes: Buffer, options: Options = {}) {
  const into = await scratchDirectory();
  const result = await unpackFrom(memorySource(bytes), into, { into, ...options });
  return { ...result, into, tree: treeOf(into) };
}

const link = (name: string, target: string, type = '1'): Buffer => header({ name, type, link: target });

const WORLD = tar(
  header({ name: 'world/', type: '5', mode: 0o755 }),
  entry({ name: 'world/level.dat', mode: 0o640, mtime: 1_234_567 }, 'level'),
  entry({ name: 'world/copy.dat' }, 'copy'),
  link('world/hard', 'world/level.dat'),
  link('soft', 'world/level.dat', '2'),
  header({ name: 'empty/', type: '5', mode: 0o555 }),
);

afterEach(() => {
  vi.restoreAllMocks();
});

describe('unpacking an archive as it is read', () => {
  it('makes everything with its metadata, and counts it', async () => {
    const { tree, into, ...result } = await unpack(gzipSync(WORLD));
    expect(tree).toEqual({
      empty: 'directory',
      soft: '-> world/level.dat',
      world: 'directory',
      'world/copy.dat': 'copy',
      'world/hard': 'level',
      'world/level.dat': 'level',
    });
    expect(result).toEqual({ entries: 6, files: 3, bytes: 9, warnings: [], warningCount: 0, hostile: 0, skipped: 0 });
    expect(fs.statSync(join(into, 'empty')).mode & 0o777).toBe(0o555);
    expect(fs.statSync(join(into, 'world/level.dat'))).toMatchObject({ mtimeMs: 1_234_567_000, nlink: 2 });
    fs.chmodSync(join(into, 'empty'), 0o755);
  });

  it('may be made durable', async () => {
    expect((await unpack(WORLD, { durable: true })).tree).toHaveProperty('soft');
  });

  it('replaces what may be replaced, and keeps what the archive does not name', async () => {
    const into = await scratchDirectory();
    fs.mkdirSync(join(into, 'world'));
    fs.writeFileSync(join(into, 'world/level.dat'), 'older and longer');
    fs.writeFileSync(join(into, 'world/mine'), 'mine');
    fs.symlinkSync('/nowhere', join(into, 'soft'));
    await unpackFrom(memorySource(WORLD), into, { into, overwrite: true });
    expect(treeOf(into)).toMatchObject({
      'world/level.dat': 'level',
      'world/mine': 'mine',
      soft: '-> world/level.dat',
    });
  });

  it('keeps the first thousand warnings, and counts all', async () => {
    const names = Array.from({ length: 2500 }, (_, index) => entry({ name: `../${index}` }));
    const result = await unpack(tar(...names));
    expect(result.warnings).toHaveLength(1000);
    expect(result).toMatchObject({ warningCount: 2500, hostile: 2500, entries: 0 });
  });

  it('keeps the word on the archive as a whole', async () => {
    const { warnings } = await unpack(WORLD.subarray(0, -1024));
    expect(warnings).toMatchObject([{ path: '', code: 'missing_end' }]);
  });
});

describe('a selection', () => {
  const only = (...paths: string[]): Options => ({ select: (path) => paths.includes(path) });

  it('holds just what was wanted, with the directories above it', async () => {
    const { tree, entries } = await unpack(WORLD, only('world/copy.dat'));
    expect(tree).toEqual({ world: 'directory', 'world/copy.dat': 'copy' });
    expect(entries).toBe(1);
  });

  it('may be asked of somebody who takes time to answer', async () => {
    const select = async (path: string): Promise<boolean> => {
      await setImmediate();
      return path === 'soft';
    };
    expect((await unpack(WORLD, { select })).tree).toEqual({ soft: '-> world/level.dat' });
  });

  it('gets the content of a hard link whose file was not wanted', async () => {
    const { tree, into, files, warnings } = await unpack(gzipSync(WORLD), only('world/hard'));
    expect(tree).toEqual({ world: 'directory', 'world/hard': 'level' });
    expect(fs.statSync(join(into, 'world/hard'))).toMatchObject({ nlink: 1, mtimeMs: 1_234_567_000 });
    expect(fs.statSync(join(into, 'world/hard')).mode & 0o777).toBe(0o640);
    expect({ files, warnings }).toEqual({ files: 1, warnings: [] });
  });

  it('keeps hard links to one unwanted file together, through links that were not wanted either', async () => {
    const archive = tar(entry({ name: 'f' }, 'x'), link('a', 'f'), link('b', 'f'), link('c', 'a'), link('d', 'c'));
    const { tree, into } = await unpack(archive, only('b', 'd'));
    expect(tree).toEqual({ b: 'x', d: 'x' });
    expect(fs.statSync(join(into, 'b')).ino).toBe(fs.statSync(join(into, 'd')).ino);
  });

  it('links to a wanted file through a link that was not wanted', async () => {
    const archive = tar(entry({ name: 'f' }, 'x'), link('a', 'f'), link('b', 'a'));
    const { into } = await unpack(archive, only('f', 'b'));
    expect(fs.statSync(join(into, 'b')).ino).toBe(fs.statSync(join(into, 'f')).ino);
  });

  it('names a hard link whose file is nowhere in the archive', async () => {
    const { tree, warnings } = await unpack(tar(link('a', 'gone'), entry({ name: 'b' })), only('a'));
    expect(tree).toEqual({});
    expect(warnings).toMatchObject([{ path: 'a', code: 'hostile_entry' }]);
  });

  it('takes the version that a hard link was made to, of a file that comes several times', async () => {
    const versions = ['1', '2', '3'].map((text) => entry({ name: 'f' }, text));
    const archive = tar(...versions.slice(0, 2), link('a', 'f'), ...versions.slice(2));
    expect((await unpack(archive)).tree).toEqual({ a: '2', f: '3' });
    expect((await unpack(archive, only('a'))).tree).toEqual({ a: '2' });
  });

  it('keeps the newest entry of a name that was a hard link to an unwanted file before', async () => {
    const archive = tar(entry({ name: 'f' }, 'old'), link('a', 'f'), entry({ name: 'a' }, 'new'));
    expect((await unpack(archive, only('a'))).tree).toEqual({ a: 'new' });
  });

  it('makes a symlink of a hard link to one that was not wanted', async () => {
    const archive = tar(link('s', 'there', '2'), link('a', 's'), link('b', 'a'));
    const { tree, warnings } = await unpack(archive, only('b'));
    expect(tree).toEqual({ b: '-> there' });
    expect(warnings).toMatchObject([{ path: 'b', code: 'link_copied' }]);
  });

  it('holds of repeated names and links what unpacking all of the archive gives', async () => {
    const names: fc.Arbitrary<string> = fc.constantFrom('a', 'b', 'c', 'd/e');
    const parts = fc.oneof(
      fc.record({ type: fc.constant('0'), name: names }),
      fc.record({ type: fc.constantFrom('1', '1', '2'), name: names, target: names }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(parts, { minLength: 1, maxLength: 10 }),
        fc.uniqueArray(names),
        async (made, wanted) => {
          const entries = made.map((part, number) =>
            'target' in part ? link(part.name, part.target, part.type) : entry({ name: part.name }, `${number}`),
          );
          const all = await unpack(tar(...entries));
          // Where entries were passed over, others take their places.
          fc.pre(all.skipped === 0);
          const { tree } = await unpack(tar(...entries), only(...wanted));
          const isWanted = ([path]: [string, unknown]): boolean => wanted.includes(path);
          expect(Object.entries(tree).filter(isWanted)).toEqual(Object.entries(all.tree).filter(isWanted));
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('progress', () => {
  it('never goes back, and ends where done is the total', async () => {
    const bodies = Array.from({ length: 40 }, (_, index) => entry({ name: `f${index}` }, Buffer.alloc(50_000, index)));
    const seen: ArchiveProgress[] = [];
    let time = 0;
    const clock = { now: () => 0, monotonic: () => (time += 60) };
    const source = memorySource(gzipSync(tar(...bodies), { level: 0 }));
    const into = await scratchDirectory();
    const request = { source: { archive: source }, into, owner: OWNER, setuid: 'strip', overwrite: false } as const;
    const more = { limits: { maxBytes: 0, maxEntries: 0 }, durable: false, workers: 1 } as const;
    const onProgress = (progress: ArchiveProgress): void => void seen.push(progress);
    await unpackStreamed(await openStreamedArchive(source), { ...request, ...more, onProgress }, clock);
    expect(seen.length).toBeGreaterThan(10);
    for (const [index, { bytesDone, filesDone, bytesTotal }] of seen.entries()) {
      expect(bytesDone).toBeGreaterThanOrEqual(seen[index - 1]?.bytesDone ?? 0);
      expect(filesDone).toBeGreaterThanOrEqual(seen[index - 1]?.filesDone ?? 0);
      expect(bytesTotal).toBeGreaterThanOrEqual(bytesDone);
    }
    expect(seen.at(-1)).toEqual({ bytesDone: 2e6, bytesTotal: 2e6, filesDone: 40, filesTotal: 40 });
  });
});

describe('when it cannot go on', () => {
  it('ends with cancelled in the middle of a file, which is gone then', async () => {
    const aborter = new AbortController();
    const into = await scratchDirectory();
    const archive = gzipSync(tar(entry({ name: 'a' }, 'whole'), entry({ name: 'b' }, Buffer.alloc(20_000_000, 'x'))));
    const real = fs.writeSync.bind(fs);
    let written = 0;
    vi.spyOn(fs, 'writeSync').mockImplementation(((
      fd: number,
      bytes: Uint8Array,
      ...rest: [number, number, number]
    ) => {
      written += rest[1];
      if (written > 1_000_000) aborter.abort();
      return real(fd, bytes, ...rest);
    }) as typeof fs.writeSync);
    await failureOf(unpackFrom(memorySource(archive), into, { into, signal: aborter.signal }), 'cancelled');
    expect(treeOf(into)).toEqual({ a: 'whole' });
    expect(written).toBeLessThan(1_200_000);
  });

  it('ends with cancelled within a hole of terabytes', async () => {
    const map = [['GNU.sparse.size', `${2 ** 43}`], ['GNU.sparse.numblocks', '1'], ['GNU.sparse.map', '0,1']] as const; // prettier-ignore
    const aborter = new AbortController();
    const unpacking = unpack(tar(pax(map), entry({}, 'x')), { signal: aborter.signal });
    for (let turn = 0; turn < 20; turn++) await setImmediate();
    aborter.abort();
    await failureOf(unpacking, 'cancelled');
  });

  it('ends with the reason of the signal, before anything is opened', async () => {
    const into = await scratchDirectory();
    const reason = new Failure('interrupted', 'Cannot go on: the daemon stops');
    await failureOf(unpackFrom(memorySource(WORLD), into, { into, signal: AbortSignal.abort(reason) }), 'interrupted');
    expect(treeOf(into)).toEqual({});
  });

  it('ends with what a stop flag throws', async () => {
    let checks = 0;
    const checkStop = (): void => {
      if (++checks === 3) throw new Failure('cancelled', 'Cannot go on: stopped');
    };
    await failureOf(unpack(WORLD, { checkStop }), 'cancelled');
  });

  it('ends with archive_damaged when the archive turns out bent at its very end', async () => {
    const bytes = gzipSync(WORLD);
    bytes.writeUInt32LE(0, bytes.length - 8);
    await failureOf(unpack(bytes), 'archive_damaged');
  });

  it('ends with the limit that was passed', async () => {
    await failureOf(unpack(WORLD, { limits: { maxBytes: 8, maxEntries: 0 } }), 'too_large');
    await failureOf(unpack(WORLD, { limits: { maxBytes: 0, maxEntries: 5 } }), 'too_large');
    expect((await unpack(WORLD, { limits: { maxBytes: 9, maxEntries: 6 } })).entries).toBe(6);
  });

  it('counts hard links that were not wanted, since they are remembered', async () => {
    const links = Array.from({ length: 20 }, (_, index) => link(`l${index}`, 'f'));
    const archive = tar(entry({ name: 'f' }), ...links);
    await failureOf(unpack(archive, { select: () => false, limits: { maxBytes: 0, maxEntries: 10 } }), 'too_large');
  });

  it('ends with insufficient_storage on a full disk, and what is half written is gone', async (context) => {
    const into = await smallDisk(context, 'size=1m');
    const archive = tar(entry({ name: 'a' }, 'fits'), entry({ name: 'b' }, Buffer.alloc(2_000_000, 'x')));
    const failure = await failureOf(unpackFrom(memorySource(archive), into, { into }), 'insufficient_storage');
    expect(failure).toMatchObject({ retry: true, facts: { errno: 'ENOSPC' } });
    expect(treeOf(into)).toEqual({ a: 'fits' });
  });

  it('ends with insufficient_storage when there are no inodes left', async (context) => {
    const into = await smallDisk(context, 'nr_inodes=20');
    const archive = tar(...Array.from({ length: 30 }, (_, index) => entry({ name: `f${index}` })));
    await failureOf(unpackFrom(memorySource(archive), into, { into }), 'insufficient_storage');
  });

  it('leaves no handle open', async () => {
    // Files alone: a connection of an earlier test may end meanwhile.
    const before = openFiles();
    await unpack(WORLD);
    await failureOf(unpack(WORLD.subarray(0, 1700)), 'archive_damaged');
    await failureOf(unpack(tar(pax([['path', 'x'.repeat(2000)]]), entry({}), header({ checksum: 'wrong' }))));
    await failureOf(unpack(WORLD, { limits: { maxBytes: 1, maxEntries: 0 } }), 'too_large');
    expect(openFiles()).toEqual(before);
  });
});
