import { setImmediate } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openStreamedArchive } from '../../../src/archive/foreign/open-streamed.ts';
import { failureOf } from '../../support/rejection.ts';
import { END, base256, entry, gnuLong, header, padded, pax, record, tar } from '../../hostile/tar-builder.ts';
import { memorySource, readAll, readBytes } from './sources.ts';

const { entries: none } = await readBytes(gzipSync(tar()));

async function only(bytes: Uint8Array) {
  const { entries, warnings } = await readBytes(bytes);
  expect(warnings).toEqual([]);
  expect(entries).toHaveLength(1);
  return entries[0]!;
}

describe('names', () => {
  it('come as raw bytes, valid UTF-8 or not', async () => {
    expect(await only(tar(entry({ name: 'caf\xe9/\xff\xfe' })))).toMatchObject({ path: 'caf\xe9/\xff\xfe' });
  });

  it('use all 100 bytes of the field', async () => {
    expect((await only(tar(entry({ name: 'n'.repeat(100) })))).path).toBe('n'.repeat(100));
  });

  it('are joined with the prefix of ustar', async () => {
    expect((await only(tar(entry({ name: 'b', prefix: 'p'.repeat(155) })))).path).toBe(`${'p'.repeat(155)}/b`);
  });

  it('ignore what GNU and v7 headers have in the place of the prefix', async () => {
    expect((await only(tar(entry({ name: 'b', prefix: '12345670001', magic: 'gnu' })))).path).toBe('b');
    expect((await only(tar(entry({ name: 'b', prefix: 'noise', magic: 'none' })))).path).toBe('b');
  });

  it('end where star keeps its times', async () => {
    const raw = [
      { at: 476, bytes: '14000000000 14000000000 ' },
      { at: 508, bytes: 'tar\0' },
    ];
    expect((await only(tar(entry({ name: 'b', prefix: 'p'.repeat(131), raw })))).path).toBe(`${'p'.repeat(131)}/b`);
  });

  it('take a GNU long name and long link', async () => {
    const name = `${'d/'.repeat(200)}file`;
    const link = `${'e/'.repeat(200)}target`;
    const archive = tar(gnuLong('K', link), gnuLong('L', name), header({ name: 'short', type: '2', link: 'short' }));
    expect(await only(archive)).toMatchObject({ path: name, target: link, kind: 'symlink' });
  });

  it('take pax paths bytewise, with newlines, equals signs and bytes that are no text', async () => {
    const path = 'a\nb=c/\xff\n12 x=y';
    const archive = tar(pax([['hdrcharset', 'BINARY'], ['path', path]]), entry({ name: 'short' }, 'x')); // prettier-ignore
    expect(await only(archive)).toMatchObject({ path, size: 1 });
  });

  it('take the header’s own where a pax value is empty', async () => {
    expect((await only(tar(pax([['path', '']]), entry({ name: 'own' })))).path).toBe('own');
  });

  it('drop the root directory, which a restore does not change', async () => {
    expect((await readBytes(tar(header({ name: './', type: '5' }), entry({ name: './a' })))).entries).toHaveLength(1);
  });
});

