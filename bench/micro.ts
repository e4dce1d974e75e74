/**
 * `npm run bench:micro [-- PIECE…]`: each hot piece of the engine by itself, in one thread, so that a regression shows
 * where it is. Every piece is timed in spans of a tenth of a second and more; the table has the median span.
 */
import fs from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { MEBIBYTE } from '../src/base/sizes.ts';
import type { CompressionLevel, EngineName } from '../src/archive/contract.ts';
import { RunFinder } from '../src/archive/gzip/compressible.ts';
import { combineCrc32 } from '../src/archive/gzip/crc32.ts';
import { cutUnits, type PackedEntry } from '../src/archive/write/cut.ts';
import { type DeflateEngine, storedLength } from '../src/archive/gzip/deflate.ts';
import { makeEngine, selectedEngine } from '../src/archive/gzip/engine.ts';
import type { Entry } from '../src/archive/entry.ts';
import { compileIgnore } from '../src/archive/ignore/ignore.ts';
import { decodeEntries, EntryBlockEncoder, type IndexedEntry, type Segment } from '../src/archive/index/format.ts';
import { SegmentInflater } from '../src/archive/gzip/inflate.ts';
import { fixedMemory } from '../src/archive/gzip/isal-library.ts';
import { PackReader } from '../src/archive/write/pack-reader.ts';
import { HeaderEncoder, TAR_BLOCK } from '../src/archive/tar/header.ts';
import { writeSparse } from '../src/archive/unpack/file.ts';
import { Walk } from '../src/archive/walk/walk.ts';
import { firstNonZero } from '../src/archive/tar/zeros.ts';
import { systemClock } from '../src/base/clock.ts';
import { KINDS } from './content.ts';
import { Random } from './random.ts';
import { type Spread, spreadOf } from './statistics.ts';
import { makeSmallFiles } from './tree.ts';

export interface Piece {
  readonly name: string;
  readonly unit: 'MiB/s' | 'ns each';
  readonly spread: Spread;
}

const SPANS = 7;
const SPAN_MS = 100;
const FILES = 10_000;
const ENTRIES = 4096;

/** One call of the piece; how many things (or bytes) it went over. */
interface Work {
  readonly name: string;
  readonly unit: Piece['unit'];
  run(): number;
}

/**
 * @param scratch an empty directory of the caller's.
 * @param wanted parts of the names of pieces; all without any.
 */
export function measurePieces(scratch: string, wanted: readonly string[], tell: (what: string) => void): Piece[] {
  const corpora = makeCorpora();
  const groups = [
    ...treePieces(scratch),
    ...bytePieces(corpora),
    ...enginePieces(corpora),
    ...entryPieces(),
    ...writePieces(scratch, corpora),
  ];
  return groups
    .filter(({ name }) => wanted.length === 0 || wanted.some((word) => name.includes(word)))
    .map((work) => {
      tell(work.name);
      return measured(work);
    });
}

function measured(work: Work): Piece {
  const { name, unit } = work;
  work.run();
  const rates = Array.from({ length: SPANS }, () => {
    const start = performance.now();
    let done = 0;
    let spent: number;
    do {
      done += work.run();
      spent = performance.now() - start;
    } while (spent < SPAN_MS);
    return unit === 'MiB/s' ? done / MEBIBYTE / (spent / 1000) : (spent * 1e6) / done;
  });
  const spread = spreadOf(rates);
  if (spread === undefined) throw new Error('no span was timed');
  return { name, unit, spread };
}

/** A mebibyte of each kind of content, at addresses that stay. */
type Corpora = ReadonlyMap<string, Buffer>;

function makeCorpora(): Corpora {
  const of = (kind: number, seed: number): Buffer => {
    const memory = fixedMemory(MEBIBYTE);
    const content = KINDS[kind]?.make(new Random(seed), 2 * MEBIBYTE) ?? Buffer.alloc(0);
    content.copy(memory, 0, 0, MEBIBYTE);
    return memory;
  };
  return new Map([
    ['region file', of(0, 1)],
    ['jar', of(1, 2)],
    ['log', of(2, 3)],
    ['database', of(3, 4)],
    ['random bytes', of(4, 5)],
  ]);
}

function corpus(corpora: Corpora, name: string): Buffer {
  const found = corpora.get(name);
  if (found === undefined) throw new Error(`there is no corpus ${name}`);
  return found;
}

function treePieces(scratch: string): Work[] {
  const root = join(scratch, 'small');
  makeSmallFiles(root, FILES);
  const walk = () =>
    new Walk({ root, ignore: compileIgnore([]), exclude: [], warn: () => undefined, checkAbort: () => undefined });
  const entries: PackedEntry[] = [...walk().entries()];
  const packs = [...cutUnits(entries, () => undefined)].flatMap((unit) => (unit.kind === 'pack' ? [unit] : []));
  const reader = PackReader.open(root, systemClock, () => undefined);
  const raw = Buffer.alloc(4 * MEBIBYTE);
  const large = join(scratch, 'large');
  fs.writeFileSync(large, new Random(9).bytes(16 * MEBIBYTE));
  const descriptor = fs.openSync(large, 'r');
  return [
    { name: 'walk, per entry', unit: 'ns each', run: () => [...walk().entries()].length },
    {
      name: 'read small files (open, read, close, header), per file',
      unit: 'ns each',
      run: () => {
        for (const pack of packs) reader.read(pack.entries, raw);
        return entries.length;
      },
    },
    {
      name: 'read a large file in pieces of 1 MiB',
      unit: 'MiB/s',
      run: () => {
        for (let at = 0; at < 16; at++) fs.readSync(descriptor, raw, 0, MEBIBYTE, at * MEBIBYTE);
        return 16 * MEBIBYTE;
      },
    },
  ];
}

