import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openStreamedArchive } from '../../src/archive/foreign/open-streamed.ts';
import { unpackStreamed } from '../../src/archive/unpack/streamed.ts';
import { Failure, type FailureCode } from '../../src/base/failure.ts';
import { pathSource } from '../archive/foreign/sources.ts';
import { OWNER, makeArena, snapshot, treeOf } from './canary.ts';
import { SEE_ZIP64, zip, zip64End, zip64Locator, type ZipMember } from './zip-builder.ts';

const LIMITS = { maxBytes: 1_000_000, maxEntries: 100 };
const OK: ZipMember = { name: 'ok', body: 'fine' };
const evil = (name: string): ZipMember => ({ name, body: 'evil' });
const symlink = (name: string, target: string): ZipMember => ({ name, body: target, mode: 0o120777 });

interface Attack {
  readonly make: (outside: string) => Buffer;
  readonly failure?: FailureCode;
  readonly passedOver?: readonly string[];
  readonly tree?: Readonly<Record<string, string>>;
}

const ATTACKS: Readonly<Record<string, Attack>> = {
  'parent and absolute paths': {
    make: () => zip([evil('../sibling'), evil('a/../../sibling'), evil('/proc/roost-hostile'), OK]),
    passedOver: ['', '../sibling', 'a/../../sibling'],
    tree: { ok: 'fine', proc: 'directory', 'proc/roost-hostile': 'evil' },
  },
  'backslashes of DOS that lead out': {
    make: () => zip([{ name: '..\\..\\sibling', body: 'evil', madeBy: 0 }, { name: '\\\\server\\x', body: 'x', madeBy: 10 }, OK]), // prettier-ignore
    passedOver: ['', '../../sibling'],
    tree: { ok: 'fine', server: 'directory', 'server/x': 'x' },
  },
  'a NUL in a name': { make: () => zip([evil('ok\0/../x'), OK]), passedOver: ['ok\0/../x'], tree: { ok: 'fine' } },
  'a drive letter, which is an ordinary name': {
    make: () => zip([{ name: 'C:\\x', body: 'x', madeBy: 0 }]),
    tree: { 'C:': 'directory', 'C:/x': 'x' },
  },
  'a file through a symlink': {
    make: (outside) => zip([symlink('l', outside), evil('l/canary'), OK]),
    passedOver: ['l/canary'],
  },
  'a symlink with a target of megabytes': {
    make: () => zip([symlink('l', 'x'.repeat(3_000_000)), OK]),
    passedOver: ['l'],
    tree: { ok: 'fine' },
  },
  'a symlink whose target has a NUL, or is empty': {
    make: () => zip([symlink('l', 'a\0b'), symlink('m', ''), OK]),
    passedOver: ['l', 'm'],
    tree: { ok: 'fine' },
  },
  'devices and sockets by their mode': {
    make: () => zip([{ name: 'null', mode: 0o020666 }, { name: 'sock', mode: 0o140777 }, OK]),
    passedOver: ['null', 'sock'],
    tree: { ok: 'fine' },
  },
  'encrypted entries': {
    make: () => zip([{ name: 'secret', body: 'x', flags: 1 }, { name: 'masked', flags: 0x2000 }, OK]),
    passedOver: ['secret', 'masked'],
    tree: { ok: 'fine' },
  },
  'unknown compression methods': {
    make: () => zip([{ name: 'lzma', body: 'x', method: 14 }, { name: 'zstd', body: 'x', method: 93 }, OK]),
    passedOver: ['lzma', 'zstd'],
    tree: { ok: 'fine' },
  },
  'setuid files': { make: () => zip([{ name: 'f', body: 'x', mode: 0o104755 }]), passedOver: ['f'], tree: { f: 'x' } },
  'the root as a file': { make: () => zip([evil('./.'), OK]), passedOver: ['./.'], tree: { ok: 'fine' } },
  'a directory with content': { make: () => zip([evil('d/'), OK]), passedOver: ['d/'], tree: { ok: 'fine' } },
  'a local name that differs from the directory’s': {
    make: () => zip([{ ...OK, localName: '../../sibling' }]),
    tree: { ok: 'fine' },
  },
  'a wrong checksum': { make: () => zip([{ ...OK, says: { crc: 1 } }]), failure: 'archive_damaged' },
  'a wrong checksum behind a data descriptor': {
    make: () => zip([{ ...OK, flags: 8, says: { crc: 1 } }]),
    failure: 'archive_damaged',
  },
  'content longer than it says': {
    make: () => zip([{ name: 'f', body: 'x'.repeat(5_000_000), method: 8, says: { size: 10 } }]),
    failure: 'archive_damaged',
  },
  'content shorter than it says': {
    make: () => zip([{ name: 'f', body: 'x', says: { size: 10 } }]),
    failure: 'archive_damaged',
  },
  'deflate data that is none': {
    make: () => {
      const bytes = zip([{ name: 'f', body: '\x07 is no deflate block' }]);
      bytes.writeUInt16LE(8, bytes.indexOf(Buffer.from([0x50, 0x4b, 1, 2])) + 10);
      return bytes;
    },
    failure: 'archive_damaged',
  },
  'deflate data that ends early': {
    make: () => {
      const bytes = zip([{ name: 'f', body: Buffer.from(Array.from({ length: 999 }, (_, at) => (at * 7919) % 251)), method: 8 }]); // prettier-ignore
      const directory = bytes.indexOf(Buffer.from([0x50, 0x4b, 1, 2]));
      bytes.writeUInt32LE(bytes.readUInt32LE(directory + 20) - 40, directory + 20);
      return bytes;
    },
    failure: 'archive_damaged',
  },
  'entries that share their bytes': {
    make: () =>
      zip([
        { name: 'a', body: 'x'.repeat(9999), method: 8 },
        { name: 'b', method: 8, says: { offset: 0 } },
      ]),
    failure: 'archive_damaged',
  },
  'an entry that runs into the directory': {
    make: () => zip([{ name: 'f', body: 'x', says: { compressedSize: 500, size: 500 } }]),
    failure: 'archive_damaged',
  },
  'an entry far behind the end': {
    make: () => zip([{ ...OK, says: { offset: 0x7fffffff } }]),
    failure: 'archive_damaged',
  },
  'no local header': {
    make: () => {
      const bytes = zip([{ name: 'first' }, OK]);
      bytes.write('XX', bytes.lastIndexOf(Buffer.from([0x50, 0x4b, 3, 4])), 'latin1');
      return bytes;
    },
    failure: 'archive_damaged',
  },
  'more entries than it has': { make: () => zip([OK], { entries: 2 }), failure: 'archive_damaged' },
  'a volume of several': { make: () => zip([OK], { entries: 1, total: 7 }), failure: 'archive_damaged' },
  'a directory behind its end': { make: () => zip([OK], { offset: 5000 }), failure: 'archive_damaged' },
  'a directory that is none': { make: () => zip([OK], { offset: 0 }), failure: 'archive_damaged' },
  'a comment that hides another end': {
    make: () => zip([OK], { comment: zip([evil('../sibling')]).toString('latin1') }),
    failure: 'archive_damaged',
  },
  'no end': { make: () => zip([OK]).subarray(0, -10), failure: 'archive_damaged' },
  'an end within its comment': {
    make: () => zip([OK], { comment: 'long' }).subarray(0, -2),
    failure: 'archive_damaged',
  },
  'zip64 without its records': { make: () => zip([OK], SEE_ZIP64), failure: 'archive_damaged' },
  'a zip64 locator that points to the start, to hold the whole file': {
    make: () => zip([{ name: 'f', body: 'P'.repeat(3_000_000) }], { ...SEE_ZIP64, before: zip64Locator(0n) }),
    failure: 'archive_damaged',
  },
  'a zip64 locator that points beyond all numbers': {
    make: () => zip([OK], { ...SEE_ZIP64, before: zip64Locator(0xffff_ffff_ffff_ffffn) }),
    failure: 'archive_damaged',
  },
  'a zip64 locator whose record is cut': {
    make: () => {
      const before = Buffer.concat([Buffer.from([0x50, 0x4b, 6, 6]), zip64Locator(BigInt(zip([OK]).length - 22))]);
      return zip([OK], { ...SEE_ZIP64, before });
    },
    failure: 'archive_damaged',
  },
  'zip64 records of 2^60 entries at 2^62': {
    make: () => {
      const at = BigInt(zip([OK]).length - 22);
      return zip([OK], { ...SEE_ZIP64, before: zip64End(1n << 60n, 1n << 61n, 1n << 62n, at) });
    },
    failure: 'archive_damaged',
  },
  'zip64 records that disagree': {
    make: () => {
      const at = BigInt(zip([OK]).length - 22);
      return zip([OK], { ...SEE_ZIP64, before: zip64End(1n, 49n, at - 48n, at, 2n) });
    },
    failure: 'archive_damaged',
  },
  'a second zip64 record in the comment': {
    make: () => {
      const plain = zip([OK]);
      const directory = plain.indexOf(Buffer.from([0x50, 0x4b, 1, 2]));
      const at = plain.length - 22;
      const before = zip64End(1n, BigInt(at - directory), BigInt(directory), BigInt(at));
      return zip([OK], { ...SEE_ZIP64, before, comment: 'PK\x06\x06' });
    },
    failure: 'archive_damaged',
  },
  'an entry of more bytes than allowed': {
    make: () => zip([{ name: 'f', body: Buffer.alloc(2_000_000), method: 8 }]),
    failure: 'too_large',
  },
  'more entries than allowed': {
    make: () => zip(Array.from({ length: 101 }, (_, index) => ({ name: `f${index}` }))),
    failure: 'too_large',
  },
  'one name twice, the second a directory': {
    make: () =>
      zip([
        { name: 'a', body: '1' },
        { name: 'a', body: '2' },
        { name: 'a/', mode: 0o40755 },
      ]),
    passedOver: ['a'],
    tree: { a: '2' },
  },
};

