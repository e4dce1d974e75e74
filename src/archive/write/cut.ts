/**
 * Cuts the tar stream into units, each of which becomes one segment. Cuts must not move when other files change, or
 * nothing could be copied from an older archive:
 *
 * - a large file's header closes the current pack, and its content is cut at every mebibyte of *file* offset;
 * - all else is packed; a pack closes at a mebibyte or, from 128 KiB on, after an entry whose path hashes to a cut, so
 *   that one new file moves one cut and not all after it.
 */
import { createHash, hash } from 'node:crypto';
import { MEBIBYTE } from '../../base/sizes.ts';
import { entryLength, headerLength, paddingOf } from '../tar/header.ts';
import { ENTRY_KINDS } from '../entry.ts';
import { ZERO_RUN } from '../gzip/zero-segment.ts';
import type { WalkedEntry } from '../walk/walked-entry.ts';

/** A file from this size on is cut by its own offsets. */
export const LARGE_FILE = 512 * 1024;
export const PIECE_LENGTH = MEBIBYTE;
const PACK_LENGTH = MEBIBYTE;
const PACK_MINIMUM = 128 * 1024;
/** One path in 32 ends a pack that is over the minimum. */
const PACK_CUT_EVERY = 32;
/** Bounds packs of entries that take no bytes; headers alone allow fewer. */
const PACK_ENTRIES = 4096;

/** The raw bytes of any unit fit into this: a full pack, and space for files that grew since the walk. */
export const RAW_CAPACITY = PACK_LENGTH + 192 * 1024;

/** One entry of a pack; a large file's is there for its header alone. */
export interface PackedEntry extends WalkedEntry {
  readonly headerOnly?: true;
  /** In the index only; takes no bytes of the tar stream (index-only.ts). */
  readonly indexOnly?: true;
}

export interface Pack {
  readonly kind: 'pack';
  readonly entries: readonly PackedEntry[];
  /** Raw bytes as planned. */
  readonly length: number;
  /** Identifies the bytes by the metadata they came from; see reuse.ts. */
  readonly key: string;
}

/** A large file that was opened for its pieces. */
export interface LargeFile {
  readonly entry: WalkedEntry;
  /** Open for reading until its last piece was appended; threads of one process share it. */
  readonly descriptor: number;
  /** Of a file with holes: how many whole pieces from an offset on are in a hole. */
  readonly emptyPieces?: (offset: number) => number;
}

/** Consecutive pieces of a large file that lie in a hole: written as zeros without being read. */
export interface Hole {
  readonly kind: 'hole';
  readonly file: LargeFile;
  readonly offset: number;
  /** How many, each of PIECE_LENGTH. */
  readonly count: number;
  readonly length: number;
  readonly last: boolean;
  readonly key: '';
}

export interface Piece {
  readonly kind: 'piece';
  readonly file: LargeFile;
  readonly offset: number;
  /** Bytes of the file; at its end the padding follows. */
  readonly content: number;
  readonly length: number;
  readonly last: boolean;
  readonly key: string;
}

export type Unit = Pack | Piece | Hole;

/**
 * Opens a large file, and gives it back with the size and times that its header will carry. Undefined when it cannot
 * be read (a warning was given).
 */
export type OpenLarge = (entry: WalkedEntry) => LargeFile | undefined;

/** Cuts walked entries into units, in order. The consumer of the units closes the files that `openLarge` returns. */
export function* cutUnits(entries: Iterable<PackedEntry>, openLarge: OpenLarge): Generator<Unit, void, void> {
  let pack: PackedEntry[] = [];
  let length = 0;
  const close = (): Pack => {
    const unit = packOf(pack, length);
    pack = [];
    length = 0;
    return unit;
  };
  for (const entry of entries) {
    if (entry.kind === 'file' && entry.size >= LARGE_FILE && entry.headerOnly !== true) {
      const file = openLarge(entry);
      if (file === undefined) continue;
      pack.push({ ...file.entry, headerOnly: true });
      length += headerLength(file.entry);
      yield close();
      yield* pieces(file);
      continue;
    }
    const added = packedLength(entry);
    if (pack.length === PACK_ENTRIES || (length + added > PACK_LENGTH && pack.length > 0)) yield close();
    pack.push(entry);
    length += added;
    if (length >= PACK_MINIMUM && endsPack(entry.path)) yield close();
  }
  if (pack.length > 0) yield close();
}

