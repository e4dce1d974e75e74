/** Zips that other programs write against the letter of the format, and that unzip and Python read all the same. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { fromText } from '../../../src/base/files/paths.ts';
import { failureOf } from '../../support/rejection.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { extraField, zip, zip64End, type ZipMember } from '../../hostile/zip-builder.ts';
import { fileSourceOf, pathSource, readAll } from './sources.ts';
import { has, run, unless } from './tools.ts';

async function read(bytes: Buffer, encoding?: string) {
  const { entries, warnings } = await readAll(await fileSourceOf(bytes), undefined, encoding);
  return {
    names: entries.map(({ path }) => path),
    entries,
    warnings: warnings.map(({ path, code }) => `${code} ${path}`),
  };
}

const members = (count: number): ZipMember[] =>
  Array.from({ length: count }, (_, number) => ({ name: `world/f${number}`, body: `${number}` }));

/** A zip of so many empty files, without zip64 records: small and quick to make. */
function wrapped(count: number, said = count & 0xffff): Buffer {
  const local = Buffer.alloc(30 + 5);
  local.writeUInt32LE(0x04034b50, 0);
  local.writeUInt16LE(5, 26);
  const central = Buffer.alloc(46 + 5);
  central.writeUInt32LE(0x02014b50, 0);
  central.writeUInt16LE(5, 28);
  const body = Buffer.alloc(local.length * count);
  const directory = Buffer.alloc(central.length * count);
  for (let number = 0; number < count; number++) {
    const name = number.toString(36).padStart(5, '0');
    local.write(name, 30);
    central.write(name, 46);
    central.writeUInt32LE(number * local.length, 42);
    local.copy(body, number * local.length);
    central.copy(directory, number * central.length);
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(said, 8);
  end.writeUInt16LE(said, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(body.length, 16);
  return Buffer.concat([body, directory, end]);
}

/** Python's count of the entries of a zip. */
async function countOfPython(bytes: Buffer): Promise<number> {
  const path = join(await scratchDirectory(), 'a.zip');
  fs.writeFileSync(path, bytes);
  return Number(
    execFileSync('python3', ['-c', 'import sys,zipfile; print(len(zipfile.ZipFile(sys.argv[1]).namelist()))', path]),
  );
}

async function countOfRoost(bytes: Buffer): Promise<number> {
  const { openStreamedArchive } = await import('../../../src/archive/foreign/open-streamed.ts');
  const archive = await openStreamedArchive(await fileSourceOf(bytes));
  let count = 0;
  for await (const item of archive.read()) if ('entry' in item) count++;
  return count;
}

describe('the count at the end of a zip', () => {
  it.each([65_535, 65_536, 65_537])(
    `may have wrapped round: %i entries are as many as Python finds${unless('python3')}`,
    async (count) => {
      const bytes = wrapped(count);
      expect(await countOfRoost(bytes)).toBe(count);
      if (has('python3')) expect(await countOfPython(bytes)).toBe(count);
    },
  );

  it('may be too small by itself: all entries are read, and it is said', async () => {
    expect(await read(zip(members(3), { entries: 1 }))).toMatchObject({
      names: ['world/f0', 'world/f1', 'world/f2'],
      warnings: ['entry_count '],
    });
  });

  it('may not be more than there are, which would lose some in silence', async () => {
    await failureOf(read(zip(members(3), { entries: 4 })), 'archive_damaged');
    await failureOf(read(zip(members(3), { entries: 0x7fff })), 'archive_damaged');
  });

  it('of zip64 must be exact, in either direction', async () => {
    const plain = zip(members(3));
    const directory = plain.indexOf(Buffer.from([0x50, 0x4b, 1, 2]));
    const at = plain.length - 22;
    for (const count of [2n, 4n]) {
      const before = zip64End(count, BigInt(at - directory), BigInt(directory), BigInt(at));
      const bytes = zip(members(3), { entries: 0xffff, size: 0xffffffff, offset: 0xffffffff, before });
      await failureOf(read(bytes), 'archive_damaged');
    }
  });

  it('of nothing, behind content, is no empty zip', async () => {
    const bytes = zip(members(3), { entries: 0, size: 0 });
    await failureOf(read(bytes), 'archive_damaged');
  });

  it('does not cover for a directory that is shorter than it', async () => {
    await failureOf(read(zip(members(3), { size: 53 })), 'archive_damaged');
  });
});

describe('a zip behind other bytes', () => {
  const want = { names: ['world/f0', 'world/f1'], warnings: [] };
  const PREFIX = Buffer.from('#!/bin/sh\nexec unzip "$0"\n'.repeat(40));

  it('is read when its offsets do not count them', async () => {
    expect(await read(Buffer.concat([PREFIX, zip(members(2))]))).toMatchObject(want);
    expect(await read(Buffer.concat([Buffer.from('MZ'), Buffer.alloc(70_000), zip(members(2))]))).toMatchObject(want);
    expect(await read(Buffer.concat([Buffer.alloc(1024), zip(members(2))]))).toMatchObject(want);
  });

  it('is read when its offsets count them, as zip -A leaves it', async () => {
    const bytes = zip(members(2));
    const [first, second] = [0, 1].map((number) => bytes.indexOf(Buffer.from(`world/f${number}`), bytes.indexOf(Buffer.from([0x50, 0x4b, 1, 2]))) - 46); // prettier-ignore
    for (const at of [first!, second!]) bytes.writeUInt32LE(bytes.readUInt32LE(at + 42) + PREFIX.length, at + 42);
    bytes.writeUInt32LE(bytes.readUInt32LE(bytes.length - 6) + PREFIX.length, bytes.length - 6);
    expect(await read(Buffer.concat([PREFIX, bytes]))).toMatchObject(want);
  });

  it('is read when it is of the zip64 kind', async () => {
    const plain = zip(members(2));
    const directory = plain.indexOf(Buffer.from([0x50, 0x4b, 1, 2]));
    const at = plain.length - 22;
    const before = zip64End(2n, BigInt(at - directory), BigInt(directory), BigInt(at));
    const bytes = zip(members(2), { entries: 0xffff, size: 0xffffffff, offset: 0xffffffff, before });
    expect(await read(bytes)).toMatchObject(want);
    expect(await read(Buffer.concat([PREFIX, bytes]))).toMatchObject(want);
  });

  it('is refused when those bytes are a zip too: readers disagree on which one counts', async () => {
    await failureOf(read(Buffer.concat([zip(members(1)), zip(members(2))])), 'archive_damaged');
  });

  it('is no cover for other formats', async () => {
    await failureOf(
      read(Buffer.concat([Buffer.from('7z\xbc\xaf\x27\x1c', 'latin1'), zip(members(1))])),
      'archive_damaged',
    );
  });
});

describe('a member of a zip that came from a pipe', () => {
  it('is a file, though its type is that of the pipe', async () => {
    const { entries, warnings } = await read(zip([{ name: '-', body: 'piped', mode: 0o010660 }]));
    expect(entries.map(({ path, kind, mode, content }) => [path, kind, mode, content.toString()])).toEqual([['-', 'file', 0o660, 'piped']]); // prettier-ignore
    expect(warnings).toEqual([]);
  });

  it('is a file when it has content, whatever its type; without any, a device or socket is passed over', async () => {
    const { names, warnings } = await read(
      zip([
        { name: 'socket', body: 'piped', mode: 0o140777 },
        { name: 'tty', body: 'typed', mode: 0o020620 },
        { name: 'empty pipe', mode: 0o010660 },
        { name: 'null', mode: 0o020666 },
      ]),
    );
    expect(names).toEqual(['socket', 'tty', 'empty pipe']);
    expect(warnings).toEqual(['unsupported_entry null']);
  });

  it.skipIf(!has('zip'))(`is read as Info-ZIP wrote it, through pipes on both ends${unless('zip')}`, async () => {
    const bytes = run('zip', ['-q', '-', '-'], { input: 'motd=hi\n'.repeat(5000) });
    const { entries } = await read(bytes);
    expect(entries.map(({ path, size }) => [path, size])).toEqual([['-', 40_000]]);
    expect(entries[0]?.content.toString() === 'motd=hi\n'.repeat(5000)).toBe(true);
  });
});

describe('names in a zip that do not say their encoding', () => {
  const GBK = { 世界: 'cac0bde7', 区域: 'c7f8d3f2', 插件: 'b2e5bcfe' };
  const gbk = (text: keyof typeof GBK): Buffer => Buffer.from(GBK[text], 'hex');
  const dos = (...names: Buffer[]): Buffer => zip(names.map((name) => ({ name, body: 'x', madeBy: 0 })));

  it.each([
    [
      'Chinese',
      [Buffer.concat([gbk('世界'), Buffer.from('/'), gbk('区域'), Buffer.from('.txt')])],
      '世界/区域.txt',
      'gbk',
    ],
    ['Japanese', [Buffer.from('838f815b838b83682f90dd92e82e747874', 'hex')], 'ワールド/設定.txt', 'shift_jis'],
    ['Korean', [Buffer.from('bcbcb0e82fc1f6bfaa2e747874', 'hex')], '세계/지역.txt', 'euc-kr'],
    ['Traditional Chinese', [Buffer.from('a540acc92fb0cfb0ec2e747874', 'hex')], '世界/區域.txt', 'big5'],
    ['Russian of DOS', [Buffer.from('8fe0a8a2a5e22e747874', 'hex')], 'Привет.txt', 'ibm866'],
    ['Russian of Windows', [Buffer.from('cff0e8e2e5f22e747874', 'hex')], 'Привет.txt', 'windows-1251'],
    ['German of DOS', [Buffer.from('4772949ae12e747874', 'hex')], 'GröÜß.txt', 'cp437'],
    ['German of Windows', [Buffer.from('4772f6df652e747874', 'hex')], 'Größe.txt', 'windows-1252'],
  ])('are guessed, with one warning: %s', async (_, names, text, label) => {
    const { entries, warnings } = await readAll(await fileSourceOf(dos(...names, Buffer.from('ascii'))));
    expect(entries.map(({ path }) => path)).toEqual([fromText(text), 'ascii']);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatchObject({ path: '', code: 'guessed_encoding' });
    expect(warnings[0]?.message).toContain(label);
  });

  it('are guessed together: one that could be UTF-8 has the encoding of the others', async () => {
    const { names } = await read(dos(Buffer.from('c4a3', 'hex'), gbk('世界')));
    expect(names).toEqual([fromText('模'), fromText('世界')]);
  });

  it('are in the encoding that the caller names, without a warning', async () => {
    const sjis = Buffer.from('90dd92e8', 'hex');
    expect(await read(dos(sjis), 'Shift_JIS')).toMatchObject({ names: [fromText('設定')], warnings: [] });
    expect(await read(zip([{ name: gbk('世界') }]), 'gbk')).toMatchObject({ names: [fromText('世界')], warnings: [] });
    expect(await read(dos(Buffer.from([0x94])), 'cp437')).toMatchObject({ names: [fromText('ö')], warnings: [] });
  });

  it('have the separators of DOS only once they are text: a second byte may look like one', async () => {
    // 表 is 95 5c in Shift-JIS, and 5c is the backslash.
    expect((await read(dos(Buffer.from('955c5c6100'.slice(0, 8), 'hex')), 'shift_jis')).names).toEqual([
      fromText('表/a'),
    ]);
  });

  it('stay distinct where the encoding does not have them', async () => {
    const { names } = await read(dos(Buffer.from([0xff, 0x41]), Buffer.from([0xfe, 0x41])), 'gbk');
    expect(new Set(names).size).toBe(2);
  });

  it('leave those alone that say that they are UTF-8, by flag or by Info-ZIP’s field', async () => {
    const raw = gbk('世界');
    const field = Buffer.concat([Buffer.from([1, 0, 0, 0, 0]), Buffer.from('天')]);
    field.writeUInt32LE(crc32(raw), 1);
    const bytes = zip([
      { name: 'größe', madeBy: 0, flags: 0x800 },
      { name: raw, madeBy: 0, extra: extraField(0x7075, field) },
    ]);
    expect(await read(bytes)).toMatchObject({ names: [fromText('größe'), fromText('天')], warnings: [] });
    expect(await read(bytes, 'gbk')).toMatchObject({ names: [fromText('größe'), fromText('天')], warnings: [] });
  });

  it('cannot be read in an encoding that is none', async () => {
    for (const encoding of ['klingon', 'utf-16le', ''])
      await failureOf(read(dos(gbk('世界')), encoding), 'invalid_request');
  });
});

describe('absolute names in a zip', () => {
  it('lose their slashes, with one warning that counts them', async () => {
    const bytes = zip([{ name: '/srv/', mode: 0o40755 }, { name: '/srv/a' }, { name: '//srv/b' }, { name: 'c' }]);
    const { names, warnings } = await read(bytes);
    expect(names).toEqual(['srv', 'srv/a', 'srv/b', 'c']);
    expect(warnings).toEqual(['absolute_name ']);
  });

  it('that lead out are passed over all the same', async () => {
    expect(await read(zip([{ name: '/../etc/passwd' }]))).toMatchObject({
      names: [],
      warnings: ['hostile_entry /../etc/passwd'],
    });
  });
});

it.skipIf(!has('bsdtar'))(`a zip of bsdtar’s, written to a pipe, is read${unless('bsdtar')}`, async () => {
  const directory = await scratchDirectory();
  fs.writeFileSync(join(directory, 'a'), 'content');
  run('bsdtar', ['--format=zip', '-cf', join(directory, 'x.zip'), '-C', directory, 'a']);
  const { entries } = await readAll(pathSource(join(directory, 'x.zip')));
  expect(entries.map(({ path, content }) => [path, content.toString()])).toEqual([['a', 'content']]);
});
