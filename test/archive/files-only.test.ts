import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ExtractRequest, OpenRequest } from '../../src/archive/contract.ts';
import { IndexOnlyEntries } from '../../src/archive/write/index-only.ts';
import { extractArchive, openArchive, verifyArchive } from '../../src/archive/archive.ts';
import { bytesOf } from '../../src/base/files/paths.ts';
import { directoryManifest, pathIn } from '../support/directory-manifest.ts';
import { makeNotableTree, type NotableTree } from '../support/notable-tree.ts';
import { needsProgram, output } from '../support/programs.ts';
import { failureOf } from '../support/rejection.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { tarEntries } from '../support/tar-entries.ts';
import { madeLater, memorySource, saved, written, type Written } from '../support/written-archive.ts';

const IS_ROOT = process.geteuid?.() === 0;

/**
 * Unpacks as a stock Wings does: whatever an entry is, its path is opened for writing as a file, with its parents made
 * where they are missing; the first error ends it.
 */
function unpackAsWings(archive: Buffer, into: string): void {
  for (const { path, mode, content } of tarEntries(gunzipSync(archive))) {
    const at = pathIn(into, path);
    fs.mkdirSync(parentOf(at), { recursive: true });
    const descriptor = fs.openSync(at, 'w', mode & 0o755);
    fs.writeSync(descriptor, content);
    fs.closeSync(descriptor);
  }
}

function parentOf(path: Buffer): Buffer {
  return path.subarray(0, path.lastIndexOf('/'.charCodeAt(0)));
}

async function unpack(source: OpenRequest, more: Partial<ExtractRequest> = {}) {
  const into = await scratchDirectory();
  const limits = { maxBytes: 0, maxEntries: 1_000_000 };
  const policy = { owner: 'archive', setuid: 'keep', overwrite: false, durable: false, workers: 2 } as const;
  const result = await extractArchive({ source, into, limits, ...policy, ...more });
  return { into, result };
}

function sourceOf({ archive, index, result }: Written, parts: { index: boolean; aside: boolean }): OpenRequest {
  return {
    archive: memorySource(archive),
    ...(parts.index ? { index: memorySource(index) } : {}),
    ...(parts.aside && result.aside !== undefined ? { aside: result.aside } : {}),
  };
}

