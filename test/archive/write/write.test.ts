import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CompressionLevel, EngineName } from '../../../src/archive/contract.ts';
import { storedLength } from '../../../src/archive/gzip/deflate.ts';
import { selectedEngine } from '../../../src/archive/gzip/engine.ts';
import { extractArchive, verifyArchive } from '../../../src/archive/read/read.ts';
import { fromText, printable } from '../../../src/base/files/paths.ts';
import type { ChildResult } from '../../support/archive-child.ts';
import { directoryManifest, pathIn } from '../../support/directory-manifest.ts';
import { makeNotableTree, type NotableTree } from '../../support/notable-tree.ts';
import { needsProgram, output } from '../../support/programs.ts';
import { randomBytes } from '../../support/random-bytes.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { tarEntries } from '../../support/tar-entries.ts';
import {
  checkedEntries,
  inflatedOnce,
  memorySource,
  saved,
  segmentsOf,
  written,
  type Written,
} from '../../support/written-archive.ts';

const IS_ROOT = process.geteuid?.() === 0;
const NOBODY = 65_534;
const ENGINES: readonly EngineName[] = selectedEngine('auto') === 'isal' ? ['isal', 'zlib'] : ['zlib'];
const LEVELS: readonly CompressionLevel[] = ['none', 'fast', 'best'];

describe('an archive of a tree with one of everything', () => {
  let home: string;
  let root: string;
  let tree: NotableTree;
  let archived: Written;
  let archive: string;
  beforeAll(async () => {
    home = fs.mkdtempSync(join(tmpdir(), 'roost-test-'));
    root = join(home, 'server');
    fs.mkdirSync(root);
    tree = await makeNotableTree(root);
    archived = await written(root);
    ({ archive } = saved(archived, join(home, 'a.tar.gz')));
  });
  afterAll(async () => {
    await tree.close();
    // Only root removes what lies in a directory that is read-only.
    await output('chmod', ['-R', 'u+rwX', home]);
    fs.rmSync(home, { recursive: true, force: true });
  });

  test('is well-formed, ordered, and described by its index and its result', async () => {
    const entries = await checkedEntries(archived);
    expect(entries).toHaveLength(directoryManifest(root, { without: tree.special }).length);
    expect(archived.result.engine).toBe(selectedEngine('auto'));
    expect(archived.result.reusedBytes).toBe(0);
  });

  test.for([
    { program: 'tar' as const, args: ['--extract', '--gzip', '--preserve-permissions', '--file'] },
    { program: 'bsdtar' as const, args: ['-x', '-p', '-f'] },
  ])('unpacks with $program to the same tree', async ({ program, args }, context) => {
    needsProgram(context, program);
    const into = join(home, `unpacked by ${program}`);
    fs.mkdirSync(into);
    await output(program, [...args, archive, '-C', into]);
    const options = { owners: IS_ROOT, without: tree.special };
    expect(directoryManifest(into, options)).toEqual(directoryManifest(root, options));
  });

  test('is sound to Roost itself, and unpacks to the same tree', async () => {
    const source = { archive: memorySource(archived.archive), index: memorySource(archived.index) };
    const { size, sha256, entries, files } = archived.result;
    const verified = await verifyArchive({ source, expected: { size, sha256 }, workers: 2 });
    expect(verified).toMatchObject({ format: 'roost', size, sha256, entries, files, warnings: [] });
    const into = join(home, 'unpacked by Roost');
    fs.mkdirSync(into);
    const unpacked = await extractArchive({
      source,
      into,
      owner: 'archive',
      setuid: 'keep',
      limits: { maxBytes: 0, maxEntries: 1_000_000 },
      overwrite: false,
      durable: false,
      workers: 2,
    });
    expect(unpacked).toMatchObject({ entries, files, hostile: 0 });
    const options = { owners: IS_ROOT, without: tree.special };
    expect(directoryManifest(into, options)).toEqual(directoryManifest(root, options));
  });

  test('is the same to Python, entry by entry', async (context) => {
    needsProgram(context, 'python3');
    const listed = (await output('python3', ['-c', LIST_WITH_PYTHON, archive])).toString();
    const expected = tarEntries(gunzipSync(archived.archive)).map((entry) => {
      const { path, type, size, mode, uid, gid, mtime, target, content } = entry;
      const name = Buffer.from(path.replace(/\/$/, ''), 'latin1').toString('hex');
      const digest = type === 'file' ? createHash('sha256').update(content).digest('hex') : '-';
      const link = Buffer.from(target, 'latin1').toString('hex');
      return [name, type, size, mode, uid, gid, mtime, link, digest].join(' ');
    });
    expect(listed.trimEnd().split('\n')).toEqual(expected);
  });

  test('names in warnings what it cannot keep, and nothing else', () => {
    const { warnings, warningCount } = archived.result;
    const special = tree.special.map((path) => ({ path, code: 'special_file' }));
    const outside = ['links/above', 'links/absolute'].map((path) => ({ path, code: 'link_outside' }));
    expect(warnings.map(({ path, code }) => ({ path, code }))).toEqual([...outside, ...special]);
    expect(warningCount).toBe(4);
    for (const { message } of warnings.slice(2)) expect(message).toMatch(/^It is a (FIFO|socket), which/);
  });

  test('satisfies gzip, and its digest is that of sha256sum', async (context) => {
    needsProgram(context, 'gzip');
    await output('gzip', ['--test', archive]);
    expect((await output('sha256sum', [archive])).toString().split(' ')[0]).toBe(archived.result.sha256);
    expect(fs.statSync(archive).size).toBe(archived.result.size);
  });

  test('gives every byte to a decoder that stops behind the first gzip member', async (context) => {
    needsProgram(context, 'python3');
    const script = `
import sys, zlib, hashlib
d = zlib.decompressobj(31)
raw = d.decompress(open(sys.argv[1], 'rb').read()) + d.flush()
print(d.eof, len(d.unused_data), len(raw), hashlib.sha256(raw).hexdigest())`;
    const tar = gunzipSync(archived.archive);
    const digest = createHash('sha256').update(tar).digest('hex');
    const told = (await output('python3', ['-c', script, archive])).toString().trim();
    expect(told).toBe(`True 0 ${tar.length} ${digest}`);
  });

  test('is the same tar stream from every engine, at every level, with any number of threads', async () => {
    const expected = createHash('sha256').update(gunzipSync(archived.archive)).digest('hex');
    for (const engine of ENGINES) {
      const sizes: number[] = [];
      for (const level of LEVELS) {
        const other = await written(root, { engine, level, workers: level === 'fast' ? 1 : 3 });
        expect(createHash('sha256').update(inflatedOnce(other.archive)).digest('hex')).toBe(expected);
        expect(other.result.engine).toBe(engine);
        sizes.push(other.result.size);
      }
      // None, fast, best.
      expect(sizes.toSorted((one, other) => other - one)).toEqual(sizes);
    }
  });
});

