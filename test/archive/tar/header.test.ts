import * as fc from 'fast-check';
import { Parser, type ReadEntry } from 'tar';
import { describe, expect, test } from 'vitest';
import type { Entry, EntryKind } from '../../../src/archive/entry.ts';
import { END_OF_ARCHIVE } from '../../../src/archive/gzip/frame.ts';
import { HeaderEncoder, entryLength, headerLength, paddingOf, tarName } from '../../../src/archive/tar/header.ts';
import { fromText, toText } from '../../../src/base/files/paths.ts';
import { needsProgram, output, run } from '../../support/programs.ts';
import { tarEntries, tarEntryAt } from '../../support/tar-entries.ts';

const ENTRY: Entry = { path: 'a', kind: 'file', size: 0, mode: 0o644, uid: 0, gid: 0, mtime: 0 };

/** Any byte that a name may hold, weighted towards letters: raw bytes, not always UTF-8. */
const rawNames = fc
  .array(fc.oneof({ weight: 6, arbitrary: fc.integer({ min: 97, max: 102 }) }, fc.integer({ min: 1, max: 255 })), {
    minLength: 1,
    maxLength: 120,
  })
  .map((bytes) => String.fromCharCode(...bytes.map((byte) => (byte === 0x2f ? 0x2d : byte))));
const texts = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 60 })
  .map((text) => fromText(text.replaceAll(/[/\0]/g, '_')));
const decomposed = fc.integer({ min: 1, max: 60 }).map((count) => fromText('e\u0301'.repeat(count)));
const nearTheEdge = fc.integer({ min: 90, max: 260 }).map((length) => 'n'.repeat(length));
const names = fc
  .oneof(rawNames, texts, decomposed, nearTheEdge)
  .map((name) => name.slice(0, 255))
  .filter((name) => name !== '.' && name !== '..');
const paths = fc.array(names, { minLength: 1, maxLength: 6 }).map((parts) => parts.join('/'));
const numbers = fc.oneof(fc.nat(1000), fc.constantFrom(2_097_151, 2_097_152, 2 ** 31, 2 ** 32 - 1));
const times = fc.oneof(
  fc.integer({ min: 0, max: 2_000_000_000 }),
  fc.constantFrom(-1, -86_400, -(2 ** 33), 2 ** 31, 2 ** 32, 2 ** 33 - 1, 2 ** 33, 8.64e12, -8.64e12),
);
const entries: fc.Arbitrary<Entry> = fc
  .record({
    path: paths,
    kind: fc.constantFrom<EntryKind>('file', 'directory', 'symlink', 'hardlink'),
    mode: fc.nat(0o7777),
    uid: numbers,
    gid: numbers,
    mtime: times,
    target: paths,
  })
  .map(withTargetOfLinks);

function withTargetOfLinks(fields: Omit<Entry, 'size' | 'target'> & { readonly target: string }): Entry {
  const { target, ...rest } = fields;
  const isLink = rest.kind === 'symlink' || rest.kind === 'hardlink';
  return isLink ? { ...rest, size: 0, target } : { ...rest, size: 0 };
}

/** The tar stream of entries without content. */
function tarOf(list: readonly Entry[], encoder = new HeaderEncoder()): Buffer {
  const length = list.reduce((sum, entry) => sum + headerLength(entry), 0);
  const tar = Buffer.alloc(length, 0xa5);
  let at = 0;
  for (const entry of list) {
    const written = encoder.encode(entry, tar, at);
    expect(written).toBe(headerLength(entry));
    expect(written % 512).toBe(0);
    at += written;
  }
  expect(at).toBe(length);
  return Buffer.concat([tar, END_OF_ARCHIVE]);
}

/** An entry as the independent reader of the tests gives it back. */
function asRead({ kind: type, size, mode, uid, gid, mtime, target = '', ...entry }: Entry) {
  return { path: tarName({ path: entry.path, kind: type }), type, size, mode, uid, gid, mtime, target };
}

function readBack(tar: Buffer) {
  return tarEntries(tar).map(({ path, type, size, mode, uid, gid, mtime, target }) => {
    return { path, type, size, mode, uid, gid, mtime, target };
  });
}

