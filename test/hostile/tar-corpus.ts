/** Hostile tars: what each tries, and what must come of it. Paths outside are filled in when the archive is made. */
import type { FailureCode } from '../../src/base/failure.ts';
import type { WarningCode } from '../../src/archive/entry.ts';
import { BLOCK, END, base256, entry, gnuLong, header, padded, pax, tar } from './tar-builder.ts';

export interface Attack {
  readonly name: string;
  /** @param outside absolute path of what must not be touched. */
  readonly make: (outside: string) => Buffer;
  /** The Failure that ends it, or */
  readonly failure?: FailureCode;
  /** paths that are passed over, each with its warning; and */
  readonly passedOver?: readonly (readonly [path: string, code: WarningCode])[];
  /** what is there afterwards. */
  readonly tree?: Readonly<Record<string, string>>;
}

const OK = entry({ name: 'ok' }, 'fine');
const symlink = (name: string, link: string): Buffer => header({ name, type: '2', link });
const hardlink = (name: string, link: string): Buffer => header({ name, type: '1', link });
const directory = (name: string): Buffer => header({ name, type: '5', mode: 0o755 });
const evil = (name: string): Buffer => entry({ name, mode: 0o777 }, 'evil');
const hostile = (...paths: string[]): (readonly [string, WarningCode])[] =>
  paths.map((path) => [path, 'hostile_entry'] as const);
const unsupported = (...paths: string[]): (readonly [string, WarningCode])[] =>
  paths.map((path) => [path, 'unsupported_entry'] as const);

/** A name that each tar understands as leading out: refused by name, and the rest goes on. */
const leadingOut = (what: string, path: string): Attack => ({
  name: what,
  make: () => tar(evil(path), OK),
  passedOver: hostile(path),
  tree: { ok: 'fine' },
});

/** An absolute name: its slashes go, as with GNU tar, and what is then left lies inside. */
const absolute = (what: string, path: string): Attack => ({
  name: what,
  make: () => tar(evil(path), OK),
  passedOver: ABSOLUTE,
  tree: { ok: 'fine', proc: 'directory', 'proc/roost-hostile': 'evil' },
});
const ABSOLUTE = [['', 'absolute_name']] as const;

