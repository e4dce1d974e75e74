import { createHash } from 'node:crypto';
import { crc32, deflateRawSync, gzipSync } from 'node:zlib';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { openStreamedArchive } from '../../../src/archive/foreign/open-streamed.ts';
import { failureOf } from '../../support/rejection.ts';
import { BLOCK, entry, tar } from '../../hostile/tar-builder.ts';
import { memorySource, readAll, readBytes } from './sources.ts';

// Does not compress, so that the file is as long as the tests cut it.
const content = Buffer.concat(
  Array.from({ length: 6250 }, (_, index) => createHash('sha256').update(`${index}`).digest()),
);
const archive = tar(entry({ name: 'a' }, content), entry({ name: 'b' }, 'b'));

async function contentsOf(bytes: Uint8Array): Promise<string[]> {
  const { entries, warnings } = await readBytes(bytes);
  expect(warnings).toEqual([]);
  return entries.map(({ path, content: bytes }) => `${path} ${crc32(bytes)}`);
}

const expected = [`a ${crc32(content)}`, `b ${crc32(Buffer.from('b'))}`];

/** A member with every optional part of its header. */
function fullMember(body: Buffer): Buffer {
  const head = Buffer.from([0x1f, 0x8b, 8, 2 | 4 | 8 | 16, 1, 2, 3, 4, 0, 3]);
  const extra = Buffer.concat([Buffer.from([5, 0]), Buffer.from('extra')]);
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32(body), 0);
  trailer.writeUInt32LE(body.length, 4);
  const texts = Buffer.from('name\0comment\0', 'latin1');
  return Buffer.concat([head, extra, texts, Buffer.from([9, 9]), deflateRawSync(body), trailer]);
}

describe('gzip', () => {
  it('of one member is read', async () => {
    expect(await contentsOf(gzipSync(archive))).toEqual(expected);
  });

  it('of stored blocks is read', async () => {
    expect(await contentsOf(gzipSync(archive, { level: 0 }))).toEqual(expected);
  });

  it('of many members is read to the last, wherever they are cut', async () => {
    const cuts = [0, 1, 511, 513, 70_000, 70_000, 150_001, archive.length];
    const members = cuts.slice(1).map((end, index) => gzipSync(archive.subarray(cuts[index], end)));
    expect(await contentsOf(Buffer.concat(members))).toEqual(expected);
  });

  it('with names, comments and extra fields in its headers is read', async () => {
    const members = [archive.subarray(0, 1000), archive.subarray(1000)].map((part) => fullMember(part));
    expect(await contentsOf(Buffer.concat(members))).toEqual(expected);
  });

  it('is read across reads of any size', async () => {
    const bytes = gzipSync(archive);
    const source = memorySource(bytes);
    // A source may hand out a buffer that is longer than its bytes: only those that were asked for count.
    const { entries } = await readAll({
      ...source,
      read: async (at, length) => (await source.read(at, length)).slice(),
    });
    expect(entries.map(({ path }) => path)).toEqual(['a', 'b']);
  });

  it('may be followed by zeros', async () => {
    expect(await contentsOf(Buffer.concat([gzipSync(archive), Buffer.alloc(700_000)]))).toEqual(expected);
  });

  it.each(['x', 'garbage', '\x1f', '\n', `${'\0'.repeat(600_000)}x`])(
    'followed by garbage is read with a warning (%.10j)',
    async (garbage) => {
      const { entries, warnings } = await readBytes(Buffer.concat([gzipSync(archive), Buffer.from(garbage, 'latin1')]));
      expect(entries).toHaveLength(2);
      expect(warnings).toMatchObject([{ code: 'trailing_data' }]);
    },
  );

  it('followed by garbage before the archive has ended is damage, not a shorter archive', async () => {
    const cut = entry({ name: 'a' }, content);
    await failureOf(readBytes(Buffer.concat([gzipSync(cut), Buffer.from('garbage')])), 'archive_damaged');
  });

  it('truncated anywhere is damage', async () => {
    const bytes = gzipSync(archive);
    const lengths = [1, 2, 3, 9, 10, 11, 18, 100, 5000, bytes.length - 9, bytes.length - 8, bytes.length - 4, bytes.length - 1]; // prettier-ignore
    for (const length of lengths) await failureOf(readBytes(bytes.subarray(0, length)), 'archive_damaged');
  });

  it('truncated within a later member is damage', async () => {
    const first = gzipSync(archive.subarray(0, 70_000));
    const both = Buffer.concat([first, gzipSync(archive.subarray(70_000))]);
    for (const length of [2, 5, 10, 15, 1000]) {
      await failureOf(readBytes(both.subarray(0, first.length + length)), 'archive_damaged');
    }
  });

  it('with a flipped bit is damage, in the trailer behind the last entry too', async () => {
    const bytes = gzipSync(archive);
    for (const at of [2, 3, 5000, bytes.length - 8, bytes.length - 5, bytes.length - 4, bytes.length - 1]) {
      const bent = Buffer.from(bytes);
      bent[at] = (bent[at] ?? 0) ^ 0x80;
      const failure = await failureOf(readBytes(bent), 'archive_damaged');
      expect(failure.facts).toHaveProperty('offset');
    }
  });

  it('with a header that does not end is damage', async () => {
    const head = Buffer.from([0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3]);
    await failureOf(readBytes(Buffer.concat([head, Buffer.alloc(3_000_000, 'n')])), 'archive_damaged');
    await failureOf(readBytes(Buffer.from([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 3, 255, 255, 1])), 'archive_damaged');
  });

  it('tells how far the reading is in the file', async () => {
    const bytes = gzipSync(archive);
    const streamed = await openStreamedArchive(memorySource(bytes));
    expect(streamed.consumed()).toBe(0);
    for await (const _ of streamed.read()) expect(streamed.consumed()).toBeGreaterThan(0);
    expect(streamed.consumed()).toBe(bytes.length);
  });

  it('lets go of its source when the reader leaves early', async () => {
    const source = memorySource(gzipSync(tar(entry({}, Buffer.alloc(5_000_000, 'x')), archive), { level: 0 }));
    let reads = 0;
    let pending = 0;
    const watched = {
      ...source,
      read: async (offset: number, length: number) => {
        reads++;
        pending++;
        await setImmediate();
        pending--;
        return source.read(offset, length);
      },
    };
    for await (const _ of (await openStreamedArchive(watched)).read()) break;
    const readsThen = reads;
    for (let turn = 0; turn < 10; turn++) await setImmediate();
    expect({ reads, pending }).toEqual({ reads: readsThen, pending: 0 });
    expect(reads).toBeLessThan(10);
  });
});