describe('what is encoded comes back', () => {
  test('byte for byte, by the rules of ustar and pax', () => {
    fc.assert(
      fc.property(fc.array(entries, { maxLength: 8 }), (list) => {
        expect(readBack(tarOf(list))).toEqual(list.map((entry) => asRead(entry)));
      }),
      { numRuns: 500 },
    );
  });

  test('from node-tar, as far as it knows names: those that are UTF-8', async () => {
    const list = fc.sample(entries, { numRuns: 400, seed: 1 }).filter((entry) => isText(entry) && isDateable(entry));
    expect(list.length).toBeGreaterThan(100);
    const read = await readWithNodeTar(tarOf(list));
    expect(read).toEqual(
      list.map(({ path, kind, mode, uid, gid, mtime, target = '' }) => {
        return {
          path: toText(tarName({ path, kind })),
          type: NODE_TAR_TYPES[kind],
          mode,
          uid,
          gid,
          mtime,
          target: toText(target),
        };
      }),
    );
  });

  test('from Python, whatever bytes the names have', async (context) => {
    needsProgram(context, 'python3');
    const list = fc.sample(entries, { numRuns: 400, seed: 2 });
    const listed = (await output('python3', ['-c', LIST_WITH_PYTHON], { input: tarOf(list) })).toString();
    const expected = list.map(({ path, kind, mode, uid, gid, mtime, target = '' }) => {
      const hex = (name: string): string => Buffer.from(name, 'latin1').toString('hex');
      return [hex(path), kind, mode, uid, gid, mtime, hex(target)].join(' ');
    });
    expect(listed.trimEnd().split('\n')).toEqual(expected);
  });

  test.for(['tar' as const, 'bsdtar' as const])(
    'from %s, as far as it prints names as they are',
    async (program, context) => {
      needsProgram(context, program);
      // What these programs print is escaped; what they unpack is not, but unpacking needs names that a disk can have.
      const list = distinct(fc.sample(entries, { numRuns: 300, seed: 3 })).filter(({ path }) => isPlainText(path));
      const printed = (await output(program, ['-tf', '-'], { input: tarOf(list) })).toString('latin1');
      expect(printed.trimEnd().split('\n')).toEqual(list.map((entry) => tarName(entry)));
    },
  );
});

test.for([
  { program: 'tar' as const, args: ['--list', '--verbose', '--file', '-'] },
  { program: 'bsdtar' as const, args: ['-tvf', '-'] },
])('$program reads sizes beyond eleven octal digits', async ({ program, args }, context) => {
  needsProgram(context, program);
  for (const size of [8 * 1024 ** 3 - 1, 8 * 1024 ** 3, 9 * 1024 ** 3 + 5, 2 ** 45 + 1]) {
    // The content never comes, which is an error, but only behind the line that lists the entry.
    const { stdout } = await run(program, args, { input: tarOf([{ ...ENTRY, size }]) });
    expect(stdout.toString()).toContain(` ${size} `);
  }
});

const NODE_TAR_TYPES = { file: 'File', directory: 'Directory', symlink: 'SymbolicLink', hardlink: 'Link' } as const;

function isText({ path, target = '' }: Entry): boolean {
  // node-tar splits pax records at line feeds, and takes backslashes and trailing slashes for its own.
  const plain = (name: string): boolean => toText(name) !== undefined && !/[\n\\]/.test(name);
  return plain(path) && plain(target);
}

function isDateable({ mtime }: Entry): boolean {
  return mtime >= -(2 ** 33) && mtime <= 2 ** 33;
}

function isPlainText(name: string): boolean {
  // What neither program escapes when it prints.
  return /^[a-z0-9/_-]*$/.test(name) && !name.startsWith('-');
}

function distinct(list: readonly Entry[]): Entry[] {
  return [...new Map(list.map((entry) => [entry.path, entry])).values()];
}

async function readWithNodeTar(tar: Buffer) {
  const read: unknown[] = [];
  await new Promise<void>((resolve, reject) => {
    const parser = new Parser({
      strict: true,
      onReadEntry: (entry: ReadEntry) => {
        const { path, type, mode, uid, gid, mtime, linkpath = '' } = entry;
        read.push({ path, type, mode, uid, gid, mtime: (mtime?.getTime() ?? Number.NaN) / 1000, target: linkpath });
        entry.resume();
      },
    });
    parser.on('end', resolve);
    parser.on('error', reject);
    parser.end(tar);
  });
  return read;
}

