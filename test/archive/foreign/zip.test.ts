import { crc32 } from 'node:zlib';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { openStreamedArchive } from '../../../src/archive/foreign/open-streamed.ts';
import { fromText } from '../../../src/base/files/paths.ts';
import { failureOf } from '../../support/rejection.ts';
import { extraField, SEE_ZIP64, zip, zip64End, type ZipMember } from '../../hostile/zip-builder.ts';
import { fileSourceOf, memorySource, readAll } from './sources.ts';

async function read(bytes: Buffer) {
  return readAll(await fileSourceOf(bytes));
}

async function only(member: ZipMember) {
  const { entries, warnings } = await read(zip([member]));
  expect(warnings).toEqual([]);
  expect(entries).toHaveLength(1);
  return entries[0]!;
}

describe('a zip', () => {
  it('comes in the order of its directory, with what it holds', async () => {
    const { entries, warnings } = await read(
      zip([
        { name: 'b/', mode: 0o40750 },
        { name: 'b/stored', body: 'stored', mode: 0o100600 },
        { name: 'a', body: 'deflated'.repeat(100_000), method: 8, mode: 0o100755 },
        { name: 'link', body: '../target', mode: 0o120777 },
        { name: 'empty', method: 8 },
      ]),
    );
    expect(warnings).toEqual([]);
    expect(entries.map(({ path, kind, size, mode, target }) => [path, kind, size, mode, target])).toEqual([
      ['b', 'directory', 0, 0o750, undefined],
      ['b/stored', 'file', 6, 0o600, undefined],
      ['a', 'file', 800_000, 0o755, undefined],
      ['link', 'symlink', 0, 0o777, '../target'],
      ['empty', 'file', 0, 0o644, undefined],
    ]);
    expect(entries[1]?.content.toString()).toBe('stored');
    expect(entries[2]?.content.toString()).toBe('deflated'.repeat(100_000));
  });

  it('of nothing has no entries', async () => {
    expect(await read(zip([]))).toEqual({ entries: [], warnings: [] });
  });

  it('without a local file is refused with a hint', async () => {
    const failure = await failureOf(openStreamedArchive(memorySource(zip([{ name: 'a' }]))), 'invalid_request');
    expect(failure.hint).toContain('Download');
  });

  it('keeps duplicates and names that objects treat specially, in order', async () => {
    const names = ['2', '1', '__proto__', 'constructor', '2'];
    const { entries } = await read(zip(names.map((name, index) => ({ name, body: `${index}` }))));
    expect(entries.map(({ path, content }) => `${path} ${content.toString()}`)).toEqual(names.map((name, index) => `${name} ${index}`)); // prettier-ignore
  });

  it('may have thousands of entries with long extra fields and comments', async () => {
    const extra = extraField(0xcafe, Buffer.alloc(3000));
    const members = Array.from({ length: 3000 }, (_, index) => ({
      name: `f${index}`,
      extra,
      comment: 'c'.repeat(500),
    }));
    const { entries } = await read(zip(members));
    expect(entries).toHaveLength(3000);
    expect(entries.at(-1)?.path).toBe('f2999');
  });

  it('may have a comment, even one that looks like an end', async () => {
    expect((await read(zip([{ name: 'a' }], { comment: 'c'.repeat(60_000) }))).entries).toHaveLength(1);
  });

  it('may be followed by bytes, with a warning', async () => {
    const { entries, warnings } = await read(Buffer.concat([zip([{ name: 'a' }]), Buffer.from('more')]));
    expect(entries).toHaveLength(1);
    expect(warnings).toMatchObject([{ code: 'trailing_data' }]);
  });

  it('of the zip64 kind is read', async () => {
    const plain = zip([{ name: 'a', body: 'content', zip64: true }]);
    const directory = plain.indexOf(Buffer.from([0x50, 0x4b, 1, 2]));
    const at = plain.length - 22;
    const before = zip64End(1n, BigInt(at - directory), BigInt(directory), BigInt(at));
    const { entries } = await read(zip([{ name: 'a', body: 'content', zip64: true }], { ...SEE_ZIP64, before }));
    expect(entries.map(({ path, size, content }) => [path, size, content.toString()])).toEqual([['a', 7, 'content']]);
  });

  it('drops the root directory, which a restore does not change', async () => {
    expect((await read(zip([{ name: './', mode: 0o40755 }, { name: './a' }]))).entries).toHaveLength(1);
  });

  it('tells how far the reading is', async () => {
    const archive = await openStreamedArchive(await fileSourceOf(zip([{ name: 'a', body: 'xx' }, { name: 'b', body: 'yyy' }]))); // prettier-ignore
    for await (const _ of archive.read()) void _;
    expect(archive.consumed()).toBe(5);
  });

  it('stops with cancelled once the signal has fired', async () => {
    const archive = await openStreamedArchive(await fileSourceOf(zip([{ name: 'a' }, { name: 'b' }])));
    const aborter = new AbortController();
    const reading = (async () => {
      for await (const _ of archive.read(aborter.signal)) aborter.abort();
    })();
    await failureOf(reading, 'cancelled');
  });
});

