/**
 * The index beside an archive (docs/archive-format.md, "The index"): where each entry and each segment lies.
 *
 *   magic "ROOSTIDX" | blocks … | directory | footer
 *
 * For: finding one path without reading the archive. Promises: a block of entries or segments inflates alone, and the
 * directory says where each begins; the index can be written as a stream, because the footer comes last; each block and
 * the directory have a CRC-32, so any damage is found. Never: reads files. All numbers are little endian.
 */
import { crc32, deflateRawSync, inflateRawSync } from 'node:zlib';
import { MEBIBYTE } from '../../base/sizes.ts';
import { Failure } from '../../base/failure.ts';
import type { CompressionLevel, EngineName } from '../contract.ts';
import { type Attribute, type Entry, ENTRY_KINDS } from '../entry.ts';

/** Bytes of the list of entries that are in the index only: some 500,000 directories of usual names. */
export const MAX_INDEX_ONLY_RAW = 16 * MEBIBYTE;

export const MAGIC = Buffer.from('ROOSTIDX', 'latin1');
/** A reader of version 1 passes an index of version 2 over, and reads the archive through instead. */
const VERSION = 1;
/** With entries that have fields beyond those of version 1; an index without any is of version 1. */
const VERSION_MORE_FIELDS = 2;
/** In the byte of an entry's kind: further fields follow its target. */
const MORE_FIELDS = 0x10;
/** Further fields; unknown ones are passed over. */
const FIELD_ATTRIBUTE = 1;
const FIELD_ALLOCATED = 2;
export const FOOTER_LENGTH = 40;

/** One byte range of the archive that inflates alone. */
export interface Segment {
  /** Where its stored bytes begin in the archive. */
  readonly offset: number;
  readonly length: number;
  /** Where its raw bytes begin in the tar stream. */
  readonly rawOffset: number;
  readonly rawLength: number;
  readonly crcRaw: number;
  readonly crcStored: number;
  /** The reuse key, 16 characters of one byte each; '' when its bytes must not be taken over. */
  readonly key: string;
}

/** An entry, with where its header begins in the tar stream and how long that header is. */
export interface IndexedEntry extends Entry {
  readonly tarOffset: number;
  readonly headerLength: number;
}

/** What an index says of its archive as a whole. */
export interface IndexSummary {
  readonly size: number;
  readonly rawSize: number;
  readonly sha256: string;
  /** The gzip trailer's CRC-32: with the size, it shows whether an index belongs to an archive. */
  readonly crc32: number;
  readonly entries: number;
  readonly files: number;
  readonly level: CompressionLevel;
  readonly engine: EngineName;
  /** Bytes of content that unpacking it writes; absent when no file has holes, and it is all of it. */
  readonly allocated?: number;
  /** When reading began, in ms since the epoch. */
  readonly startedAt: number;
}

/** Where a deflated block lies in the index. */
export interface Block {
  readonly offset: number;
  readonly length: number;
  readonly rawLength: number;
  readonly crc: number;
}

export interface EntryBlock extends Block {
  readonly count: number;
  /** The tar name of its first entry, a byte string. */
  readonly first: string;
}

export interface SegmentBlock extends Block {
  readonly count: number;
  /** Offset and raw offset of its first segment; the others follow from the lengths. */
  readonly segmentOffset: number;
  readonly segmentRawOffset: number;
}

export interface IndexDirectory {
  readonly summary: IndexSummary;
  readonly entryBlocks: readonly EntryBlock[];
  readonly segmentBlocks: readonly SegmentBlock[];
}

/** Deflates a block or the directory. */
export function packBlock(raw: Uint8Array): { stored: Buffer; crc: number } {
  const stored = deflateRawSync(raw, { level: 1 });
  return { stored, crc: crc32(stored) };
}

/** @throws Failure `archive_damaged` when the bytes do not match their checksum or length. */
export function unpackBlock(stored: Uint8Array, crc: number, rawLength: number): Buffer {
  if (crc32(stored) !== crc) throw indexDamaged('a block does not match its checksum');
  try {
    // One chunk of the right length: zlib would else join many small ones.
    const raw = inflateRawSync(stored, { maxOutputLength: rawLength, chunkSize: Math.max(rawLength + 1, 64) });
    if (raw.length === rawLength) return raw;
  } catch (error) {
    throw indexDamaged('a block does not inflate', error);
  }
  throw indexDamaged('a block has another length');
}