const LIST_WITH_PYTHON = `
import hashlib, os, sys, tarfile
kinds = {tarfile.REGTYPE: 'file', tarfile.DIRTYPE: 'directory', tarfile.SYMTYPE: 'symlink', tarfile.LNKTYPE: 'hardlink'}
def hexed(name): return name.encode('utf-8', 'surrogateescape').hex()
with tarfile.open(sys.argv[1], 'r:gz', encoding='utf-8', errors='surrogateescape') as tar:
    for m in tar:
        digest = hashlib.sha256(tar.extractfile(m).read()).hexdigest() if m.isreg() else '-'
        # Python makes a float of a time in a pax record.
        print(hexed(m.name), kinds[m.type], m.size, m.mode, m.uid, m.gid, int(m.mtime), hexed(m.linkname), digest)
`;

test('a file that may not be read is a warning that names it, and all else is archived', async (context) => {
  const root = await scratchDirectory();
  fs.chmodSync(root, 0o755);
  fs.writeFileSync(join(root, 'before'), 'before');
  fs.writeFileSync(join(root, 'secret'), 'secret', { mode: 0o000 });
  fs.linkSync(join(root, 'secret'), join(root, 'secret too'));
  fs.writeFileSync(join(root, 'large secret'), randomBytes(600_000, 1), { mode: 0o000 });
  fs.mkdirSync(join(root, 'vault'));
  fs.writeFileSync(join(root, 'vault/inside'), 'inside');
  fs.chmodSync(join(root, 'vault'), 0o000);
  fs.writeFileSync(join(root, 'zzz'), 'behind');
  const child = fileURLToPath(new URL('../../support/archive-child.ts', import.meta.url));
  const asNobody = IS_ROOT ? { uid: NOBODY } : {};
  const started = await output(process.execPath, ['-e', `require('fs').accessSync(${JSON.stringify(child)})`], asNobody)
    .then(() => true)
    .catch(() => false);
  if (!started) context.skip('another user may not read the sources of this checkout');
  const told = await output(process.execPath, [child, root], asNobody);
  fs.chmodSync(join(root, 'vault'), 0o755);
  const { contents, warnings } = JSON.parse(told.toString()) as ChildResult;
  expect(contents).toEqual([
    ['before', 'before'],
    ['vault/', ''],
    ['zzz', 'behind'],
  ]);
  const byPath = warnings.toSorted((one, other) => (one.path < other.path ? -1 : 1));
  expect(byPath.map(({ path, code, message }) => [path, code, /\((\w+)\)/.exec(message)?.[1]])).toEqual([
    ['large secret', 'unreadable', 'EACCES'],
    ['secret', 'unreadable', 'EACCES'],
    ['secret too', 'unreadable', 'EACCES'],
    ['vault', 'unreadable', 'EACCES'],
  ]);
});

