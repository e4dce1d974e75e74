import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { ExtractResult } from '../../../src/archive/contract.ts';
import { openStreamedArchive } from '../../../src/archive/foreign/open-streamed.ts';
import { unpackStreamed } from '../../../src/archive/unpack/streamed.ts';
import { writeArchive } from '../../../src/archive/write/write.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { memorySource, pathSource, readAll, readBytes } from './sources.ts';
import { has, run, type Tool, unless } from './tools.ts';
import { makeTree, manifest, type TreeOptions } from './trees.ts';

interface Case {
  readonly title: string;
  readonly tools: readonly Tool[];
  readonly tree: TreeOptions;
  /** Makes `archive` of the current directory. */
  readonly make: (directory: string, archive: string) => void;
}

const ALL = { binaryNames: true, longNames: true };
const SHORT = { binaryNames: true, longNames: false };

const gnu = (format: string, ...options: string[]): Case => ({
  title: `GNU tar --format=${format} ${options.join(' ')}`,
  tools: ['tar'],
  tree: format === 'v7' || format === 'ustar' ? SHORT : ALL,
  make: (directory, archive) => {
    run('tar', ['-C', directory, '--format', format, ...options, '-cf', archive, '.']);
  },
});

const bsd = (format: string, ...options: string[]): Case => ({
  title: `bsdtar --format ${format} ${options.join(' ')}`,
  tools: ['bsdtar'],
  // Its own pax refuses names that are no UTF-8 unless told otherwise, and its ustar what is too long.
  tree: { binaryNames: format !== 'pax', longNames: format === 'pax' || format === 'gnutar' },
  make: (directory, archive) => {
    run('bsdtar', ['-C', directory, '--format', format, ...options, '-cf', archive, '.']);
  },
});

const PYTHON = `
import sys, tarfile
directory, archive, form, mode = sys.argv[1:]
with tarfile.open(archive, mode, format=getattr(tarfile, form), encoding='utf-8', errors='surrogateescape') as tar:
    tar.add(directory, arcname='.')
`;

const python = (form: string, mode: string): Case => ({
  title: `Python tarfile ${form} ${mode}`,
  tools: ['python3'],
  tree: { binaryNames: form !== 'PAX_FORMAT', longNames: form !== 'USTAR_FORMAT' },
  make: (directory, archive) => {
    run('python3', ['-c', PYTHON, directory, archive, form, mode]);
  },
});

const CASES: readonly Case[] = [
  ...['v7', 'ustar', 'gnu', 'oldgnu', 'posix'].map((format) => gnu(format)),
  gnu('gnu', '-z'),
  gnu('posix', '-z'),
  gnu('gnu', '-b', '1'),
  gnu('posix', '--pax-option=delete=mtime,delete=atime,delete=ctime'),
  gnu('gnu', '--label=A volume'),
  ...['ustar', 'pax', 'gnutar'].map((format) => bsd(format)),
  bsd('pax', '-z'),
  python('USTAR_FORMAT', 'w'),
  python('GNU_FORMAT', 'w:gz'),
  python('PAX_FORMAT', 'w:gz'),
];

async function unpack(archive: string, into: string): Promise<ExtractResult> {
  const source = pathSource(archive);
  return unpackStreamed(await openStreamedArchive(source), {
    source: { archive: source },
    into,
    owner: 'archive',
    setuid: 'strip',
    limits: { maxBytes: 0, maxEntries: 0 },
    overwrite: false,
    durable: false,
    workers: 1,
  });
}

async function places(): Promise<{ tree: string; archive: string; out: string }> {
  const base = await scratchDirectory();
  const [tree, archive, out] = ['tree', 'archive', 'out'].map((name) => join(base, name)) as [string, string, string];
  fs.mkdirSync(tree);
  fs.mkdirSync(out);
  return { tree, archive, out };
}