/** @param more true when some entry has further fields. */
export function encodeFooter(offset: number, length: number, rawLength: number, crc: number, more = false): Buffer {
  const footer = Buffer.alloc(FOOTER_LENGTH);
  footer.writeUInt32LE(more ? VERSION_MORE_FIELDS : VERSION, 0);
  footer.writeDoubleLE(offset, 4);
  footer.writeUInt32LE(length, 12);
  footer.writeUInt32LE(rawLength, 16);
  footer.writeUInt32LE(crc, 20);
  footer.writeUInt32LE(crc32(footer.subarray(0, 24)), 24);
  MAGIC.copy(footer, FOOTER_LENGTH - MAGIC.length);
  return footer;
}

/** @throws Failure `archive_damaged` when it is no footer, or of a version that this program does not know. */
export function decodeFooter(footer: Buffer): Block {
  if (footer.length !== FOOTER_LENGTH || !footer.subarray(FOOTER_LENGTH - MAGIC.length).equals(MAGIC)) {
    throw indexDamaged('it does not end as an index does');
  }
  if (crc32(footer.subarray(0, 24)) !== footer.readUInt32LE(24)) throw indexDamaged('its footer is damaged');
  const version = footer.readUInt32LE(0);
  if (version !== VERSION && version !== VERSION_MORE_FIELDS) {
    throw indexDamaged(`it is of version ${version}, and this program reads ${VERSION_MORE_FIELDS}`);
  }
  return {
    offset: footer.readDoubleLE(4),
    length: footer.readUInt32LE(12),
    rawLength: footer.readUInt32LE(16),
    crc: footer.readUInt32LE(20),
  };
}

export function indexDamaged(what: string, cause?: unknown): Failure {
  return new Failure('archive_damaged', `Cannot use the index of this archive: ${what}`, {
    cause,
    hint: 'The archive itself may be whole: remove the .index file beside it, and it is read through instead.',
  });
}

export const SEGMENT_RECORD = 32;

/** Writes segment records: stored length, raw length, both CRCs, key. */
export function encodeSegments(segments: readonly Segment[]): Buffer {
  const raw = Buffer.alloc(segments.length * SEGMENT_RECORD);
  for (const [index, segment] of segments.entries()) {
    const at = index * SEGMENT_RECORD;
    raw.writeUInt32LE(segment.length, at);
    raw.writeUInt32LE(segment.rawLength, at + 4);
    raw.writeUInt32LE(segment.crcRaw, at + 8);
    raw.writeUInt32LE(segment.crcStored, at + 12);
    raw.write(segment.key, at + 16, 16, 'latin1');
  }
  return raw;
}

const NO_KEY = '\0'.repeat(16);

/** Yields the segments of a block's raw bytes. */
export function* decodeSegments(raw: Buffer, block: SegmentBlock): Generator<Segment, void, void> {
  if (raw.length !== block.count * SEGMENT_RECORD) throw indexDamaged('a block of segments has another length');
  let offset = block.segmentOffset;
  let rawOffset = block.segmentRawOffset;
  for (let at = 0; at < raw.length; at += SEGMENT_RECORD) {
    const length = raw.readUInt32LE(at);
    const rawLength = raw.readUInt32LE(at + 4);
    const crcRaw = raw.readUInt32LE(at + 8);
    const crcStored = raw.readUInt32LE(at + 12);
    const key = raw.toString('latin1', at + 16, at + SEGMENT_RECORD);
    yield { offset, length, rawOffset, rawLength, crcRaw, crcStored, key: key === NO_KEY ? '' : key };
    offset += length;
    rawOffset += rawLength;
  }
}

/** Appends entries to a block: each path as what it shares with the one before, and the rest. */
export class EntryBlockEncoder {
  #bytes = Buffer.allocUnsafe(256 * 1024);
  #length = 0;
  #previous = '';
  #previousOffset = 0;
  count = 0;
  /** True once an entry had further fields; stays so when the block is taken. */
  hasMoreFields = false;