describe('an archive of files alone, of a tree with one of everything', () => {
  let home: string;
  let root: string;
  let tree: NotableTree;
  let archived: Written;
  beforeAll(async () => {
    home = fs.mkdtempSync(join(tmpdir(), 'roost-test-'));
    root = join(home, 'server');
    fs.mkdirSync(root);
    tree = await makeNotableTree(root);
    archived = await written(root, { filesOnly: true });
  });
  afterAll(async () => {
    await tree.close();
    await output('chmod', ['-R', 'u+rwX', home]);
    fs.rmSync(home, { recursive: true, force: true });
  });

  const filesOf = (directory: string): string[] =>
    directoryManifest(directory, { owners: false, without: tree.special })
      .filter((line) => / file \d+ -?\d+ /.test(line))
      // Wings gives files modes and names of their own: what counts is that each is there with its content.
      .map((line) => line.replace(/ file \d+ -?\d+ /, ' ').replace(/ = .*$/, ''));

  test('unpacks as Wings unpacks it, to every file under every name that it had', async () => {
    const into = await scratchDirectory();
    unpackAsWings(archived.archive, into);
    expect(filesOf(into)).toEqual(filesOf(root));
  });

  test('is what it takes: the usual archive of the same tree breaks such a reader', async () => {
    const usual = await written(root);
    const into = await scratchDirectory();
    expect(() => unpackAsWings(usual.archive, into)).toThrow(/EISDIR|ENOTDIR|EEXIST/);
  });

  test('is regular files to Python, and nothing else', async (context) => {
    needsProgram(context, 'python3');
    const { archive } = saved(archived, join(home, 'a.tar.gz'));
    const script = 'import sys,tarfile\nprint({m.type for m in tarfile.open(sys.argv[1], encoding="latin1")})';
    expect((await output('python3', ['-c', script, archive])).toString().trim()).toBe("{b'0'}");
  });

  test.each([
    { by: 'its index', parts: { index: true, aside: false } },
    { by: 'what the manifest keeps, when the index is lost', parts: { index: false, aside: true } },
  ])('unpacks to the same tree by $by', async ({ parts }) => {
    const { into, result } = await unpack(sourceOf(archived, parts));
    const options = { owners: IS_ROOT, without: tree.special };
    expect(directoryManifest(into, options)).toEqual(directoryManifest(root, options));
    expect(result).toMatchObject({ hostile: 0, warnings: [] });
  });

  test('is proven while it is unpacked, and verifies with its index and without', async () => {
    const { size, sha256, entries } = archived.result;
    const expected = { size, sha256 };
    const source = sourceOf(archived, { index: true, aside: false });
    expect(await verifyArchive({ source, expected, workers: 2 })).toMatchObject({ format: 'roost', entries, sha256 });
    const alone = sourceOf(archived, { index: false, aside: true });
    expect(await verifyArchive({ source: alone, expected, workers: 2 })).toMatchObject({ format: 'tar', sha256 });
    const { result } = await unpack(source, { expected });
    expect(result.files).toBe(archived.result.files);
  });

  test.each([
    ['its index', { index: true, aside: false }],
    ['the manifest’s list', { index: false, aside: true }],
  ])('lists directories and links by %s', async (_, parts) => {
    const opened = await openArchive(sourceOf(archived, parts));
    const kinds = async (path: string) => {
      const { entries } = await opened.list(path, undefined, 1000);
      return new Map(entries.map((entry) => [entry.path, entry.kind]));
    };
    expect((await kinds('')).get('empty')).toBe('directory');
    const links = fs.readdirSync(pathIn(root, 'links'), { encoding: 'latin1', withFileTypes: true });
    const symlinks = links.filter((entry) => entry.isSymbolicLink()).map(({ name }) => `links/${name}`);
    const listed = await kinds('links');
    expect(symlinks.map((path) => listed.get(path))).toEqual(symlinks.map(() => 'symlink'));
    const { stream } = await opened.content('hard/second');
    expect(Buffer.concat(await Array.fromAsync(stream)).toString()).toBe('shared by four names');
    await opened.close();
  });

  test('gives back one of several names of a file, without the first', async () => {
    const { into } = await unpack(sourceOf(archived, { index: true, aside: false }), {
      select: (path) => path === 'hard/second',
    });
    expect(fs.readFileSync(join(into, 'hard/second'), 'utf8')).toBe('shared by four names');
    expect(fs.readdirSync(join(into, 'hard'))).toEqual(['second']);
  });
});

