/**
 * A map: for a pack whose bytes were moved there, the ranges of older packs that they come from, in order (docs/vault.md).
 *
 *   "ROOSTMAP" | version u32 = 1 | packs u32 | ranges u32 | ids | ranges (ranges.ts) | CRC-32 of all before
 *
 * Recipes name the place where bytes were first written, so moving bytes changes no recipe.
 */
import { damaged, decodeRanges, encodePacks, encodeRanges, type RangeList } from '../ranges.ts';
import { requireChecksum, withChecksum } from './recipe.ts';

const MAGIC = Buffer.from('ROOSTMAP', 'latin1');
const VERSION = 1;
const HEAD = 20;
const FOOT = 4;

export function encodeMap(list: RangeList): Buffer {
  const head = Buffer.alloc(HEAD);
  MAGIC.copy(head);
  head.writeUInt32LE(VERSION, 8);
  head.writeUInt32LE(list.packs.length, 12);
  head.writeUInt32LE(list.count, 16);
  return withChecksum(head, encodePacks(list.packs), encodeRanges(list));
}

/**
 * @param what names the file in messages.
 * @throws Failure `archive_damaged`.
 */
export function decodeMap(bytes: Buffer, what: string): RangeList {
  if (bytes.length < HEAD + FOOT || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw damaged(what, 'it is no map');
  if (bytes.readUInt32LE(8) !== VERSION) throw damaged(what, `it is of version ${bytes.readUInt32LE(8)}`);
  requireChecksum(bytes, what);
  return decodeRanges(bytes.subarray(HEAD, bytes.length - FOOT), bytes.readUInt32LE(12), bytes.readUInt32LE(16), what);
}