describe('a tree comes back as it was from', () => {
  for (const { title, tools, tree: options, make } of CASES) {
    it.skipIf(!tools.every(has))(`${title}${unless(...tools)}`, async () => {
      const { tree, archive, out } = await places();
      makeTree(tree, options);
      make(tree, archive);
      const { warnings } = await unpack(archive, out);
      expect(warnings).toEqual([]);
      expect(manifest(out)).toEqual(manifest(tree));
      makeRemovable(tree, out);
    });
  }

  it('Roost, when the index is lost', async () => {
    const { tree, archive, out } = await places();
    makeTree(tree, ALL);
    // Too long for ustar and no UTF-8: the one case of hdrcharset=BINARY.
    const path = Buffer.from(`${tree}/${'\xff'.repeat(250)}`, 'latin1');
    fs.writeFileSync(path, 'binary and long');
    fs.utimesSync(path, 5, 5);
    const handle = fs.openSync(archive, 'w');
    const write = async (bytes: Uint8Array): Promise<void> => void fs.writeSync(handle, bytes);
    await writeArchive({
      root: tree,
      ignore: [],
      exclude: [],
      level: 'fast',
      engine: 'zlib',
      workers: 1,
      archive: { write },
      index: { write: async () => {} },
      maxSize: 0,
    });
    fs.closeSync(handle);
    expect((await unpack(archive, out)).warnings).toEqual([]);
    expect(manifest(out)).toEqual(manifest(tree));
    makeRemovable(tree, out);
  });

  it.skipIf(!has('zip'))(`zip, but that hard links are files${unless('zip')}`, async () => {
    const { tree, archive, out } = await places();
    makeTree(tree, ALL);
    run('zip', ['-qry', `${archive}.zip`, '.'], { cwd: tree });
    const { warnings } = await unpack(`${archive}.zip`, out);
    expect(warnings).toEqual([]);
    // Times of symlinks, and the order in which links are found, are zip's own.
    const plain = (lines: Record<string, string>): Record<string, string> =>
      Object.fromEntries(Object.entries(lines).map(([name, line]) => [name, line.replace(/ = .*| @\d+/g, '')]));
    expect(plain(manifest(out))).toEqual(plain(manifest(tree)));
    makeRemovable(tree, out);
  });

  it.skipIf(!has('python3'))(`Python zipfile, its content and names${unless('python3')}`, async () => {
    const { tree, archive, out } = await places();
    makeTree(tree, { binaryNames: false, longNames: true });
    fs.rmSync(join(tree, 'dangling'));
    const script = 'import shutil, sys; shutil.make_archive(sys.argv[1], "zip", sys.argv[2])';
    run('python3', ['-c', script, archive, tree]);
    expect((await unpack(`${archive}.zip`, out)).warnings).toEqual([]);
    expect(Object.keys(manifest(out))).toEqual(Object.keys(manifest(tree)).filter((name) => name !== 'long link'));
    expect(fs.readFileSync(join(out, 'größe'), 'utf8')).toBe('utf-8');
    makeRemovable(tree, out);
  });

  it.skipIf(!has('gzip') || !has('tar'))(`gzip members put one behind the other${unless('gzip', 'tar')}`, async () => {
    const { tree, archive, out } = await places();
    makeTree(tree, ALL);
    const bytes = run('tar', ['-C', tree, '-cf', '-', '.']);
    const members = Array.from({ length: 5 }, (_, at) => {
      const part = bytes.subarray(Math.floor((at * bytes.length) / 5), Math.floor(((at + 1) * bytes.length) / 5));
      return run('gzip', ['-c'], { input: part });
    });
    fs.writeFileSync(archive, Buffer.concat(members));
    expect((await unpack(archive, out)).warnings).toEqual([]);
    expect(manifest(out)).toEqual(manifest(tree));
    makeRemovable(tree, out);
  });
});

describe('sparse files come back whole and sparse from', () => {
  const forms: readonly (readonly [string, readonly Tool[], (tree: string, archive: string) => void])[] = [
    ...['gnu', 'oldgnu', 'posix'].map(
      (format) =>
        [`GNU tar -S --format=${format}`, ['tar'], (tree: string, archive: string) => run('tar', ['-C', tree, '-S', '--format', format, '-cf', archive, '.'])] as const, // prettier-ignore
    ),
    ...['0.0', '0.1', '1.0'].map(
      (version) =>
        [`GNU tar --sparse-version=${version}`, ['tar'], (tree: string, archive: string) => run('tar', ['-C', tree, '-S', '--format=posix', `--sparse-version=${version}`, '-cf', archive, '.'])] as const, // prettier-ignore
    ),
    ['bsdtar', ['bsdtar'], (tree, archive) => run('bsdtar', ['-C', tree, '--format=pax', '-cf', archive, '.'])],
  ];

  for (const [title, tools, make] of forms) {
    it.skipIf(!tools.every(has))(`${title}${unless(...tools)}`, async () => {
      const { tree, archive, out } = await places();
      makeSparse(join(tree, 'many-runs'), 200, 64 * 1024, 30_000_000);
      makeSparse(join(tree, 'all-hole'), 0, 0, 5_000_000);
      makeSparse(join(tree, 'tail'), 1, 1, 10_000_001);
      fs.writeFileSync(join(tree, 'zz-last'), 'behind them');
      make(tree, archive);
      expect((await unpack(archive, out)).warnings).toEqual([]);
      const contents = (root: string): Record<string, string> =>
        Object.fromEntries(Object.entries(manifest(root)).map(([name, line]) => [name, line.replace(/@\d+/, '')]));
      expect(contents(out)).toEqual(contents(tree));
      expect(fs.statSync(join(out, 'all-hole')).blocks * 512).toBeLessThan(1_000_000);
      expect(fs.statSync(join(out, 'many-runs')).blocks * 512).toBeLessThan(20_000_000);
    });
  }
});