describe('numbers', () => {
  it('may be base 256, negative times among them', async () => {
    const raw = [
      { at: 108, bytes: base256(3_000_000_000n, 8) },
      { at: 116, bytes: base256(4_000_000_000n, 8) },
      { at: 136, bytes: base256(-86_400n, 12) },
    ];
    expect(await only(tar(entry({ raw })))).toMatchObject({ uid: 3e9, gid: 4e9, mtime: -86_400 });
  });

  it('come from pax records before the header, times rounded down', async () => {
    const records = pax([['uid', '70000'], ['gid', '80000'], ['mtime', '-1.5']]); // prettier-ignore
    expect(await only(tar(records, entry({})))).toMatchObject({ uid: 70_000, gid: 80_000, mtime: -2 });
  });

  it('that mean nothing become harmless: nobody owns it, and its mode is ordinary', async () => {
    const raw = [
      { at: 100, bytes: Buffer.alloc(8) },
      { at: 108, bytes: base256(-5n, 8) },
      { at: 116, bytes: Buffer.alloc(8) },
    ];
    const archive = tar(pax([['mtime', 'yesterday']]), entry({ raw, mtime: 7 }));
    expect(await only(archive)).toMatchObject({ mode: 0o644, uid: 65_534, gid: 65_534, mtime: 7 });
  });

  it('of a global header hold for all entries that do not say otherwise', async () => {
    const archive = tar(
      pax([['uid', '7'], ['comment', 'a commit']], 'g'), // prettier-ignore
      entry({ name: 'a' }),
      pax([['uid', '']]),
      entry({ name: 'b', uid: 3 }),
      pax([['uid', '8']]),
      entry({ name: 'c' }),
    );
    expect((await readBytes(archive)).entries.map(({ uid }) => uid)).toEqual([7, 3, 8]);
  });

  it('put a pax size before that of the header', async () => {
    const body = Buffer.from('twelve bytes');
    const archive = tar(
      pax([['size', '12']]),
      Buffer.concat([header({ size: 0 }), padded(body)]),
      entry({ name: 'next' }),
    );
    const { entries } = await readBytes(archive);
    expect(entries.map(({ path, size, content }) => [path, size, content.toString()])).toEqual([
      ['file', 12, 'twelve bytes'],
      ['next', 0, ''],
    ]);
  });

  it('do not apply a pax size to the long name in between', async () => {
    const archive = tar(pax([['size', '3']]), gnuLong('L', 'long'), header({ size: 3 }), padded(Buffer.from('abc')));
    expect(await only(archive)).toMatchObject({ path: 'long', size: 3 });
  });

  it.each(['signed', 'eight digits'] as const)('accept a checksum of old tars: %s', async (checksum) => {
    // A name of negative signed bytes, so that the two sums differ.
    const name = checksum === 'signed' ? '\xfc\xfd\xfe' : 'a';
    expect((await only(tar(entry({ name, checksum })))).path).toBe(name);
  });
});

describe('types', () => {
  it('know a directory by the slash of its name, as before 1988, and skip what its size says', async () => {
    const archive = tar(entry({ name: 'd/', type: '\0', magic: 'none' }, 'x'.repeat(600)), entry({ name: 'd/f' }, 'y'));
    const { entries } = await readBytes(archive);
    expect(entries.map(({ path, kind }) => [path, kind])).toEqual([['d', 'directory'], ['d/f', 'file']]); // prettier-ignore
  });

  it('take no content for links and directories, whatever their size says', async () => {
    const archive = tar(
      entry({ name: 'a' }, 'content'),
      header({ name: 'b', type: '1', link: 'a', size: 7 }),
      header({ name: 'd', type: '5', size: 4096 }),
      entry({ name: 'c' }, 'more'),
    );
    const { entries } = await readBytes(archive);
    expect(entries.map(({ path, kind, size }) => [path, kind, size])).toEqual([
      ['a', 'file', 7],
      ['b', 'hardlink', 0],
      ['d', 'directory', 0],
      ['c', 'file', 4],
    ]);
  });

  it('read contiguous files as files', async () => {
    expect(await only(tar(entry({ type: '7' }, 'x')))).toMatchObject({ kind: 'file', size: 1 });
  });

  it('pass over a volume label without a word', async () => {
    expect((await readBytes(tar(header({ name: 'label', type: 'V', magic: 'gnu' }), entry({})))).entries).toHaveLength(
      1,
    );
  });

  it('take a directory of an incremental backup without its list of names', async () => {
    const archive = tar(entry({ name: 'd/', type: 'D', magic: 'gnu' }, 'Yone\0Rtwo\0\0'), entry({ name: 'd/one' }));
    expect((await readBytes(archive)).entries.map(({ path, kind }) => `${kind} ${path}`)).toEqual(['directory d', 'file d/one']); // prettier-ignore
  });
});