describe('metadata in a zip', () => {
  it.each([
    ['UTC', 0, 0],
    ['America/New_York', -5, -4],
    ['Asia/Kathmandu', 5.75, 5.75],
  ])('has its time from DOS fields, which are local time: %s', async (zone, winter, summer) => {
    vi.stubEnv('TZ', zone);
    onTestFinished(() => void vi.unstubAllEnvs());
    expect((await only({ name: 'a' })).mtime).toBe(Date.UTC(2020, 1, 3, 4, 5, 6) / 1000 - winter * 3600);
    const july = zip([{ name: 'a' }]);
    const directory = july.indexOf(Buffer.from([0x50, 0x4b, 1, 2]));
    july.writeUInt16LE((40 << 9) | (7 << 5) | 3, directory + 14);
    const { entries } = await read(july);
    expect(entries[0]?.mtime).toBe(Date.UTC(2020, 6, 3, 4, 5, 6) / 1000 - summer * 3600);
  });

  it('has its time from the older field of Info-ZIP too', async () => {
    const body = Buffer.alloc(8);
    body.writeInt32LE(1_234_567, 4);
    expect((await only({ name: 'a', extra: extraField(0x5855, body) })).mtime).toBe(1_234_567);
  });

  it('has its time from Info-ZIP’s field where there is one, before 1970 too', async () => {
    const body = Buffer.from([1, 0, 0, 0, 0]);
    body.writeInt32LE(-86_400, 1);
    expect((await only({ name: 'a', extra: extraField(0x5455, body) })).mtime).toBe(-86_400);
    expect((await only({ name: 'a', extra: extraField(0x5455, Buffer.from([0])) })).mtime).toBeGreaterThan(0);
  });

  it('has its owner from Info-ZIP’s field, and else is whoever unpacks', async () => {
    const body = Buffer.from([1, 4, 0, 0, 0, 0, 4, 0, 0, 0, 0]);
    body.writeUInt32LE(1000, 2);
    body.writeUInt32LE(2000, 7);
    expect(await only({ name: 'a', extra: extraField(0x7875, body) })).toMatchObject({ uid: 1000, gid: 2000 });
    expect(await only({ name: 'a' })).toMatchObject({ uid: process.geteuid?.(), gid: process.getegid?.() });
  });

  it('has ordinary modes when it was not made on unix', async () => {
    expect(await only({ name: 'a', madeBy: 0, mode: 0o100777 })).toMatchObject({ mode: 0o644 });
    expect(await only({ name: 'a/', madeBy: 0, mode: 0o100777 })).toMatchObject({ kind: 'directory', mode: 0o755 });
  });

  it('ignores extra fields that are cut', async () => {
    expect(await only({ name: 'a', extra: Buffer.from([0x55, 0x54, 0, 0, 1, 2, 3]) })).toMatchObject({ path: 'a' });
  });
});

describe('names in a zip', () => {
  it('made on unix are raw bytes', async () => {
    expect((await only({ name: Buffer.from('\xff\xfe', 'latin1') })).path).toBe('\xff\xfe');
    expect((await only({ name: 'a\\b' })).path).toBe('a\\b');
  });

  it('made under DOS are UTF-8 where they can be, else code page 437', async () => {
    expect((await only({ name: 'größe', madeBy: 0, flags: 0x800 })).path).toBe(fromText('größe'));
    expect((await only({ name: 'größe', madeBy: 0 })).path).toBe(fromText('größe'));
    const { entries, warnings } = await read(zip([{ name: Buffer.from([0x67, 0x72, 0x94, 0xe1, 0x65]), madeBy: 0 }]));
    expect(entries.map(({ path }) => path)).toEqual([fromText('größe')]);
    expect(warnings).toMatchObject([{ path: '', code: 'guessed_encoding' }]);
  });

  it('made under DOS have backslashes for separators when they have nothing else', async () => {
    expect((await only({ name: 'world\\region\\r.mca', madeBy: 10 })).path).toBe('world/region/r.mca');
    expect(await only({ name: 'world\\', madeBy: 0 })).toMatchObject({ path: 'world', kind: 'directory' });
    expect((await only({ name: 'a/b\\c', madeBy: 0 })).path).toBe('a/b\\c');
  });

  it('take Info-ZIP’s Unicode path while it belongs to the name', async () => {
    const name = Buffer.from([0x94]);
    const body = Buffer.concat([Buffer.from([1, 0, 0, 0, 0]), Buffer.from('ö')]);
    body.writeUInt32LE(crc32(name), 1);
    expect((await only({ name, madeBy: 0, extra: extraField(0x7075, body) })).path).toBe(fromText('ö'));
    body.writeUInt32LE(1, 1);
    expect((await only({ name: Buffer.from('x'), extra: extraField(0x7075, body) })).path).toBe('x');
  });
});