export const NAMES: readonly Attack[] = [
  leadingOut('a parent path', '../sibling'),
  leadingOut('a parent path in the middle', 'a/../../sibling'),
  leadingOut('a parent path that stays inside', 'a/../b'),
  leadingOut('a parent path behind dots', './/.//../sibling'),
  leadingOut('a path to a directory with the same prefix', '../out-evil/x'),
  absolute('an absolute path', '/proc/roost-hostile'),
  absolute('an absolute path behind slashes', '///proc/roost-hostile'),
  {
    name: 'an absolute path of what exists',
    make: (outside) => tar(pax([['path', `${outside}/canary`]]), evil('innocent'), OK),
    passedOver: ABSOLUTE,
  },
  {
    name: 'a parent directory as a directory entry',
    make: () => tar(directory('..'), directory('../..'), header({ name: '../out-evil', type: '5', mode: 0o777 }), OK),
    passedOver: hostile('..', '../..', '../out-evil'),
    tree: { ok: 'fine' },
  },
  {
    name: 'the prefix field leading out',
    make: () => tar(entry({ name: 'x', prefix: '../..' }, 'evil'), entry({ name: 'x', prefix: '/proc' }, 'evil'), OK),
    passedOver: [...hostile('../../x'), ...ABSOLUTE],
    tree: { ok: 'fine', proc: 'directory', 'proc/x': 'evil' },
  },
  {
    name: 'a pax path over an innocent name',
    make: () => tar(pax([['path', '../sibling']]), evil('innocent'), OK),
    passedOver: hostile('../sibling'),
    tree: { ok: 'fine' },
  },
  {
    name: 'a GNU long name over an innocent name',
    make: () => tar(gnuLong('L', '../sibling'), evil('innocent'), OK),
    passedOver: hostile('../sibling'),
    tree: { ok: 'fine' },
  },
  {
    name: 'a pax path and a long name that disagree',
    make: () => tar(gnuLong('L', 'good'), pax([['path', '../sibling']]), evil('innocent'), OK),
    passedOver: hostile('../sibling'),
    tree: { ok: 'fine' },
  },
  {
    name: 'the name of a sparse file leading out',
    make: () =>
      tar(
        pax([
          ['GNU.sparse.name', '../sibling'],
          ['GNU.sparse.size', '4'],
          ['GNU.sparse.numblocks', '1'],
          ['GNU.sparse.map', '0,4'],
        ]),
        evil('innocent'),
        OK,
      ),
    passedOver: hostile('../sibling'),
    tree: { ok: 'fine' },
  },
  {
    name: 'a NUL in a pax path (CVE-2026-59875)',
    make: () => tar(pax([['path', 'safe\0/../../sibling']]), evil('innocent'), OK),
    passedOver: hostile('safe\0/../../sibling'),
    tree: { ok: 'fine' },
  },
  {
    name: 'a NUL in a GNU long name',
    make: () => tar(gnuLong('L', 'safe\0hidden'), evil('innocent'), OK),
    passedOver: [],
    tree: { ok: 'fine', safe: 'evil' },
  },
  {
    name: 'a NUL in a pax link path',
    make: () => tar(pax([['linkpath', 'ok\0/etc']]), symlink('l', 'ok'), OK),
    passedOver: hostile('l'),
    tree: { ok: 'fine' },
  },
  {
    name: 'no name at all',
    make: () => tar(evil(''), symlink('', '/etc'), OK),
    passedOver: hostile('', ''),
    tree: { ok: 'fine' },
  },
  {
    name: 'the root itself as a file, a symlink and a hard link',
    make: (outside) => tar(evil('./'), symlink('.', outside), symlink('./', outside), hardlink('.', 'ok'), OK),
    passedOver: hostile('.', './', '.'),
    tree: { ok: 'fine' },
  },
  {
    name: 'a path of 100,000 levels (CVE-2024-28863)',
    make: () => tar(pax([['path', 'a/'.repeat(100_000)]]), directory('x'), OK),
    tree: { ok: 'fine' },
  },
  {
    name: 'a path of a mebibyte',
    make: () => tar(gnuLong('L', 'n'.repeat(1024 * 1024 - 1)), evil('x'), OK),
    tree: { ok: 'fine' },
  },
  {
    name: 'a component of 256 bytes',
    make: () => tar(gnuLong('L', `a/${'n'.repeat(256)}`), evil('x'), OK),
    passedOver: hostile(`a/${'n'.repeat(256)}`),
    tree: { ok: 'fine' },
  },
  {
    name: 'backslashes, drive letters and device names, which are ordinary names here',
    make: () => tar(evil('..\\..\\sibling'), evil('C:\\x'), evil('c:x'), evil('\\\\?\\C:\\y'), evil('NUL')), // prettier-ignore
    tree: { '..\\..\\sibling': 'evil', 'C:\\x': 'evil', 'c:x': 'evil', '\\\\?\\C:\\y': 'evil', NUL: 'evil' },
  },
  {
    name: 'a drive letter before a parent path',
    make: () => tar(evil('C:../../../sibling'), evil('C:/../sibling'), OK),
    passedOver: hostile('C:../../../sibling', 'C:/../sibling'),
    tree: { ok: 'fine' },
  },
  {
    name: 'names that differ in case only, which are different names',
    make: () =>
      tar(entry({ name: 'A' }, '1'), entry({ name: 'a' }, '2'), symlink('B', 'A'), directory('b'), evil('b/x')),
    tree: { A: '1', a: '2', B: '-> A', b: 'directory', 'b/x': 'evil' },
  },
  {
    name: 'names that differ in composition only (CVE-2026-23950), which are different names',
    make: (outside) =>
      tar(
        symlink('caf\xc3\xa9', outside),
        directory('cafe\xcc\x81'),
        evil('cafe\xcc\x81/canary'),
        symlink('\xc3\x9f', outside),
        directory('ss'),
        evil('ss/canary'),
      ),
  },
  {
    name: 'control characters and terminal escapes',
    make: () => tar(entry({ name: 'a\n\x1b]0;evil\x07' }, 'x'), evil('../\x1b[2J\nroot:x:0:0')),
    passedOver: hostile('../\x1b[2J\nroot:x:0:0'),
    tree: { 'a\n\x1b]0;evil\x07': 'x' },
  },
];

