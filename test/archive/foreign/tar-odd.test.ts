/**
 * Tars from the corpora of Go, libarchive and Python on which readers differ: read as GNU tar reads them, or passed over
 * by name. The bytes are built here; GNU tar is asked where it is there.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { base256, BLOCK, END, entry, gnuLong, header, padded, pax, tar } from '../../hostile/tar-builder.ts';
import { failureOf } from '../../support/rejection.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { memorySource, readAll, readBytes } from './sources.ts';
import { has, unless } from './tools.ts';

const SECOND = 1_000_000_000n;
const OK = entry({ name: 'ok' }, 'fine');

/** What GNU tar unpacks: files with content, and their times. */
async function gnu(bytes: Buffer): Promise<Record<string, string>> {
  const directory = await scratchDirectory();
  fs.writeFileSync(join(directory, 'a.tar'), bytes);
  const into = join(directory, 'out');
  fs.mkdirSync(into);
  spawnSync('tar', ['-xf', join(directory, 'a.tar'), '-C', into, '--no-same-owner'], {
    env: { ...process.env, TZ: 'UTC' },
  });
  const found: Record<string, string> = {};
  for (const name of fs.readdirSync(into, { recursive: true, encoding: 'utf8' })) {
    const path = join(into, name);
    const stat = fs.lstatSync(path, { bigint: true });
    // As doubles, milliseconds of a time with nanoseconds round up to the next second.
    const seconds = (stat.mtimeNs - (((stat.mtimeNs % SECOND) + SECOND) % SECOND)) / SECOND;
    if (stat.isFile()) found[name] = `${fs.readFileSync(path, 'latin1')} @${seconds}`;
  }
  return found;
}

async function roost(bytes: Buffer) {
  const { entries, warnings } = await readBytes(bytes);
  const files = entries.filter(({ kind }) => kind === 'file');
  return {
    files: Object.fromEntries(
      files.map(({ path, content, mtime }) => [path, `${content.toString('latin1')} @${mtime}`]),
    ),
    warnings: warnings.map(({ path, code }) => `${code} ${path}`),
  };
}

const AT = 1_600_000_000;
const BODY = Buffer.from('twelve bytes');
/** A header that says less than its pax record: Go's pax-pos-size-file.tar and its kin. */
const sized = (record: string, said: number): Buffer =>
  tar(pax([['size', record]]), header({ name: 'foo', size: said }), padded(BODY), OK);

const SAME: Readonly<Record<string, { readonly bytes: Buffer; readonly files: Readonly<Record<string, string>> }>> = {
  'a GNU long name that ends at a NUL before its end (Go: gnu-long-nul)': {
    bytes: tar(gnuLong('L', '0123456789\0fooooo'), entry({ name: 'innocent' }, 'x'), OK),
    files: { '0123456789': `x @${AT}`, ok: `fine @${AT}` },
  },
  'a GNU long link that ends at a NUL': {
    bytes: tar(OK, gnuLong('K', 'ok\0garbage'), header({ name: 'link', type: '1' })),
    files: { ok: `fine @${AT}` },
  },
  'a pax size of many digits over a header of 0 (Go: pax-pos-size-file)': {
    bytes: sized('000000000000000000000012', 0),
    files: { foo: `twelve bytes @${AT}`, ok: `fine @${AT}` },
  },
  'a pax size over a smaller one': { bytes: sized('12', 1), files: { foo: `twelve bytes @${AT}`, ok: `fine @${AT}` } },
  'a pax size over a larger one': {
    bytes: sized('12', 4096),
    files: { foo: `twelve bytes @${AT}`, ok: `fine @${AT}` },
  },
  'one GNU long name twice (libarchive: gtar_redundant_L)': {
    bytes: tar(gnuLong('L', 'long'), gnuLong('L', 'long'), entry({ name: 'x' }, 'y'), OK),
    files: { long: `y @${AT}`, ok: `fine @${AT}` },
  },
  'numbers that begin with a NUL': {
    bytes: tar(entry({ name: 'a', raw: [{ at: 124, bytes: '\x0000000000001' }, { at: 136, bytes: '\x0007346545000' }] }, 'x'), OK), // prettier-ignore
    files: { a: 'x @1000000000', ok: `fine @${AT}` },
  },
  'absolute names (tar -P)': {
    bytes: tar(
      entry({ name: '/srv/mc/a' }, 'a'),
      entry({ name: '///b' }, 'b'),
      pax([['path', '/c']]),
      entry({ name: 'x' }, 'c'),
    ),
    files: { 'srv/mc/a': `a @${AT}`, b: `b @${AT}`, c: `c @${AT}` },
  },
  'times before 1970 and with fractions': {
    bytes: tar(
      pax([['mtime', '-1.000000001']]), entry({ name: 'a' }),
      pax([['mtime', '315360000.999999999']]), entry({ name: 'b' }),
      pax([['mtime', '-0.5']]), entry({ name: 'c' }),
      pax([['mtime', '-315360000.0']]), entry({ name: 'd' }),
      pax([['mtime', '1700000000.99999999999999999999']]), entry({ name: 'e' }),
      entry({ name: 'f', raw: [{ at: 136, bytes: base256(-1n, 12) }] }),
    ), // prettier-ignore
    files: { a: ' @-2', b: ' @315360000', c: ' @-1', d: ' @-315360000', e: ' @1700000000', f: ' @-1' },
  },
};

