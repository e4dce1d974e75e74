/**
 * Appends finished segments in order, and keeps all that depends on the order: offsets, the sha256, the CRC of the whole
 * stream, the counts and the index. Every stored byte is hashed once.
 */
import { createHash } from 'node:crypto';
import { constants, crc32, deflateRawSync } from 'node:zlib';
import { Failure } from '../../base/failure.ts';
import { formatBytes } from '../../base/sizes.ts';
import type { CompressionLevel, EngineName, WriteResult } from '../contract.ts';
import { IndexOnlyEntries } from './index-only.ts';
import { combineCrc32 } from '../gzip/crc32.ts';
import type { PackedEntry, Unit } from './cut.ts';
import type { ArchiveWarning, Entry, WarningCode } from '../entry.ts';
import { ZERO_SEGMENT } from '../gzip/zero-segment.ts';
import { END_OF_ARCHIVE, GZIP_HEADER, gzipTrailer } from '../gzip/frame.ts';
import type { Segment } from '../index/format.ts';
import { IndexWriter } from '../index/writer.ts';
import type { EntryChange, SegmentResult } from './messages.ts';
import { headerLength, paddingOf } from '../tar/header.ts';

/** Warnings that are kept; all are counted. */
const MAX_WARNINGS = 1000;

/** Describes the bytes that are appended. */
export type SealedSegment = Pick<Segment, 'rawLength' | 'crcRaw' | 'crcStored' | 'key'>;

type EntryResult = Pick<SegmentResult, 'changes' | 'rest'>;

export interface AssemblerOptions {
  readonly level: CompressionLevel;
  readonly engine: EngineName;
  readonly maxSize: number;
  readonly startedAt: number;
  /** Takes the archive's bytes outside segments: the gzip frame. */
  readonly emit: (bytes: Buffer) => void;
  readonly emitIndex: (bytes: Buffer) => void;
}

export class Assembler {
  readonly #options: AssemblerOptions;
  readonly #sha256 = createHash('sha256');
  readonly #index: IndexWriter;
  readonly #indexOnly = new IndexOnlyEntries();
  readonly #warnings: ArchiveWarning[] = [];
  readonly #warned = new Set<string>();
  #warningCount = 0;
  #size = 0;
  #rawSize = 0;
  #crc = 0;
  #entries = 0;
  #files = 0;
  #reusedBytes = 0;
  #bytes = 0;
  /** Bytes of content that need no space on disk. */
  #holes = 0;

  constructor(options: AssemblerOptions) {
    this.#options = options;
    this.#index = new IndexWriter(options.emitIndex);
    this.#frame(GZIP_HEADER);
  }

  get rawSize(): number {
    return this.#rawSize;
  }

  get files(): number {
    return this.#files;
  }

  /**
   * Appends a unit's segment.
   *
   * @param stored its bytes; hashed here, written by the caller.
   * @param result says which entries are not what the unit says, and which of a pack are not in it.
   */
  append(unit: Unit, sealed: SealedSegment, stored: Uint8Array, { changes, rest }: EntryResult): void {
    if (unit.kind === 'pack') this.#addEntries(unit.entries.slice(0, rest), changes);
    if (unit.kind === 'hole') this.#addHole(unit.count, sealed, stored);
    else if (sealed.rawLength > 0) this.#addSegment(sealed, stored);
  }

  /** @throws Failure `too_large` when so many stored bytes, which are still to come, pass the limit. */
  requireSpaceFor(stored: number): void {
    this.#requireSize(this.#size + stored);
  }

  /** Counts a segment that was taken over from an older archive. */
  countReused(length: number): void {
    this.#reusedBytes += length;
  }