export const LINKS: readonly Attack[] = [
  {
    name: 'a file through a symlink that leads out (CVE-2023-25152, CVE-2024-12905)',
    make: (outside) => tar(symlink('l', outside), evil('l/canary'), evil('l/new'), OK),
    passedOver: hostile('l/canary', 'l/new'),
  },
  {
    name: 'a file through a relative symlink',
    make: () => tar(symlink('l', '..'), evil('l/sibling'), OK),
    passedOver: hostile('l/sibling'),
    tree: { l: '-> ..', ok: 'fine' },
  },
  {
    name: 'a file through a symlink to a directory with the same prefix (CVE-2025-59343)',
    make: () => tar(symlink('l', '../out-evil'), evil('l/x')),
    passedOver: hostile('l/x'),
    tree: { l: '-> ../out-evil' },
  },
  {
    name: 'a file through a symlink with a drive letter (CVE-2026-31802)',
    make: () => tar(symlink('l', 'C:../../../sibling'), evil('l'), symlink('m', 'C:../..'), evil('m/sibling')),
    passedOver: hostile('m/sibling'),
    tree: { l: 'evil', m: '-> C:../..' },
  },
  {
    name: 'a file through a chain of symlinks',
    make: (outside) =>
      tar(symlink('a', 'b'), symlink('b', 'c'), symlink('c', outside), evil('a/canary'), evil('b/sub/x')),
    passedOver: hostile('a/canary', 'b/sub/x'),
  },
  {
    name: 'a file through a symlink in a subdirectory',
    make: (outside) => tar(directory('d'), symlink('d/l', outside), directory('d/l/sub'), evil('d/l/sub/secret')),
    passedOver: hostile('d/l/sub', 'd/l/sub/secret'),
  },
  {
    name: 'a symlink that comes after the file that it would redirect',
    make: (outside) => tar(evil('l/canary'), symlink('l', outside)),
    passedOver: hostile('l'),
    tree: { l: 'directory', 'l/canary': 'evil' },
  },
  {
    name: 'a directory, then a symlink of its name, then a file in it (CVE-2021-32803)',
    make: (outside) => tar(directory('d'), symlink('d', outside), evil('d/canary')),
    passedOver: hostile('d/canary', 'd'),
    tree: { d: 'directory' },
  },
  {
    name: 'a symlink, then a directory of its name to chmod what it leads to (CVE-2021-37701)',
    make: (outside) => tar(symlink('d', outside), header({ name: 'd/', type: '5', mode: 0o777 }), evil('d/canary')),
    passedOver: hostile('d', 'd/canary'),
  },
  {
    name: 'a symlink with a backslash beside a directory path (CVE-2021-37712, GHSA-qq89-hq3f-393p)',
    make: (outside) => tar(directory('a\\b'), symlink('a', outside), evil('a\\b/canary'), evil('a/canary')),
    passedOver: hostile('a/canary'),
  },
  {
    name: 'a file over a symlink that leads to a file outside',
    make: (outside) => tar(symlink('f', `${outside}/canary`), evil('f')),
    tree: { f: 'evil' },
  },
  {
    name: 'a symlink over a file',
    make: () => tar(evil('f'), symlink('f', '../sibling')),
    tree: { f: '-> ../sibling' },
  },
  {
    name: 'a symlink over another',
    make: () => tar(symlink('l', '/etc'), symlink('l', 'ok'), OK),
    tree: { l: '-> ok', ok: 'fine' },
  },
  {
    name: 'symlinks without, or with an endless target',
    make: () => tar(symlink('e', ''), gnuLong('K', '../'.repeat(2000)), symlink('l', 'x'), OK),
    passedOver: hostile('e', 'l'),
    tree: { ok: 'fine' },
  },
  {
    name: 'symlinks that lead in circles, with files below',
    make: () => tar(symlink('a', 'b'), symlink('b', 'a'), symlink('c', 'c'), evil('a/x'), evil('c/c/x')),
    passedOver: hostile('a/x', 'c/c/x'),
    tree: { a: '-> b', b: '-> a', c: '-> c' },
  },
  {
    name: 'hard links to what lies outside (CVE-2026-23745)',
    make: (outside) =>
      tar(pax([['linkpath', `${outside}/canary`]]), hardlink('h', 'x'), hardlink('i', '../sibling'), OK),
    passedOver: [...hostile('h', 'i'), ...ABSOLUTE],
    tree: { ok: 'fine' },
  },
  {
    name: 'a hard link to outside, then a file over it to write through (CVE-2018-20834)',
    make: () => tar(hardlink('h', '../sibling'), evil('h')),
    passedOver: hostile('h'),
    tree: { h: 'evil' },
  },
  {
    name: 'a hard link through a symlink (CVE-2025-48387)',
    make: (outside) => tar(symlink('d', outside), hardlink('h', 'd/canary'), evil('h')),
    passedOver: hostile('h'),
  },
  {
    name: 'a hard link to a symlink, then files over and through it',
    make: (outside) => tar(symlink('l', outside), hardlink('h', 'l'), evil('h/canary'), hardlink('i', 'l'), evil('i')),
    passedOver: [...hostile('h/canary'), ['h', 'link_copied'], ['i', 'link_copied']],
  },
  {
    name: 'a hard link with a drive letter (CVE-2026-29786)',
    make: () => tar(hardlink('h', 'C:../../sibling'), hardlink('i', 'C:..\\..\\sibling'), OK),
    passedOver: hostile('h', 'i'),
    tree: { ok: 'fine' },
  },
  {
    name: 'hard links to itself, to a directory, to nothing, and to what comes later',
    make: () =>
      tar(hardlink('s', 's'), directory('d'), hardlink('h', 'd'), hardlink('n', 'no'), hardlink('p', 'ok'), OK),
    passedOver: hostile('s', 'h', 'n', 'p'),
    tree: { d: 'directory', ok: 'fine' },
  },
  {
    name: 'a hard link to make a file setuid',
    make: () => tar(OK, header({ name: 'h', type: '1', link: 'ok', mode: 0o4777 })),
    tree: { ok: 'fine', h: 'fine' },
  },
  {
    name: 'a hard link over a directory',
    make: () => tar(OK, directory('d'), evil('d/x'), hardlink('d', 'ok')),
    passedOver: hostile('d'),
    tree: { ok: 'fine', d: 'directory', 'd/x': 'evil' },
  },
];