/** Where segments lie in production: memory that threads share. */
function sharedMemory(bytes: number): Buffer {
  return Buffer.from(new SharedArrayBuffer(bytes));
}

function bytePieces(corpora: Corpora): Work[] {
  const bytes = corpus(corpora, 'random bytes');
  const zeros = Buffer.alloc(MEBIBYTE);
  const engine = makeEngine('auto', 'fast');
  const finder = new RunFinder();
  return [
    { name: 'CRC-32', unit: 'MiB/s', run: () => (engine.crc32(bytes), MEBIBYTE) },
    {
      name: 'CRC-32 combined, per pair',
      unit: 'ns each',
      run: () => (combineCrc32(0x12345678, 0x9abcdef0, MEBIBYTE), 1),
    },
    { name: 'sha256', unit: 'MiB/s', run: () => (createHash('sha256').update(bytes).digest(), MEBIBYTE) },
    ...[...corpora].map(([kind, input]) => ({
      name: `look at blocks, ${kind}`,
      unit: 'MiB/s' as const,
      run: () => finder.find(input).length && MEBIBYTE,
    })),
    { name: 'look for zeros', unit: 'MiB/s', run: () => (firstNonZero(zeros), MEBIBYTE) },
  ];
}

function enginePieces(corpora: Corpora): Work[] {
  const engines: EngineName[] = selectedEngine('auto') === 'isal' ? ['isal', 'zlib'] : ['zlib'];
  const levels: CompressionLevel[] = ['none', 'fast', 'best'];
  const output = sharedMemory(storedLength(MEBIBYTE));
  const works: Work[] = [];
  for (const engine of engines) {
    for (const level of levels) {
      const made = makeEngine(engine, level);
      for (const [kind, input] of corpora) {
        // Storing is the same for all content and for both engines.
        if (level === 'none' && (kind !== 'random bytes' || engine !== 'zlib')) continue;
        const name = level === 'none' ? 'store (level none)' : `deflate ${engine} ${level}, ${kind}`;
        works.push({ name, unit: 'MiB/s', run: () => (made.deflate(input, output), MEBIBYTE) });
      }
    }
  }
  const inflater = new SegmentInflater();
  for (const [kind, input] of corpora) {
    const { stored, segment } = segmentOf(makeEngine('auto', 'fast'), input);
    const name = `inflate and check (${selectedEngine('auto')}), ${kind}`;
    works.push({ name, unit: 'MiB/s', run: () => inflater.inflate(stored, segment).length });
  }
  return works;
}

function segmentOf(engine: DeflateEngine, input: Buffer): { stored: Buffer; segment: Segment } {
  const room = sharedMemory(storedLength(input.length));
  const length = engine.deflate(input, room);
  const stored = room.subarray(0, length);
  return {
    stored,
    segment: {
      offset: 0,
      length,
      rawOffset: 0,
      rawLength: input.length,
      crcStored: crc32(stored),
      crcRaw: crc32(input),
      key: '',
    },
  };
}

function entryPieces(): Work[] {
  const random = new Random(7);
  const names = Array.from(
    { length: ENTRIES },
    (_, at) => `world/players/${Math.floor(at / 64)}/${at}-${random.next()}.dat`,
  );
  const entries: Entry[] = names.sort().map((path) => ({
    path,
    kind: 'file',
    size: random.between(100, 100_000),
    mode: 0o644,
    uid: 1000,
    gid: 1000,
    mtime: 1_700_000_000 + random.between(0, 1_000_000),
  }));
  let tarOffset = 0;
  const indexed: IndexedEntry[] = entries.map((entry) => {
    const at = tarOffset;
    tarOffset += TAR_BLOCK + Math.ceil(entry.size / TAR_BLOCK) * TAR_BLOCK;
    return { ...entry, headerLength: TAR_BLOCK, tarOffset: at };
  });
  const headers = new HeaderEncoder();
  const block = Buffer.alloc(TAR_BLOCK);
  const encode = (): Buffer => {
    const encoder = new EntryBlockEncoder();
    for (const entry of indexed) encoder.add(entry);
    return encoder.take();
  };
  const encoded = encode();
  return [
    {
      name: 'tar header, per entry',
      unit: 'ns each',
      run: () => {
        for (const entry of entries) headers.encode(entry, block, 0);
        return ENTRIES;
      },
    },
    { name: 'index encode, per entry', unit: 'ns each', run: () => (encode(), ENTRIES) },
    { name: 'index decode, per entry', unit: 'ns each', run: () => [...decodeEntries(encoded)].length },
  ];
}

function writePieces(scratch: string, corpora: Corpora): Work[] {
  const descriptor = fs.openSync(join(scratch, 'written'), 'w');
  const write = (bytes: Buffer, flush: boolean): number => {
    for (let at = 0; at < 16; at++) writeSparse(descriptor, bytes, at * MEBIBYTE);
    if (flush) fs.fsyncSync(descriptor);
    return 16 * MEBIBYTE;
  };
  const bytes = corpus(corpora, 'random bytes');
  const small = bytes.subarray(0, 1024);
  let written = 0;
  return [
    { name: 'write pieces of 1 MiB', unit: 'MiB/s', run: () => write(bytes, false) },
    { name: 'write pieces of 1 MiB, flushed after 16', unit: 'MiB/s', run: () => write(bytes, true) },
    {
      name: 'write small files (open, write, close), per file',
      unit: 'ns each',
      run: () => {
        // New names each time: ext4 flushes a file that replaces the content of an older one.
        for (let at = 0; at < 200; at++) fs.writeFileSync(join(scratch, `written-${written++}`), small);
        return 200;
      },
    },
  ];
}