  warn(path: string, code: WarningCode, message: string): void {
    this.#warningCount++;
    if (this.#warnings.length < MAX_WARNINGS) this.#warnings.push({ path, code, message });
    if (this.#warned.size < 100 * MAX_WARNINGS) this.#warned.add(path);
  }

  /** True when a path has a warning already. */
  hasWarned(path: string): boolean {
    return this.#warned.has(path);
  }

  /** Writes the end of the tar stream, of the gzip member and of the index. */
  finish(): WriteResult {
    const aside = this.#indexOnly.finish();
    if (aside === null) {
      const message = 'There are so many directories and links that the index alone holds them, not the manifest too';
      this.warn('', 'manifest_full', message);
    }
    this.#endOfArchive();
    this.#frame(gzipTrailer(this.#crc, this.#rawSize));
    const { level, engine, startedAt } = this.#options;
    const sha256 = this.#sha256.digest('hex');
    const [size, rawSize, entries, files] = [this.#size, this.#rawSize, this.#entries, this.#files];
    const bytes = this.#bytes;
    const sparse = this.#holes > 0 ? { allocated: bytes - this.#holes } : {};
    this.#index.finish({
      size,
      rawSize,
      sha256,
      crc32: this.#crc,
      entries,
      files,
      level,
      engine,
      ...sparse,
      startedAt,
    });
    const [warnings, warningCount, reusedBytes] = [this.#warnings, this.#warningCount, this.#reusedBytes];
    const result = {
      size,
      rawSize,
      bytes,
      ...sparse,
      sha256,
      entries,
      files,
      warnings,
      warningCount,
      reusedBytes,
      engine,
      startedAt,
    };
    return aside instanceof Uint8Array ? { ...result, aside } : result;
  }

  #addEntries(entries: readonly PackedEntry[], changes: readonly EntryChange[]): void {
    let tarOffset = this.#rawSize;
    let next = 0;
    for (const [index, planned] of entries.entries()) {
      const change = changes[next]?.index === index ? changes[next++] : undefined;
      if (change !== undefined && change.entry === undefined) continue;
      const entry: Entry = change?.entry ?? planned;
      this.#entries++;
      if (planned.indexOnly === true) {
        this.#index.addEntry({ ...entry, tarOffset, headerLength: 0 });
        this.#indexOnly.add(entry);
        continue;
      }
      const header = headerLength(entry);
      this.#index.addEntry({ ...entry, tarOffset, headerLength: header });
      tarOffset += planned.headerOnly === true ? header : header + entry.size + paddingOf(entry.size);
      if (entry.kind === 'file' || entry.kind === 'hardlink') this.#files++;
      this.#bytes += entry.size;
      if (entry.allocated !== undefined) this.#holes += entry.size - entry.allocated;
    }
  }

  #addSegment(sealed: SealedSegment, stored: Uint8Array): void {
    const { rawLength, crcRaw, crcStored, key } = sealed;
    this.#index.addSegment({
      offset: this.#size,
      length: stored.length,
      rawOffset: this.#rawSize,
      rawLength,
      crcRaw,
      crcStored,
      key,
    });
    this.#crc = combineCrc32(this.#crc, crcRaw, rawLength);
    this.#rawSize += rawLength;
    this.#count(stored);
  }

  /** A run of equal segments: an index record for each, all bytes in one pass. */
  #addHole(count: number, { crcRaw, crcStored }: SealedSegment, stored: Uint8Array): void {
    const length = stored.length / count;
    for (let number = 0; number < count; number++) {
      const [offset, rawOffset] = [this.#size + number * length, this.#rawSize];
      this.#index.addSegment({ offset, length, rawOffset, rawLength: ZERO_SEGMENT, crcRaw, crcStored, key: '' });
      this.#crc = combineCrc32(this.#crc, crcRaw, ZERO_SEGMENT);
      this.#rawSize += ZERO_SEGMENT;
    }
    this.#count(stored);
  }

  #endOfArchive(): void {
    const stored = deflateRawSync(END_OF_ARCHIVE, { finishFlush: constants.Z_SYNC_FLUSH });
    const crcRaw = crc32(END_OF_ARCHIVE);
    this.#addSegment({ rawLength: END_OF_ARCHIVE.length, crcRaw, crcStored: crc32(stored), key: '' }, stored);
    this.#options.emit(stored);
  }

  #frame(bytes: Buffer): void {
    this.#count(bytes);
    this.#options.emit(bytes);
  }

  #count(stored: Uint8Array): void {
    this.#sha256.update(stored);
    this.#size += stored.length;
    this.#requireSize(this.#size);
  }

  #requireSize(size: number): void {
    const { maxSize } = this.#options;
    if (maxSize > 0 && size > maxSize) {
      throw new Failure('too_large', `Cannot finish the archive: it passes ${formatBytes(maxSize)}, its limit`, {
        facts: { limit: maxSize },
        hint: 'Ignore what need not be kept (logs, caches, old backups), or have the limit raised.',
      });
    }
  }
}