export const KINDS: readonly Attack[] = [
  {
    name: 'devices, FIFOs and types that nobody knows',
    make: () =>
      tar(
        header({ name: 'null', type: '3' }),
        header({ name: 'disk', type: '4' }),
        header({ name: 'pipe', type: '6' }),
        entry({ name: 'odd', type: 'Z' }, 'content'),
        entry({ name: 'rest', type: 'M', magic: 'gnu' }, 'content'),
        entry({ name: 'names', type: 'N', magic: 'gnu' }, 'Rename ../x to ok\n'),
        OK,
      ),
    passedOver: unsupported('null', 'disk', 'pipe', 'odd', 'rest', 'names'),
    tree: { ok: 'fine' },
  },
  {
    name: 'a device, then a file through its name',
    make: () => tar(header({ name: 'null', type: '3' }), evil('null/x'), entry({ name: 'null' }, 'x')),
    passedOver: [...unsupported('null'), ...hostile('null')],
    tree: { null: 'directory', 'null/x': 'evil' },
  },
  {
    name: 'a part of a file of another volume',
    make: () => tar(pax([['GNU.volume.filename', 'f'], ['GNU.volume.offset', '512']]), evil('f'), OK), // prettier-ignore
    passedOver: unsupported('f'),
    tree: { ok: 'fine' },
  },
  {
    name: 'a file over a directory',
    make: () => tar(directory('d'), entry({ name: 'd/x' }, 'x'), evil('d')),
    passedOver: hostile('d'),
    tree: { d: 'directory', 'd/x': 'x' },
  },
  {
    name: 'a directory over a file, and files below it',
    make: () => tar(entry({ name: 'f' }, 'x'), directory('f'), evil('f/x')),
    passedOver: hostile('f', 'f/x'),
    tree: { f: 'x' },
  },
  {
    name: 'one name many times',
    make: () => tar(entry({ name: 'f' }, '1'), entry({ name: './f' }, '2'), entry({ name: 'f' }, '3')),
    tree: { f: '3' },
  },
  {
    name: 'setuid, setgid and sticky',
    make: () => tar(entry({ name: 'f', mode: 0o6755 }, 'x'), header({ name: 'd', type: '5', mode: 0o7777 })),
    passedOver: [
      ['f', 'setuid_stripped'],
      ['d', 'setuid_stripped'],
    ],
    tree: { f: 'x', d: 'directory' },
  },
  {
    name: 'directives of incremental backups',
    make: () => tar(entry({ name: 'd', type: 'D', magic: 'gnu' }, 'R../sibling\0Tok\0X../sibling\0\0'), OK),
    tree: { d: 'directory', ok: 'fine' },
  },
];