test.for(LEVELS)('what cannot be compressed hardly grows at level %s', async (level) => {
  const root = await scratchDirectory();
  for (let number = 0; number < 5; number++) {
    fs.writeFileSync(join(root, `jar ${number}`), randomBytes(700_000, number));
  }
  for (const engine of ENGINES) {
    const archived = await written(root, { engine, level });
    for (const { length, rawLength } of await segmentsOf(archived)) {
      expect(length).toBeLessThanOrEqual(storedLength(rawLength) + 16);
    }
  }
});

test('an empty directory makes an archive without entries', async () => {
  const root = await scratchDirectory();
  const archived = await written(root);
  expect(await checkedEntries(archived)).toEqual([]);
  expect(archived.result).toMatchObject({ entries: 0, files: 0, warningCount: 0, rawSize: 1024 });
});

test('what is ignored stays out, and lines that mean nothing are warnings with their number', async () => {
  const root = await scratchDirectory();
  for (const name of ['cache', 'world']) fs.mkdirSync(join(root, name));
  for (const name of ['cache/a', 'cache/keep', 'world/level.dat', 'latest.log', 'world/debug.log']) {
    fs.writeFileSync(join(root, name), name);
  }
  const ignore = ['# no logs', '*.log', '', 'cache/*', '!cache/keep', 'a[b'];
  const archived = await written(root, { ignore });
  const paths = (await checkedEntries(archived)).map(({ path }) => path);
  expect(paths).toEqual(['cache/', 'cache/keep', 'world/', 'world/level.dat']);
  expect(archived.result.warnings.map(({ code, path }) => ({ code, path }))).toEqual([
    { code: 'ignore_line', path: '' },
  ]);
  expect(archived.result.warnings[0]?.message).toMatch(/^Line 6 /);
});

test('Roost’s own directories stay out wherever they lie, and are named', async () => {
  const home = await scratchDirectory();
  const root = join(home, 'server');
  fs.mkdirSync(join(root, 'backups/deep'), { recursive: true });
  fs.writeFileSync(join(root, 'backups/deep/huge.tar.gz'), 'not this');
  fs.writeFileSync(join(root, 'roost.sock'), 'nor this');
  fs.writeFileSync(join(root, 'world'), 'but this');
  fs.symlinkSync(join(root, 'backups'), join(home, 'linked'));
  const exclude = [join(home, 'linked'), join(root, 'roost.sock'), join(home, 'missing')];
  const archived = await written(root, { exclude });
  expect((await checkedEntries(archived)).map(({ path }) => path)).toEqual(['world']);
  expect(archived.result.warnings.map(({ code, path }) => [path, code])).toEqual([
    ['backups', 'excluded'],
    ['roost.sock', 'excluded'],
  ]);
});

test('progress never goes back, ends with done equal to total, and reading ends once and before that', async () => {
  const root = await scratchDirectory();
  for (let number = 0; number < 40; number++) fs.writeFileSync(join(root, `${number}`), randomBytes(300_000, number));
  const told: string[] = [];
  let last = { bytesDone: 0, filesDone: 0 };
  const { result } = await written(root, {
    onProgress: (progress) => {
      expect(progress.bytesDone).toBeGreaterThanOrEqual(last.bytesDone);
      expect(progress.filesDone).toBeGreaterThanOrEqual(last.filesDone);
      expect(progress.bytesTotal).toBeGreaterThanOrEqual(progress.bytesDone);
      expect(progress.filesTotal).toBeGreaterThanOrEqual(progress.filesDone);
      last = progress;
      told.push('progress');
    },
    onReadingEnded: () => {
      told.push('ended');
    },
  });
  expect(last).toEqual({ bytesDone: result.rawSize, bytesTotal: result.rawSize, filesDone: 40, filesTotal: 40 });
  expect(told.filter((what) => what === 'ended')).toHaveLength(1);
  expect(told.at(-1)).toBe('progress');
  expect(told.at(-2)).toBe('ended');
});

test('a name that forges log lines is shown harmlessly in warnings', async () => {
  const root = await scratchDirectory();
  const name = 'x\n2026-01-01 ERROR all is lost \x1b[2J';
  await output('mkfifo', [join(root, name)]);
  const { result } = await written(root);
  expect(result.warnings.map(({ path }) => path)).toEqual([name]);
  for (const { path, message } of result.warnings) {
    // What printable() changes is what could forge a line or move a cursor.
    expect(message).toBe(printable(fromText(message)));
    expect(printable(path)).not.toContain('\n');
  }
  expect(fs.existsSync(pathIn(root, name))).toBe(true);
});