describe('content', () => {
  const archive = tar(entry({ name: 'a' }, 'A'.repeat(70_000)), entry({ name: 'b' }, 'B'), entry({ name: 'c' }, 'C'));

  it('that nobody takes is passed over', async () => {
    const names: string[] = [];
    for await (const item of (await openStreamedArchive(memorySource(archive))).read()) {
      if ('entry' in item) names.push(item.entry.path);
    }
    expect(names).toEqual(['a', 'b', 'c']);
  });

  it('may be left in the middle', async () => {
    const seen: string[] = [];
    for await (const item of (await openStreamedArchive(memorySource(gzipSync(archive)))).read()) {
      if (!('entry' in item)) continue;
      for await (const chunk of item.content()) {
        seen.push(`${item.entry.path} ${String.fromCharCode(chunk[0] ?? 0)}`);
        break;
      }
    }
    expect(seen).toEqual(['a A', 'b B', 'c C']);
  });

  it('can be read only once, and only until the next entry', async () => {
    const reading = (await openStreamedArchive(memorySource(archive))).read()[Symbol.asyncIterator]();
    const first = await reading.next();
    if (first.done === true || !('entry' in first.value)) throw new Error('no entry');
    const content = first.value.content();
    const { value } = first;
    expect(() => value.content()).toThrow('taken already');
    await reading.next();
    await failureOf(content[Symbol.asyncIterator]().next(), 'internal');
  });

  it('comes whole whatever the size of the chunks below', async () => {
    const body = Buffer.from(Array.from({ length: 3000 }, (_, index) => index % 251));
    const path = `${'x/'.repeat(400)}x`;
    const bytes = tar(pax([['path', path]]), entry({}, body), entry({ name: 'end' }));
    for (const step of [64, 511, 512, 513, 1000]) {
      const count = Math.ceil(bytes.length / step);
      // A member per piece: each comes as a chunk of its own.
      const members = Array.from({ length: count }, (_, at) => gzipSync(bytes.subarray(at * step, (at + 1) * step)));
      const { entries } = await readBytes(Buffer.concat(members));
      expect(entries.map((one) => one.path)).toEqual([path, 'end']);
      expect(entries[0]?.content.equals(body)).toBe(true);
    }
  });

  it('stops with cancelled once the signal has fired', async () => {
    const aborter = new AbortController();
    const big = tar(entry({ name: 'a' }, Buffer.alloc(3_000_000, 'x')), entry({ name: 'b' }));
    const streamed = await openStreamedArchive(memorySource(gzipSync(big)));
    const reading = (async () => {
      for await (const item of streamed.read(aborter.signal)) {
        if (!('entry' in item)) continue;
        for await (const _ of item.content()) aborter.abort();
      }
    })();
    await failureOf(reading, 'cancelled');
  });

  it('lets others have their turn, however fast the source answers', async () => {
    const streamed = await openStreamedArchive(memorySource(tar(entry({}, Buffer.alloc(20_000_000, 'x')))));
    let turns = 0;
    const reading = new AbortController();
    const others = (async () => {
      for (; !reading.signal.aborted; turns++) await setImmediate();
    })();
    for await (const item of streamed.read()) if ('entry' in item) for await (const _ of item.content()) void _;
    reading.abort();
    await others;
    expect(turns).toBeGreaterThan(10);
  });

  it('may be read again from the start', async () => {
    const streamed = await openStreamedArchive(memorySource(archive));
    for (let round = 0; round < 2; round++) {
      const names: string[] = [];
      for await (const item of streamed.read()) if ('entry' in item) names.push(item.entry.path);
      expect(names).toEqual(['a', 'b', 'c']);
    }
    expect(streamed.consumed()).toBe(archive.length);
  });
});

describe('the end', () => {
  it('is two blocks of zeros, and may be padded', async () => {
    expect((await readBytes(Buffer.concat([tar(entry({})), Buffer.alloc(9000)]))).warnings).toEqual([]);
  });

  it('may be one block of zeros', async () => {
    expect((await readBytes(Buffer.concat([entry({}), Buffer.alloc(512)]))).warnings).toEqual([]);
  });

  it('may be missing, with a warning', async () => {
    const { entries, warnings } = await readBytes(entry({}, 'content'));
    expect(entries).toHaveLength(1);
    expect(warnings).toMatchObject([{ code: 'missing_end', path: '' }]);
    expect((await readBytes(gzipSync(entry({}, 'content')))).warnings).toMatchObject([{ code: 'missing_end' }]);
  });

  it('hides what follows it, with a warning', async () => {
    const { entries, warnings } = await readBytes(Buffer.concat([tar(entry({})), tar(entry({ name: 'second' }))]));
    expect(entries.map(({ path }) => path)).toEqual(['file']);
    expect(warnings).toMatchObject([{ code: 'trailing_data' }]);
  });

  it('within a header, content or padding is damage', async () => {
    const whole = Buffer.concat([entry({ name: 'a' }, 'x'.repeat(700)), entry({ name: 'b' }, 'y')]);
    for (const length of [100, 600, 1200, 1300, 1537, 2049, 2100, whole.length - 1]) {
      await failureOf(readBytes(whole.subarray(0, length)), 'archive_damaged');
    }
  });

  it('behind an extended header is damage', async () => {
    await failureOf(readBytes(Buffer.concat([pax([['path', 'x']]), END])), 'archive_damaged');
    await failureOf(readBytes(gnuLong('L', 'x')), 'archive_damaged');
  });

  it('of an archive of nothing is fine inside gzip', () => {
    expect(none).toEqual([]);
  });
});