describe('what is no archive', () => {
  const random = Buffer.from(Array.from({ length: 2 * BLOCK }, (_, index) => (index * 7919 + 13) % 251));

  it.each([
    ['an empty file', Buffer.alloc(0), 'empty'],
    ['a web page', Buffer.from('<!DOCTYPE html><html><body>502 Bad Gateway</body></html>'), 'web page'],
    ['an XML error', Buffer.from('<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'), 'XML'],
    ['JSON', Buffer.from('{"error":"not found"}'), 'JSON'],
    ['xz', Buffer.concat([Buffer.from('\xfd7zXZ\0', 'latin1'), random]), 'xz'],
    ['Zstandard', Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), random]), 'Zstandard'],
    ['bzip2', Buffer.concat([Buffer.from('BZh9'), random]), 'bzip2'],
    ['7-Zip', Buffer.concat([Buffer.from('7z\xbc\xaf\x27\x1c', 'latin1'), random]), '7-Zip'],
    ['RAR', Buffer.concat([Buffer.from('Rar!'), random]), 'RAR'],
    ['random bytes', random, 'neither'],
    ['a few bytes', Buffer.from('PK'), 'too few'],
    ['zeros, as a crash leaves them', Buffer.alloc(100_000), 'zeros'],
    ['a gzip file of text', gzipSync('hello '.repeat(1000)), 'something else'],
    ['a gzip file of a gzip file', gzipSync(gzipSync(tar(entry({})))), 'ends within'],
    ['a gzip file of nothing', gzipSync(''), 'nothing'],
    ['gzip magic and nothing more', Buffer.from([0x1f, 0x8b]), 'header'],
  ])('%s is refused and named', async (_, bytes, named) => {
    const failure = await failureOf(openStreamedArchive(memorySource(bytes)), 'archive_damaged');
    expect(failure.message).toContain(named);
    expect(failure.hint).not.toBe('');
  });

  it('is quoted in one printable line', async () => {
    const failure = await failureOf(openStreamedArchive(memorySource(Buffer.from('<\x1b[31m\n\x00</html>'))));
    expect(failure.hint).toContain('<\\x1b[31m\\n\\x00</html>');
  });
});