/** A block that is a header, as content of another entry: whoever loses step takes it for an entry. */
const smuggled = evil('smuggled');

export const STRUCTURE: readonly Attack[] = [
  {
    name: 'a pax size that hides an entry in content',
    make: () => tar(pax([['size', `${smuggled.length}`]]), header({ name: 'f', size: 0 }), smuggled, OK),
    tree: { f: smuggled.toString('latin1'), ok: 'fine' },
  },
  {
    name: 'a pax size for the long name in between',
    make: () => tar(pax([['size', '0']]), gnuLong('L', 'f'), header({ name: 'x', size: 0 }), OK),
    tree: { f: '', ok: 'fine' },
  },
  {
    name: 'a pax size smaller than the header’s, with content that is none',
    make: () => tar(pax([['size', '0']]), entry({ name: 'f' }, 'x'.repeat(BLOCK)), OK),
    failure: 'archive_damaged',
  },
  { name: 'a negative pax size', make: () => tar(pax([['size', '-512']]), evil('f')), failure: 'archive_damaged' },
  { name: 'a pax size in words', make: () => tar(pax([['size', 'all']]), evil('f')), failure: 'archive_damaged' },
  {
    name: 'a negative base-256 size, to read for ever (CVE-2026-59874)',
    make: () => tar(header({ name: 'f', raw: [{ at: 124, bytes: base256(-512n, 12) }] })),
    failure: 'archive_damaged',
  },
  {
    name: 'a size of 2^94',
    make: () => tar(header({ name: 'f', raw: [{ at: 124, bytes: base256(1n << 94n, 12) }] })),
    failure: 'archive_damaged',
  },
  {
    name: 'a size of eight pebibytes',
    make: () => tar(header({ name: 'f', raw: [{ at: 124, bytes: base256(1n << 53n, 12) }] })),
    failure: 'archive_damaged',
  },
  {
    name: 'a size of four pebibytes',
    make: () => tar(header({ name: 'f', raw: [{ at: 124, bytes: base256(1n << 52n, 12) }] })),
    failure: 'too_large',
  },
  {
    name: 'a negative size in octal',
    make: () => tar(header({ name: 'f', raw: [{ at: 124, bytes: '-0000001000\0' }] })),
    failure: 'archive_damaged',
  },
  { name: 'a wrong checksum', make: () => tar(OK, header({ checksum: 'wrong' })), failure: 'archive_damaged' },
  { name: 'a pax record that overruns', make: () => tar(entry({ type: 'x' }, '99 path=a\n'), OK), failure: 'archive_damaged' }, // prettier-ignore
  {
    name: 'a pax header of 2 MiB',
    make: () => tar(entry({ type: 'x' }, Buffer.alloc(2 ** 21)), OK),
    failure: 'too_large',
  },
  { name: 'a long name of 8 GiB', make: () => tar(header({ type: 'L', size: 8 * 2 ** 30 - 1 })), failure: 'too_large' },
  { name: 'a global path', make: () => tar(pax([['path', '../sibling']], 'g'), OK), failure: 'archive_damaged' },
  { name: 'a global size', make: () => tar(pax([['size', '0']], 'g'), OK), failure: 'archive_damaged' },
  { name: 'two pax headers that disagree', make: () => tar(pax([['path', 'a']]), pax([['path', '../b']]), OK), failure: 'archive_damaged' }, // prettier-ignore
  { name: 'a pax header at the end', make: () => tar(OK, pax([['path', 'a']])), failure: 'archive_damaged' },
  { name: 'an end within content', make: () => entry({ name: 'f' }, 'x'.repeat(2000)).subarray(0, 1500), failure: 'archive_damaged' }, // prettier-ignore
  { name: 'an end within a header', make: () => Buffer.concat([OK, OK.subarray(0, 300)]), failure: 'archive_damaged' },
  {
    name: 'entries behind the end',
    make: () => Buffer.concat([tar(OK), tar(evil('hidden'))]),
    passedOver: [['', 'trailing_data']],
    tree: { ok: 'fine' },
  },
  {
    name: 'entries behind a single block of zeros',
    make: () => Buffer.concat([OK, END.subarray(0, BLOCK), evil('hidden'), END]),
    passedOver: [['', 'trailing_data']],
    tree: { ok: 'fine' },
  },
  {
    name: 'owners that do not exist',
    make: () => tar(header({ name: 'f', raw: [{ at: 108, bytes: base256(1n << 40n, 8) }, { at: 116, bytes: base256(-1n, 8) }] })), // prettier-ignore
    tree: { f: '' },
  },
  {
    name: 'a time at the end of time',
    make: () => tar(header({ name: 'f', raw: [{ at: 136, bytes: base256(1n << 52n, 12) }] }), pax([['mtime', '-999999999999999']]), header({ name: 'g' })), // prettier-ignore
    tree: { f: '', g: '' },
  },
  {
    name: 'a sparse file whose runs overlap',
    make: () => tar(pax([['GNU.sparse.size', '9'], ['GNU.sparse.numblocks', '2'], ['GNU.sparse.map', '0,3,1,1']]), evil('f')), // prettier-ignore
    failure: 'archive_damaged',
  },
  {
    name: 'a sparse file of a tebibyte of nothing',
    make: () => tar(pax([['GNU.sparse.size', `${2 ** 40}`], ['GNU.sparse.numblocks', '1'], ['GNU.sparse.map', '0,4']]), evil('f')), // prettier-ignore
    failure: 'too_large',
  },
  {
    name: 'a sparse file of four pebibytes',
    make: () => tar(pax([['GNU.sparse.size', `${2 ** 52}`], ['GNU.sparse.numblocks', '1'], ['GNU.sparse.map', '0,4']]), evil('f')), // prettier-ignore
    failure: 'too_large',
  },
  {
    name: 'more entries than allowed',
    make: () => tar(...Array.from({ length: 200 }, (_, index) => header({ name: `f${index}` }))),
    failure: 'too_large',
  },
  {
    name: 'more directories than allowed, that no entry names',
    make: () => tar(...Array.from({ length: 30 }, (_, index) => gnuLong('L', `${index}/${'d/'.repeat(60)}f`)).flatMap((long) => [long, header({})])), // prettier-ignore
    failure: 'too_large',
  },
  {
    name: 'more hostile names than allowed',
    make: () => tar(...Array.from({ length: 200 }, () => header({ name: '../x' }))),
    failure: 'too_large',
  },
  {
    name: 'more content than allowed',
    make: () =>
      tar(...Array.from({ length: 5 }, (_, index) => entry({ name: `${index}` }, Buffer.alloc(300_000, 'x')))),
    failure: 'too_large',
  },
  {
    name: 'an entry that pretends to be padding',
    make: () => Buffer.concat([header({ name: 'f', size: 1 }), padded(Buffer.from('x')), OK, END]),
    tree: { f: 'x', ok: 'fine' },
  },
];