const LIST_WITH_PYTHON = `
import io, sys, tarfile
kinds = {tarfile.REGTYPE: 'file', tarfile.DIRTYPE: 'directory', tarfile.SYMTYPE: 'symlink', tarfile.LNKTYPE: 'hardlink'}
def hexed(name): return name.encode('utf-8', 'surrogateescape').hex()
data = io.BytesIO(sys.stdin.buffer.read())
with tarfile.open(fileobj=data, encoding='utf-8', errors='surrogateescape') as tar:
    for m in tar:
        print(hexed(m.name), kinds[m.type], m.mode, m.uid, m.gid, int(m.mtime), hexed(m.linkname))
`;

describe('a header is one plain block', () => {
  const plain: readonly [string, Partial<Entry>][] = [
    ['for a name of 100 bytes', { path: 'n'.repeat(100) }],
    ['for a directory of 99 bytes and its slash', { kind: 'directory', path: 'n'.repeat(99) }],
    ['for a path of 255 bytes that can be split', { path: `${'p'.repeat(154)}/${'n'.repeat(100)}` }],
    ['for names that are not UTF-8', { path: '\xff'.repeat(100) }],
    ['for letters that could be composed', { path: fromText('e\u0301'.repeat(30)) }],
    ['for a link target of 100 bytes', { kind: 'symlink', target: 't'.repeat(100) }],
    ['for a size of 8 GiB less a byte', { size: 8 * 1024 ** 3 - 1 }],
    ['for the last time of eleven octal digits', { mtime: 2 ** 33 - 1 }],
    ['for the largest owner of seven octal digits', { uid: 2_097_151, gid: 2_097_151 }],
  ];
  test.for(plain)('%s', ([, fields]) => {
    const entry = { ...ENTRY, ...fields };
    expect(headerLength(entry)).toBe(512);
    expect(tarEntryAt(tarOf([entry]), 0)).toMatchObject(asRead(entry));
  });

  const extended: readonly [string, Partial<Entry>][] = [
    ['for a name of 101 bytes', { path: 'n'.repeat(101) }],
    ['for a directory of 100 bytes', { kind: 'directory', path: 'n'.repeat(100) }],
    ['for a path that cannot be split', { path: `${'p'.repeat(156)}/${'n'.repeat(90)}` }],
    ['for a link target of 101 bytes', { kind: 'hardlink', target: 't'.repeat(101) }],
    ['for a size of 8 GiB', { size: 8 * 1024 ** 3 }],
    ['for the largest size that is a safe number', { size: Number.MAX_SAFE_INTEGER }],
    ['for a time before 1970', { mtime: -1 }],
    ['for a time after 2242', { mtime: 2 ** 33 }],
    ['for a large owner', { uid: 2_097_152, gid: 4_294_967_295 }],
  ];
  test.for(extended)('preceded by pax records %s', ([, fields]) => {
    const entry = { ...ENTRY, ...fields };
    expect(headerLength(entry)).toBeGreaterThan(512);
    expect(tarEntryAt(tarOf([entry]), 0)).toMatchObject(asRead(entry));
  });
});

test('templates of thousands of modes and owners do not mix', () => {
  const list = Array.from({ length: 9000 }, (_, index) => ({
    ...ENTRY,
    path: String(index),
    mode: index % 4096,
    uid: index,
    gid: 9000 - index,
    mtime: index,
  }));
  const encoder = new HeaderEncoder();
  for (const half of [list, list.toReversed()]) {
    expect(readBack(tarOf(half, encoder))).toEqual(half.map((entry) => asRead(entry)));
  }
});

test('lengths count header, content and padding', () => {
  expect([0, 1, 511, 512, 513].map(paddingOf)).toEqual([0, 511, 1, 0, 511]);
  expect(entryLength({ ...ENTRY, size: 1 })).toBe(1024);
  expect(entryLength({ ...ENTRY, size: 1024 })).toBe(1536);
});
