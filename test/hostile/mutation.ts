/** Valid archives to bend, and the run that each bent one must survive. */
import fs from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import {
  type Arbitrary,
  array,
  assert,
  asyncProperty,
  constantFrom,
  double,
  integer,
  record,
  uint8Array,
} from 'fast-check';
import { expect } from 'vitest';
import { openFileSource } from '../../src/base/files/file-source.ts';
import { openStreamedArchive } from '../../src/archive/foreign/open-streamed.ts';
import { unpackStreamed } from '../../src/archive/unpack/streamed.ts';
import { Failure } from '../../src/base/failure.ts';
import { OWNER, makeArena, snapshot } from './canary.ts';
import { BLOCK, entry, gnuLong, header, pax, tar } from './tar-builder.ts';
import { zip } from './zip-builder.ts';

interface Mutation {
  readonly kind: 'flip' | 'set' | 'insert' | 'remove' | 'repeat' | 'truncate';
  /** Where, as a part of the whole, so that it fits any archive. */
  readonly where: number;
  readonly value: number;
  readonly length: number;
}

const WHOLE_TAR = tar(
  pax([['uid', '7'], ['comment', 'c']], 'g'), // prettier-ignore
  header({ name: 'd/', type: '5', mode: 0o755 }),
  entry({ name: 'd/file' }, 'x'.repeat(700)),
  gnuLong('L', `d/${'l'.repeat(150)}/name`),
  entry({ name: 'short', magic: 'gnu' }, 'content'),
  pax([['path', 'd/pax'], ['size', '5'], ['mtime', '1.5']]), // prettier-ignore
  entry({ name: 'short' }, 'hello'),
  header({ name: 'd/hard', type: '1', link: 'd/file' }),
  header({ name: 'd/soft', type: '2', link: '../../outside' }),
  pax([['GNU.sparse.major', '1'], ['GNU.sparse.minor', '0'], ['GNU.sparse.name', 'd/s'], ['GNU.sparse.realsize', '9000']]), // prettier-ignore
  entry({ name: 'stand-in' }, Buffer.concat([Buffer.from('1\n8000\n4\n'.padEnd(BLOCK, '\0')), Buffer.from('data')])),
  entry({ name: 'last' }, 'end'),
);

const WHOLE_ZIP = zip([
  { name: 'd/', mode: 0o40755 },
  { name: 'd/stored', body: 'x'.repeat(500) },
  { name: 'd/deflated', body: 'abc'.repeat(3000), method: 8 },
  { name: 'd/soft', body: '../../outside', mode: 0o120777 },
  { name: 'sixty-four', body: 'x', zip64: true },
]);

export const ARCHIVES: Readonly<Record<string, Buffer>> = {
  tar: WHOLE_TAR,
  'tar.gz': gzipSync(WHOLE_TAR),
  'tar.gz of stored blocks': gzipSync(WHOLE_TAR, { level: 0 }),
  'tar.gz of two members': Buffer.concat([gzipSync(WHOLE_TAR.subarray(0, 3000)), gzipSync(WHOLE_TAR.subarray(3000))]),
  zip: WHOLE_ZIP,
};

function mutate(archive: Buffer, mutations: readonly Mutation[]): Buffer {
  return mutations.reduce((bytes, { kind, where, value, length }) => {
    const at = Math.floor(where * bytes.length);
    const copy = Buffer.from(bytes);
    if (kind === 'truncate') return copy.subarray(0, at);
    if (kind === 'remove') return Buffer.concat([copy.subarray(0, at), copy.subarray(at + length)]);
    if (kind === 'insert') return Buffer.concat([copy.subarray(0, at), Buffer.alloc(length, value), copy.subarray(at)]);
    if (kind === 'repeat') return Buffer.concat([copy.subarray(0, at + length), copy.subarray(at)]);
    if (at < copy.length) copy[at] = kind === 'flip' ? (copy[at] ?? 0) ^ (1 << (value & 7)) : value;
    return copy;
  }, archive);
}

/** Makes the checksums of all header-like blocks right, so that what was bent in them gets past the first check. */
function resign(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  for (let at = 0; at + BLOCK <= copy.length; at += BLOCK) {
    if (copy.toString('latin1', at + 257, at + 262) !== 'ustar') continue;
    copy.fill(' ', at + 148, at + 156);
    const sum = copy.subarray(at, at + BLOCK).reduce((total, byte) => total + byte, 0);
    copy.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148, 'latin1');
  }
  return copy;
}

/**
 * Unpacks bytes that may be anything, into a directory of their own below `base`, and removes it again.
 *
 * @throws what an assertion throws when it ended with anything but a result or a Failure that a user can act on.
 */
async function surviveBytes(bytes: Buffer, base: string): Promise<void> {
  const into = join(base, 'out');
  const path = join(base, 'bent');
  fs.mkdirSync(into);
  fs.writeFileSync(path, bytes);
  const source = openFileSource(path);
  try {
    await unpackStreamed(await openStreamedArchive(source), {
      source: { archive: source },
      into,
      owner: OWNER,
      setuid: 'strip',
      limits: { maxBytes: 1_000_000, maxEntries: 100 },
      overwrite: false,
      durable: false,
      workers: 1,
    });
  } catch (error) {
    expect(error).toBeInstanceOf(Failure);
    expect(['archive_damaged', 'too_large']).toContain((error as Failure).code);
  } finally {
    await source.close();
    fs.rmSync(path);
    fs.rmSync(into, { recursive: true });
  }
}

const mutations: Arbitrary<Mutation[]> = array(
  record({
    kind: constantFrom('flip', 'flip', 'set', 'set', 'insert', 'remove', 'repeat', 'truncate'),
    where: double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
    value: integer({ min: 0, max: 255 }),
    length: constantFrom(1, 2, 100, 511, 512, 513, 1024),
  }),
  { minLength: 1, maxLength: 4 },
);

/** Unpacks many bent copies of an archive, and checks that nothing outside has moved. */
export async function surviveMutations(archive: Buffer, runs: number, resigned: boolean): Promise<void> {
  await surviveAll(runs, mutations, (list) => {
    const bent = mutate(archive, list);
    return resigned ? resign(bent) : bent;
  });
}

/** Unpacks bytes that mean nothing, behind the first bytes of an archive. */
export async function surviveNoise(runs: number): Promise<void> {
  const magic = constantFrom('', '\x1f\x8b', '\x1f\x8b\x08\x00', 'PK\x03\x04', 'PK\x05\x06');
  const noise = record({ start: magic, rest: uint8Array({ maxLength: 2000 }) });
  await surviveAll(runs, noise, ({ start, rest }) => Buffer.concat([Buffer.from(start, 'latin1'), rest]));
}

async function surviveAll<Value>(
  runs: number,
  values: Arbitrary<Value>,
  make: (value: Value) => Buffer,
): Promise<void> {
  const arena = await makeArena();
  const before = snapshot(arena);
  const property = asyncProperty(values, (value) => surviveBytes(make(value), arena.target));
  await assert(property, { numRuns: runs, interruptAfterTimeLimit: 600_000 });
  expect(snapshot(arena)).toEqual(before);
}