describe('as GNU tar reads it', () => {
  it.each(Object.entries(SAME))(`%s${unless('tar')}`, async (_, { bytes, files }) => {
    expect((await roost(bytes)).files).toEqual(files);
    if (!has('tar')) return;
    const theirs = await gnu(bytes);
    for (const [name, facts] of Object.entries(files)) expect(theirs[name], name).toBe(facts);
  });
});

describe('absolute names', () => {
  it('are said in one warning, which counts hard-link targets too, and leaves symlinks as they are', async () => {
    const { entries, warnings } = await readBytes(
      tar(
        header({ name: '/srv/', type: '5' }),
        entry({ name: '/srv/a' }, 'a'),
        header({ name: 'hard', type: '1', link: '/srv/a' }),
        header({ name: '/soft', type: '2', link: '/srv/a' }),
        header({ name: '/', type: '5' }),
      ),
    );
    expect(entries.map(({ path, target }) => [path, target])).toEqual([
      ['srv', undefined],
      ['srv/a', undefined],
      ['hard', 'srv/a'],
      ['soft', '/srv/a'],
    ]);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatchObject({ path: '', code: 'absolute_name' });
    expect(warnings[0]?.message).toContain('4 names');
  });

  it('that lead out are passed over by name', async () => {
    expect(await roost(tar(entry({ name: '/../x' }, 'x'), entry({ name: '/a/../../x' }, 'x'), OK))).toEqual({
      files: { ok: `fine @${AT}` },
      warnings: ['hostile_entry /../x', 'hostile_entry /a/../../x'],
    });
  });
});

describe('what cannot be read is passed over by name, and the rest is read', () => {
  it('a sparse file of Solaris, whose holes are left out of its content', async () => {
    expect(await roost(tar(pax([['SUN.holesdata', ' 0 4 1024']]), entry({ name: 'holes' }, 'data'), OK))).toEqual({
      files: { ok: `fine @${AT}` },
      warnings: ['unsupported_entry holes'],
    });
  });

  it('devices and FIFOs', async () => {
    const special = ['3', '4', '6'].map((type) => header({ name: `t${type}`, type }));
    expect(await roost(tar(...special, OK))).toEqual({
      files: { ok: `fine @${AT}` },
      warnings: ['unsupported_entry t3', 'unsupported_entry t4', 'unsupported_entry t6'],
    });
  });

  it('a NUL in a pax path (Go: pax-nul-path)', async () => {
    expect((await roost(tar(pax([['path', 'a\0b']]), entry({}, 'x'), OK))).warnings).toEqual(['hostile_entry a\0b']);
  });
});

describe('what would shift all that follows is damage', () => {
  it.each([
    ['two different GNU long names (Go: gnu-multi-hdrs)', tar(gnuLong('L', 'a'), gnuLong('L', 'b'), OK)],
    ['a size with a digit that is not octal', tar(entry({ name: 'a', raw: [{ at: 124, bytes: '00000000009\0' }] }, 'nine long'), OK)], // prettier-ignore
    ['a size beyond all files', tar(pax([['size', '1'.padEnd(30, '0')]]), OK)],
    ['a pax size that ends within a header', tar(pax([['size', `${BLOCK + 4}`]]), entry({ name: 'a' }, 'x'), OK, END)],
  ])('%s', async (_, bytes) => {
    await failureOf(readBytes(bytes), 'archive_damaged');
  });
});

describe('names in a tar that are not UTF-8', () => {
  const bytes = tar(entry({ name: '\xca\xc0\xbd\xe7/a' }), header({ name: 'l', type: '2', link: '\xca\xc0' }), entry({ name: 'gr\xc3\xb6\xc3\x9fe' })); // prettier-ignore

  it('are kept as bytes, and read in the encoding that the caller names', async () => {
    expect((await readBytes(bytes)).entries.map(({ path }) => path)).toEqual(['\xca\xc0\xbd\xe7/a', 'l', 'gr\xc3\xb6\xc3\x9fe']); // prettier-ignore
    const { entries } = await readAll(memorySource(bytes), undefined, 'gbk');
    const text = (name = ''): string => Buffer.from(name, 'latin1').toString();
    expect(entries.map(({ path, target }) => [text(path), text(target)])).toEqual([['世界/a', ''], ['l', '世'], ['größe', '']]); // prettier-ignore
  });

  it('are checked once they are text', async () => {
    // ISO-2022-JP can spell ASCII in other bytes.
    const { entries } = await readAll(memorySource(tar(entry({ name: '\xff../x' }), OK)), undefined, 'windows-1252');
    expect(entries.map(({ path }) => path)).toEqual([Buffer.from('ÿ../x').toString('latin1'), 'ok']);
  });
});