describe('what others write at the edges', () => {
  it.skipIf(!has('tar'))(`a file of 9 GiB has its size from base 256 and from pax${unless('tar')}`, async () => {
    const { tree, archive } = await places();
    makeSparse(join(tree, 'huge'), 1, 1, 9 * 1024 ** 3);
    for (const format of ['gnu', 'posix']) {
      run('tar', ['-C', tree, '-S', '--format', format, '-cf', archive, 'huge']);
      const streamed = await openStreamedArchive(pathSource(archive));
      const sizes: number[] = [];
      for await (const item of streamed.read()) {
        if ('entry' in item) sizes.push(item.entry.size);
        break;
      }
      expect(sizes).toEqual([9 * 1024 ** 3]);
    }
  });

  it.skipIf(!has('tar'))(`an archive that was appended to has the newest of each name${unless('tar')}`, async () => {
    const { tree, archive, out } = await places();
    fs.writeFileSync(join(tree, 'f'), 'old');
    run('tar', ['-C', tree, '-cf', archive, 'f']);
    fs.writeFileSync(join(tree, 'f'), 'new');
    run('tar', ['-C', tree, '-rf', archive, 'f']);
    expect((await unpack(archive, out)).warnings).toEqual([]);
    expect(fs.readFileSync(join(out, 'f'), 'utf8')).toBe('new');
  });

  it.skipIf(!has('tar'))(
    `FIFOs, and devices where one may be made, are passed over by name, the rest comes${unless('tar')}`,
    async () => {
      const { tree, archive, out } = await places();
      fs.writeFileSync(join(tree, 'f'), 'x');
      execFileSync('mkfifo', [join(tree, 'fifo')]);
      // Only root may, and in many containers not even root.
      const hasDevice = spawnSync('mknod', [join(tree, 'null'), 'c', '1', '3']).status === 0;
      run('tar', ['-C', tree, '-cf', archive, '.']);
      const { warnings } = await unpack(archive, out);
      expect(warnings.map(({ path, code }) => `${code} ${path}`).sort()).toEqual([
        'unsupported_entry ./fifo',
        ...(hasDevice ? ['unsupported_entry ./null'] : []),
      ]);
      expect(fs.readdirSync(out)).toEqual(['f']);
    },
  );

  it.skipIf(!has('tar'))(`an archive cut at any block is damage or says so${unless('tar')}`, async () => {
    const { tree } = await places();
    for (const name of ['a', 'b', 'c']) fs.writeFileSync(join(tree, name), name.repeat(1300));
    const bytes = run('tar', ['-C', tree, '-b', '1', '--format=posix', '-cf', '-', 'a', 'b', 'c']);
    const whole = (await readBytes(bytes)).entries.length;
    for (let length = 512; length < bytes.length - 512; length += 512) {
      const outcome = await readBytes(bytes.subarray(0, length)).catch((error: unknown) => error);
      if (outcome instanceof Error) expect(outcome).toMatchObject({ code: 'archive_damaged' });
      else expect(outcome).toMatchObject({ warnings: [{ code: 'missing_end' }] });
      // In gzip the same cut leaves no member behind, so it never passes for whole.
      const cut = gzipSync(bytes).subarray(0, Math.floor((gzipSync(bytes).length * length) / bytes.length));
      await expect(readBytes(cut)).rejects.toMatchObject({ code: 'archive_damaged' });
    }
    expect(whole).toBe(3);
  });

  it.skipIf(!has('tar'))(`gzip -1 to -9 and stored blocks read alike${unless('tar')}`, async () => {
    const { tree } = await places();
    makeTree(tree, SHORT);
    const bytes = run('tar', ['-C', tree, '-cf', '-', '.']);
    const expected = await readBytes(bytes);
    for (const level of [0, 1, 6, 9]) {
      const zipped = gzipSync(bytes, { level });
      expect(gunzipSync(zipped).equals(bytes)).toBe(true);
      expect(await readAll(memorySource(zipped))).toEqual(expected);
    }
    makeRemovable(tree);
  });
});

/** A file with `runs` runs of `length` bytes, spread over `size`. */
function makeSparse(path: string, runs: number, length: number, size: number): void {
  const handle = fs.openSync(path, 'w');
  for (let run = 0; run < runs; run++) {
    fs.writeSync(handle, Buffer.alloc(length, `run ${run} `), 0, length, Math.floor(((run + 0.5) * size) / runs));
  }
  fs.ftruncateSync(handle, size);
  fs.closeSync(handle);
}

/** Read-only directories stop whoever is not root from cleaning up. */
function makeRemovable(...roots: readonly string[]): void {
  for (const root of roots) if (fs.existsSync(join(root, 'readonly'))) fs.chmodSync(join(root, 'readonly'), 0o755);
}