function packOf(entries: readonly PackedEntry[], length: number): Pack {
  return { kind: 'pack', entries, length, key: packKey(entries) };
}

/** Bytes that an entry takes in a pack. */
export function packedLength(entry: PackedEntry): number {
  if (entry.indexOnly === true) return 0;
  return entry.headerOnly === true ? headerLength(entry) : entryLength(entry);
}

/** The pieces of a large file, in order; none for an empty one. */
function* pieces(file: LargeFile): Generator<Piece | Hole, void, void> {
  const { size } = file.entry;
  for (let offset = 0; offset < size; offset += PIECE_LENGTH) {
    const empty = Math.min(file.emptyPieces?.(offset) ?? 0, ZERO_RUN);
    if (empty > 0) {
      const length = empty * PIECE_LENGTH;
      yield { kind: 'hole', file, offset, count: empty, length, last: offset + length === size, key: '' };
      offset += length - PIECE_LENGTH;
      continue;
    }
    const content = Math.min(PIECE_LENGTH, size - offset);
    const last = offset + content === size;
    const length = content + (last ? paddingOf(size) : 0);
    yield { kind: 'piece', file, offset, content, length, last, key: pieceKey(file.entry, offset) };
  }
}

function endsPack(path: string): boolean {
  return pathHash(path) % PACK_CUT_EVERY === 0;
}

/** FNV-1a over the path, 32 bits: cheap, and the same on every run. */
export function pathHash(path: string): number {
  let sum = 0x811c9dc5;
  for (let index = 0; index < path.length; index++) {
    sum = Math.imul(sum ^ path.charCodeAt(index), 0x01000193);
  }
  return sum >>> 0;
}

/** Numbers of an entry that its pack's key is made of. */
const KEY_FIELDS = 9;

function packKey(entries: readonly PackedEntry[]): string {
  let names = '';
  // Not as text: formatting numbers took as long as the stat of the file.
  const numbers = new Float64Array(entries.length * KEY_FIELDS);
  let at = 0;
  for (const entry of entries) {
    // NUL ends each: neither can hold one.
    names += `${entry.path}\0${entry.target ?? ''}\0`;
    if (entry.attributes !== undefined) names += `${JSON.stringify(entry.attributes)}\0`;
    numbers[at] =
      ENTRY_KINDS.indexOf(entry.kind) + (entry.headerOnly === true ? 16 : 0) + (entry.indexOnly === true ? 32 : 0);
    numbers[at + 1] = entry.mode;
    numbers[at + 2] = entry.uid;
    numbers[at + 3] = entry.gid;
    numbers[at + 4] = entry.size;
    numbers[at + 5] = entry.mtimeMs;
    if (entry.kind === 'file' && entry.headerOnly !== true) {
      numbers[at + 6] = entry.dev;
      numbers[at + 7] = entry.ino;
      numbers[at + 8] = entry.ctimeMs;
    }
    at += KEY_FIELDS;
  }
  return shortened(createHash('sha256').update(numbers).update(names, 'latin1').digest());
}

function pieceKey(entry: WalkedEntry, offset: number): string {
  return digest(`piece ${offset} ${entry.size}${identity(entry)}`);
}

/** Two files with the same identity hold the same bytes, once the times are old enough (reuse.ts). */
function identity(entry: WalkedEntry): string {
  return ` ${entry.dev} ${entry.ino} ${entry.mtimeMs} ${entry.ctimeMs}`;
}

function digest(text: string): string {
  return shortened(hash('sha256', Buffer.from(text, 'latin1'), 'buffer'));
}

/** Half of a SHA-256 as 16 characters of one byte each. */
function shortened(sha256: Buffer): string {
  return sha256.toString('latin1', 0, 16);
}