  add(entry: IndexedEntry): void {
    const target = entry.target ?? '';
    this.#reserve(entry.path.length + target.length + 96);
    const shared = sharedPrefix(this.#previous, entry.path);
    const more = entry.attributes !== undefined || entry.allocated !== undefined;
    this.#byte(ENTRY_KINDS.indexOf(entry.kind) | (more ? MORE_FIELDS : 0));
    this.#number(shared);
    this.#text(entry.path.slice(shared));
    this.#number(entry.size);
    this.#number(entry.mode);
    this.#number(entry.uid);
    this.#number(entry.gid);
    this.#number(entry.mtime < 0 ? -entry.mtime * 2 - 1 : entry.mtime * 2);
    this.#number(entry.tarOffset - this.#previousOffset);
    this.#number(entry.headerLength);
    this.#text(target);
    if (more) this.#moreFields(entry);
    this.#previous = entry.path;
    this.#previousOffset = entry.tarOffset;
    this.count++;
  }

  get length(): number {
    return this.#length;
  }

  /** The block's raw bytes; the encoder is empty again. */
  take(): Buffer {
    const raw = Buffer.from(this.#bytes.subarray(0, this.#length));
    this.#length = 0;
    this.#previous = '';
    this.#previousOffset = 0;
    this.count = 0;
    return raw;
  }

  #moreFields({ attributes = [], allocated }: IndexedEntry): void {
    this.hasMoreFields = true;
    const fields = attributes.map(([name, value]) => [FIELD_ATTRIBUTE, `${name}\0${value}`] as const);
    const all = allocated === undefined ? fields : [...fields, [FIELD_ALLOCATED, String(allocated)] as const];
    this.#reserve(all.reduce((sum, [, text]) => sum + text.length + 8, 16));
    this.#number(all.length);
    for (const [field, text] of all) {
      this.#byte(field);
      this.#text(text);
    }
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe((this.#length + bytes) * 2);
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }

  #byte(value: number): void {
    this.#bytes[this.#length++] = value;
  }

  /** A whole number of up to 53 bits, seven bits a byte, the lowest first. */
  #number(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.#byte((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.#byte(rest);
  }

  #text(text: string): void {
    this.#number(text.length);
    this.#length += this.#bytes.write(text, this.#length, 'latin1');
  }
}

/** Yields the entries of a block's raw bytes. */
export function* decodeEntries(raw: Buffer): Generator<IndexedEntry, void, void> {
  const cursor = new Cursor(raw);
  let path = '';
  let tarOffset = 0;
  while (!cursor.atEnd) {
    const byte = cursor.byte();
    const kind = ENTRY_KINDS[byte & ~MORE_FIELDS];
    if (kind === undefined) throw indexDamaged('an entry is of no known kind');
    path = path.slice(0, cursor.number()) + cursor.text();
    const size = cursor.number();
    const mode = cursor.number();
    const uid = cursor.number();
    const gid = cursor.number();
    const time = cursor.number();
    const mtime = time % 2 === 1 ? -(time + 1) / 2 : time / 2;
    tarOffset += cursor.number();
    const headerLength = cursor.number();
    const target = cursor.text();
    const entry = { path, kind, size, mode, uid, gid, mtime, tarOffset, headerLength };
    const whole = kind === 'symlink' || kind === 'hardlink' ? { ...entry, target } : entry;
    yield (byte & MORE_FIELDS) === 0 ? whole : { ...whole, ...moreFields(cursor) };
  }
}

function moreFields(cursor: Cursor): Pick<IndexedEntry, 'attributes' | 'allocated'> {
  const attributes: Attribute[] = [];
  let allocated: number | undefined;
  for (let left = cursor.number(); left > 0; left--) {
    const field = cursor.byte();
    const text = cursor.text();
    const end = text.indexOf('\0');
    if (field === FIELD_ATTRIBUTE && end > 0) attributes.push([text.slice(0, end), text.slice(end + 1)]);
    else if (field === FIELD_ALLOCATED && /^\d{1,15}$/.test(text)) allocated = Number(text);
    else if (field === FIELD_ATTRIBUTE || field === FIELD_ALLOCATED)
      throw indexDamaged('a field of an entry is malformed');
  }
  return {
    ...(attributes.length === 0 ? {} : { attributes }),
    ...(allocated === undefined ? {} : { allocated }),
  };
}

class Cursor {
  readonly #raw: Buffer;
  #at = 0;

  constructor(raw: Buffer) {
    this.#raw = raw;
  }

  get atEnd(): boolean {
    return this.#at >= this.#raw.length;
  }

  byte(): number {
    const value = this.#raw[this.#at++];
    if (value === undefined) throw indexDamaged('an entry ends early');
    return value;
  }

  number(): number {
    let value = 0;
    for (let factor = 1; factor <= 2 ** 49; factor *= 0x80) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
    throw indexDamaged('a number is too long');
  }

  text(): string {
    const length = this.number();
    const end = this.#at + length;
    if (end > this.#raw.length) throw indexDamaged('a name ends early');
    const text = this.#raw.toString('latin1', this.#at, end);
    this.#at = end;
    return text;
  }
}

function sharedPrefix(a: string, b: string): number {
  const most = Math.min(a.length, b.length);
  let length = 0;
  while (length < most && a.charCodeAt(length) === b.charCodeAt(length)) length++;
  return length;
}

/** True when a file of that size which begins with these bytes is an index; they may be fewer than the file has. */
export function isIndexFile(start: Uint8Array, size: number): boolean {
  return size >= FOOTER_LENGTH && MAGIC.equals(start.subarray(0, MAGIC.length));
}