describe('an archive of files alone', () => {
  test('reuses what the last one holds, and takes nothing from the usual kind for it that differs', async () => {
    const root = await scratchDirectory();
    for (const name of ['a', 'b', 'c']) {
      fs.mkdirSync(join(root, name));
      fs.writeFileSync(join(root, name, 'file'), Buffer.alloc(300_000, name));
      fs.symlinkSync('file', join(root, name, 'link'));
    }
    fs.writeFileSync(join(root, 'large'), Buffer.alloc(3_000_000, 'large'));
    const home = await scratchDirectory();
    const first = saved(await madeLater(await written(root, { filesOnly: true })), join(home, 'first'));
    const usual = saved(await madeLater(await written(root)), join(home, 'usual'));
    const again = await written(root, { filesOnly: true, base: first });
    const mixed = await written(root, { filesOnly: true, base: usual });
    expect(again.result.reusedBytes).toBeGreaterThan(again.result.size * 0.9);
    expect(mixed.result.reusedBytes).toBeGreaterThan(0);
    for (const { archive } of [again, mixed]) {
      expect(tarEntries(gunzipSync(archive)).map(({ type }) => type)).toEqual(['file', 'file', 'file', 'file']);
    }
    const { into } = await unpack(sourceOf(mixed, { index: true, aside: false }));
    expect(directoryManifest(into)).toEqual(directoryManifest(root));
  });

  test('keeps a tree of nothing but directories', async () => {
    const root = await scratchDirectory();
    for (let number = 0; number < 4200; number++) fs.mkdirSync(join(root, `directory ${number}`));
    const archived = await written(root, { filesOnly: true });
    expect(tarEntries(gunzipSync(archived.archive))).toEqual([]);
    for (const parts of [
      { index: true, aside: false },
      { index: false, aside: true },
    ]) {
      const { into } = await unpack(sourceOf(archived, parts));
      expect(fs.readdirSync(into)).toHaveLength(4200);
    }
  });

  test('has no list of what is beside it when there is nothing', async () => {
    const root = await scratchDirectory();
    fs.writeFileSync(join(root, 'file'), 'content');
    const { result } = await written(root, { filesOnly: true });
    expect('aside' in result).toBe(false);
  });
});

describe('the list of what is beside the tar', () => {
  const directory = { kind: 'directory', size: 0, mode: 0o755, uid: 0, gid: 0, mtime: 0 } as const;

  test('is given up beyond its bound, not cut', () => {
    const list = new IndexOnlyEntries();
    const long = 'x'.repeat(200);
    for (let number = 0; number < 90_000; number++) list.add({ ...directory, path: `${number}${long}` });
    expect(list.finish()).toBeNull();
  });

  test.each([
    ['no list at all', Buffer.from('nothing')],
    ['a list of other bytes', deflateSync(Buffer.from('\x07junk'))],
    ['a bomb', deflateSync(Buffer.alloc(64 * 1024 * 1024))],
  ])('is refused when it is %s', async (_, aside) => {
    const root = await scratchDirectory();
    fs.mkdirSync(join(root, 'a'));
    fs.writeFileSync(join(root, 'file'), 'content');
    const { archive } = await written(root, { filesOnly: true });
    await failureOf(unpack({ archive: memorySource(archive), aside }), 'archive_damaged');
  });

  test.each([
    { ...directory, path: '../out' },
    { ...directory, path: '/etc' },
    { ...directory, path: 'a//b' },
    { ...directory, path: 'link', kind: 'symlink' as const, target: '' },
    { ...directory, path: 'link', kind: 'hardlink' as const, target: '../../etc/passwd' },
    { ...directory, path: 'file', kind: 'file' as const, size: 10 },
  ])('is refused when it names %j', async (entry) => {
    const list = new IndexOnlyEntries();
    list.add(entry);
    const aside = list.finish();
    const root = await scratchDirectory();
    fs.writeFileSync(join(root, 'file'), bytesOf('content'));
    const { archive } = await written(root, { filesOnly: true });
    if (!(aside instanceof Uint8Array)) throw new TypeError('a list was expected');
    await failureOf(unpack({ archive: memorySource(archive), aside }), 'archive_damaged');
  });

  test('of a link leads nowhere outside: what is written goes beside the link', async () => {
    const outside = await scratchDirectory();
    const root = await scratchDirectory();
    fs.mkdirSync(join(root, 'world'));
    fs.writeFileSync(join(root, 'world', 'file'), 'content');
    const { archive } = await written(root, { filesOnly: true });
    const list = new IndexOnlyEntries();
    list.add({ ...directory, path: 'world', kind: 'symlink', target: outside });
    const aside = list.finish();
    if (!(aside instanceof Uint8Array)) throw new TypeError('a list was expected');
    const { result } = await unpack({ archive: memorySource(archive), aside });
    expect(fs.readdirSync(outside)).toEqual([]);
    expect(result.warnings.map(({ code }) => code)).toEqual(['hostile_entry']);
  });
});