describe('extended headers', () => {
  it.each([
    ['a length that is too large', '99 path=x\n'],
    ['a length that is too small', '8 path=abcdef\n'],
    ['no newline at the end', '9 path=ab'],
    ['no equals sign', '7 path\n'],
    ['no key', '5 =x\n'],
    ['no length', ' path=x\n'],
    ['a signed length', '+9 path=x\n'],
    ['a length of zero', '0 path=x\n'],
    ['a length in hex', '0xa path=x\n'],
    ['an endless length', `${'1'.repeat(40)} path=x\n`],
    ['bytes behind the last record', `${record('path', 'x')}\0`],
  ])('with %s are damage', async (_, body) => {
    await failureOf(readBytes(tar(entry({ type: 'x' }, body), entry({}))), 'archive_damaged');
  });

  it.each(['-1', '1e3', '0x10', ' 5', '5 ', '9'.repeat(17), '9007199254740992', 'NaN', '٣'])(
    'with the size %j are damage',
    async (size) => {
      const bytes = Buffer.from(size).toString('latin1');
      await failureOf(readBytes(tar(pax([['size', bytes]]), entry({}))), 'archive_damaged');
    },
  );

  it('of more than a mebibyte are refused before they are read', async () => {
    for (const type of ['x', 'g', 'L', 'K']) {
      const archive = tar(header({ type, size: 4 * 1024 ** 3 }));
      const failure = await failureOf(readBytes(archive), 'too_large');
      expect(failure.facts).toMatchObject({ size: 4 * 1024 ** 3 });
    }
  });

  it('may be long as long as they fit', async () => {
    const archive = tar(pax([['comment', 'c'.repeat(900_000)], ['path', 'x']]), entry({})); // prettier-ignore
    expect((await only(archive)).path).toBe('x');
  });

  it('twice for one entry are damage, since tars disagree on which counts', async () => {
    await failureOf(readBytes(tar(pax([['path', 'a']]), pax([['path', 'b']]), entry({}))), 'archive_damaged');
    await failureOf(readBytes(tar(gnuLong('L', 'a'), gnuLong('L', 'b'), entry({}))), 'archive_damaged');
  });

  it.each(['path', 'linkpath', 'size', 'GNU.sparse.size', 'GNU.sparse.offset'])(
    'for all entries that set %s are damage',
    async (key) => {
      await failureOf(readBytes(tar(pax([[key, '1']], 'g'), entry({}))), 'archive_damaged');
    },
  );
});

describe('a damaged header', () => {
  it.each([
    ['a wrong checksum', { checksum: 'wrong' }],
    ['no checksum', { checksum: 'blank' }],
    ['a negative size', { raw: [{ at: 124, bytes: base256(-512n, 12) }] }],
    ['a size of 2^90', { raw: [{ at: 124, bytes: base256(1n << 90n, 12) }] }],
    ['a size that is no number', { raw: [{ at: 124, bytes: 'zzzzzzzzzzz\0' }] }],
    ['a size with a minus sign', { raw: [{ at: 124, bytes: '-0000000512\0' }] }],
    ['a size with a strange lead byte', { raw: [{ at: 124, bytes: Buffer.alloc(12, 0x81) }] }],
  ] as const)('with %s ends the reading', async (_, fields) => {
    await failureOf(readBytes(tar(entry({ name: 'first' }, 'x'), header(fields))), 'archive_damaged');
  });

  it('tells where in the tar stream it lies', async () => {
    const failure = await failureOf(readBytes(tar(entry({}, 'x'), header({ checksum: 'wrong' }))), 'archive_damaged');
    expect(failure.facts).toMatchObject({ tarOffset: 1024 });
    expect(failure.hint).toBeDefined();
  });
});

it('rejects with the source’s own failure when it cannot be read', async () => {
  const source = memorySource(tar(entry({}, Buffer.alloc(2_000_000))));
  let reads = 0;
  const failing = { ...source, read: (offset: number, length: number) => (reads++ < 2 ? source.read(offset, length) : Promise.reject(new Error('EIO'))) }; // prettier-ignore
  await expect(readAll(failing)).rejects.toThrow('EIO');
});
