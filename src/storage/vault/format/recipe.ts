/**
 * A recipe: which ranges of which packs make up an archive (docs/vault.md). All numbers are little endian.
 *
 *   head   64 bytes: "ROOSTRCP" | version u32 = 1 | flags u32 = 0 | archive size u64 | ranges u32 | packs u32 | sha256
 *   packs  16 bytes each: the id
 *   ranges ranges.ts
 *   foot   CRC-32 of all before
 *
 * Written once and never changed: a range names where its bytes were first written, and maps say where they lie now.
 */
import { crc32 } from 'node:zlib';
import {
  damaged,
  decodeRanges,
  encodePacks,
  encodeRanges,
  type RangeList,
  type TakeRange,
  walkRanges,
} from '../ranges.ts';

const MAGIC = Buffer.from('ROOSTRCP', 'latin1');
const VERSION = 1;
export const RECIPE_HEAD = 64;
const FOOT = 4;
/** 2^20 ranges of at most 22 bytes, and their packs. */
export const MAX_RECIPE = 32 * 1024 * 1024;

export interface RecipeHead {
  /** Bytes of the archive. */
  readonly size: number;
  /** Of the archive; lower-case hex. */
  readonly sha256: string;
  readonly ranges: number;
  readonly packs: number;
}

export interface Recipe extends RecipeHead {
  readonly list: RangeList;
}

export function encodeRecipe(size: number, sha256: string, list: RangeList): Buffer {
  const head = Buffer.alloc(RECIPE_HEAD);
  MAGIC.copy(head);
  head.writeUInt32LE(VERSION, 8);
  head.writeBigUInt64LE(BigInt(size), 16);
  head.writeUInt32LE(list.count, 24);
  head.writeUInt32LE(list.packs.length, 28);
  head.write(sha256, 32, 32, 'hex');
  return withChecksum(head, encodePacks(list.packs), encodeRanges(list));
}

/** @throws Failure `archive_damaged` when it is no recipe, or one of another version. */
export function decodeRecipeHead(bytes: Buffer, what: string): RecipeHead {
  if (bytes.length < RECIPE_HEAD || !bytes.subarray(0, MAGIC.length).equals(MAGIC))
    throw damaged(what, 'it is no recipe');
  if (bytes.readUInt32LE(8) !== VERSION) throw damaged(what, `it is of version ${bytes.readUInt32LE(8)}`);
  if (bytes.readUInt32LE(12) !== 0) throw damaged(what, 'it has flags that this program does not know');
  const size = Number(bytes.readBigUInt64LE(16));
  if (!Number.isSafeInteger(size)) throw damaged(what, 'its archive would be too large');
  const sha256 = bytes.toString('hex', 32, RECIPE_HEAD);
  return { size, sha256, ranges: bytes.readUInt32LE(24), packs: bytes.readUInt32LE(28) };
}

/**
 * @param what names the file in messages.
 * @throws Failure `archive_damaged`.
 */
export function decodeRecipe(bytes: Buffer, what: string): Recipe {
  const head = decodeRecipeHead(bytes, what);
  requireChecksum(bytes, what);
  const list = decodeRanges(bodyOf(bytes), head.packs, head.ranges, what);
  let size = 0;
  for (const length of list.length) size += length;
  requireSize(size, head, what);
  return { ...head, list };
}

/** Gives the ranges on without keeping them (ranges.ts). @throws Failure `archive_damaged`, maybe behind the last range. */
export function walkRecipe(bytes: Buffer, what: string, begin: (packs: readonly string[]) => TakeRange): void {
  const head = decodeRecipeHead(bytes, what);
  requireChecksum(bytes, what);
  let size = 0;
  walkRanges(bodyOf(bytes), head.packs, head.ranges, what, (ids) => {
    const take = begin(ids);
    return (pack, start, length) => {
      size += length;
      take(pack, start, length);
    };
  });
  requireSize(size, head, what);
}

function bodyOf(bytes: Buffer): Buffer {
  return bytes.subarray(RECIPE_HEAD, bytes.length - FOOT);
}

function requireSize(size: number, head: RecipeHead, what: string): void {
  if (size !== head.size) throw damaged(what, 'its ranges are not as long as its archive');
}

/** The parts, and the CRC-32 of all of them. */
export function withChecksum(...parts: readonly Buffer[]): Buffer {
  const all = Buffer.concat([...parts, Buffer.alloc(FOOT)]);
  all.writeUInt32LE(crc32(all.subarray(0, all.length - FOOT)), all.length - FOOT);
  return all;
}

/** @throws Failure `archive_damaged`. */
export function requireChecksum(bytes: Buffer, what: string): void {
  const end = bytes.length - FOOT;
  if (end < 0 || crc32(bytes.subarray(0, end)) !== bytes.readUInt32LE(end)) {
    throw damaged(what, 'it does not match its checksum');
  }
}
