import { describe, expect, it } from 'vitest';
import { openStreamedArchive } from '../../../src/archive/foreign/open-streamed.ts';
import { failureOf } from '../../support/rejection.ts';
import { base256, entry, header, type HeaderFields, padded, pax, tar } from '../../hostile/tar-builder.ts';
import { memorySource, readBytes } from './sources.ts';

type Runs = readonly (readonly [offset: number, text: string])[];

const RUNS: Runs = [
  [0, 'head'],
  [5000, 'middle'],
  [99_997, 'end'],
];
const SIZE = 100_000;

function whole(runs: Runs, size: number): string {
  const bytes = Buffer.alloc(size);
  for (const [offset, text] of runs) bytes.write(text, offset);
  return bytes.toString('latin1');
}

function stored(runs: Runs): string {
  return runs.map(([, text]) => text).join('');
}

/** The old GNU form, with as many extension blocks as the runs need. */
function oldGnu(runs: Runs, size: number, fields: HeaderFields = {}): Buffer {
  const fieldOf = (value: number): Buffer => Buffer.from(`${value.toString(8).padStart(11, '0')}\0`);
  const pair = ([offset, text]: readonly [number, string]): Buffer =>
    Buffer.concat([fieldOf(offset), fieldOf(text.length)]);
  const raw = [
    { at: 386, bytes: Buffer.concat(runs.slice(0, 4).map(pair)) },
    { at: 482, bytes: runs.length > 4 ? '\x01' : '\0' },
    { at: 483, bytes: fieldOf(size) },
    ...(fields.raw ?? []),
  ];
  const body = Buffer.from(stored(runs));
  const blocks: Buffer[] = [header({ name: 's', type: 'S', magic: 'gnu', size: body.length, ...fields, raw })];
  for (let at = 4; at < runs.length; at += 21) {
    const extension = Buffer.alloc(512);
    Buffer.concat(runs.slice(at, at + 21).map(pair)).copy(extension);
    extension[504] = runs.length > at + 21 ? 1 : 0;
    blocks.push(extension);
  }
  return Buffer.concat([...blocks, padded(body)]);
}

function pax00(runs: Runs, size: number): Buffer {
  const pieces = runs.flatMap(([offset, text]) => [['GNU.sparse.offset', `${offset}`], ['GNU.sparse.numbytes', `${text.length}`]] as const); // prettier-ignore
  const records = [['GNU.sparse.size', `${size}`], ['GNU.sparse.numblocks', `${runs.length}`], ...pieces] as const; // prettier-ignore
  return Buffer.concat([pax(records), entry({ name: 's' }, stored(runs))]);
}

function pax01(
  runs: Runs,
  size: number,
  map = runs.flatMap(([offset, text]) => [offset, text.length]).join(','),
): Buffer {
  const records = [
    ['GNU.sparse.size', `${size}`],
    ['GNU.sparse.numblocks', `${runs.length}`],
    ['GNU.sparse.name', 's'],
    ['GNU.sparse.map', map],
  ] as const;
  return Buffer.concat([pax(records), entry({ name: 'GNUSparseFile.1/s' }, stored(runs))]);
}

function pax10(runs: Runs, size: number, map?: string): Buffer {
  const numbers = [runs.length, ...runs.flatMap(([offset, text]) => [offset, text.length])];
  const list = padded(Buffer.from(map ?? numbers.map((number) => `${number}\n`).join('')));
  const records = [
    ['GNU.sparse.major', '1'],
    ['GNU.sparse.minor', '0'],
    ['GNU.sparse.name', 's'],
    ['GNU.sparse.realsize', `${size}`],
  ] as const;
  return Buffer.concat([pax(records), entry({ name: 'GNUSparseFile.1/s' }, Buffer.concat([list, Buffer.from(stored(runs))]))]); // prettier-ignore
}

const forms = [
  ['the old GNU form', oldGnu],
  ['pax 0.0', pax00],
  ['pax 0.1', pax01],
  ['pax 1.0', pax10],
] as const;