describe('a hostile zip', () => {
  it.each(Object.entries(ATTACKS))('touches nothing outside: %s', async (_, attack) => {
    const arena = await makeArena();
    const path = join(arena.base, 'hostile.zip');
    fs.writeFileSync(path, attack.make(arena.outside));
    fs.utimesSync(path, 1_100_000_001, 1_100_000_000);
    const before = snapshot(arena);
    const outcome = await unpack(path, arena.target);
    fs.utimesSync(path, 1_000_000_000, 1_100_000_000);
    expect(snapshot(arena)).toEqual({ ...before, [path]: expect.anything() as unknown });

    if (attack.failure !== undefined) {
      expect(outcome).toMatchObject({ code: attack.failure });
      return;
    }
    if (outcome instanceof Failure) throw outcome;
    expect(outcome.warnings.map((warning) => warning.path).sort()).toEqual([...(attack.passedOver ?? [])].sort());
    if (attack.tree !== undefined) expect(treeOf(arena.target)).toEqual(attack.tree);
  });
});

async function unpack(path: string, into: string) {
  const source = pathSource(path);
  try {
    return await unpackStreamed(await openStreamedArchive(source), {
      source: { archive: source },
      into,
      owner: OWNER,
      setuid: 'strip',
      limits: LIMITS,
      overwrite: false,
      durable: false,
      workers: 1,
    });
  } catch (error) {
    expect(error).toBeInstanceOf(Failure);
    return error as Failure;
  }
}