describe.each(forms)('a sparse file in %s', (_, make) => {
  it.each([
    ['with data at both ends', RUNS, SIZE],
    ['with a hole at its start and end', [[4096, 'x']] as Runs, 3_000_000],
    ['with many runs', Array.from({ length: 200 }, (_, index) => [index * 1000, `run ${index}`] as const), 300_000],
    ['that is one hole', [[70_000, '']] as Runs, 70_000],
    ['that is empty', [] as Runs, 0],
  ])('%s comes back whole, and the next entry behind it', async (_, runs, size) => {
    const { entries } = await readBytes(tar(make(runs, size), entry({ name: 'next' }, 'n')));
    expect(entries.map(({ path, kind, size: length }) => [path, kind, length])).toEqual([
      ['s', 'file', size],
      ['next', 'file', 1],
    ]);
    expect(entries[0]?.content.toString('latin1') === whole(runs, size)).toBe(true);
  });

  it('is passed over whole when nobody takes it', async () => {
    const names: string[] = [];
    const bytes = tar(make(RUNS, SIZE), entry({ name: 'next' }));
    for await (const item of (await openStreamedArchive(memorySource(bytes))).read()) {
      if ('entry' in item) names.push(item.entry.path);
    }
    expect(names).toEqual(['s', 'next']);
  });

  it.each([
    ['runs that overlap', [[0, 'abcdef'], [3, 'x']] as Runs, 100], // prettier-ignore
    ['runs that go back', [[50, 'a'], [10, 'b']] as Runs, 100], // prettier-ignore
    ['a run behind its end', [[98, 'abcdef']] as Runs, 100],
  ])('with %s is damage', async (_, runs, size) => {
    await failureOf(readBytes(tar(make(runs, size))), 'archive_damaged');
  });

  it('larger than any file system holds is refused', async () => {
    const size = 4 * 1024 ** 5;
    if (make === oldGnu) {
      const archive = oldGnu([[0, 'x']], 0, { raw: [{ at: 483, bytes: base256(BigInt(size), 12) }] });
      await failureOf(readBytes(tar(archive)), 'too_large');
    } else await failureOf(readBytes(tar(make([[0, 'x']], size))), 'too_large');
  });
});

describe('a map of a sparse file', () => {
  it('that tells of more or fewer bytes than there are is damage', async () => {
    const archive = pax01([[0, 'abc']], 100, '0,2');
    await failureOf(readBytes(tar(archive)), 'archive_damaged');
    await failureOf(readBytes(tar(pax01([[0, 'abc']], 100, '0,4'))), 'archive_damaged');
    await failureOf(readBytes(tar(oldGnu([[0, 'abc']], 100, { size: 700 }))), 'archive_damaged');
  });

  it.each(['0', '0,', '0,x', '0,-3', '0,3,4', '0,3,', '1e1,3', ''])('%j is damage (pax 0.1)', async (map) => {
    await failureOf(readBytes(tar(pax01([[0, 'abc']], 100, map))), 'archive_damaged');
  });

  it.each(['1\n0\n', 'x\n', '-1\n', '1\n0\n3', '\n', '1\n0\n3x\n', `${'1'.repeat(2000)}\n`, '99999999999999999\n'])(
    '%.20j is damage (pax 1.0)',
    async (map) => {
      await failureOf(readBytes(tar(pax10([[0, 'abc']], 100, map))), 'archive_damaged');
    },
  );

  it('of a million runs and more is refused', async () => {
    const map = `2000000\n${Array.from({ length: 1_000_001 }, (_, index) => `${index}\n0\n`).join('')}`;
    await failureOf(readBytes(tar(pax10([[0, '']], 2_000_000, map))), 'too_large');
  });

  it('whose number of runs does not fit is damage', async () => {
    const records = [['GNU.sparse.size', '10'], ['GNU.sparse.numblocks', '2'], ['GNU.sparse.map', '0,3']] as const; // prettier-ignore
    await failureOf(readBytes(tar(pax(records), entry({}, 'abc'))), 'archive_damaged');
  });

  it('of an unknown version is damage', async () => {
    const records = [['GNU.sparse.major', '2'], ['GNU.sparse.minor', '0'], ['GNU.sparse.realsize', '10']] as const; // prettier-ignore
    await failureOf(readBytes(tar(pax(records), entry({}, 'abc'))), 'archive_damaged');
  });

  it('without a size is damage', async () => {
    await failureOf(readBytes(tar(pax([['GNU.sparse.name', 's']]), entry({}, 'abc'))), 'archive_damaged');
  });
});

describe('a sparse file of star', () => {
  it('is passed over by name in its pax form', async () => {
    const { entries, warnings } = await readBytes(tar(pax([['SCHILY.realsize', '99']]), entry({ name: 's' }, 'x'), entry({ name: 'b' }))); // prettier-ignore
    expect(entries.map(({ path }) => path)).toEqual(['b']);
    expect(warnings).toMatchObject([{ path: 's', code: 'unsupported_entry' }]);
  });

  it('ends the reading in its own form, since nobody can tell what follows', async () => {
    await failureOf(readBytes(tar(header({ type: 'S', magic: 'ustar' }))), 'archive_damaged');
  });
});
