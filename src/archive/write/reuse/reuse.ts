/**
 * Copies unchanged segments from an older archive of the same directory, so that no archive depends on another.
 *
 * Equal keys mean files with equal metadata. That means equal bytes only if the files were at rest before the older
 * backup read them: all times must lie as long before that reading began as a file can change without new times
 * (write-back.ts).
 */
import type { ByteSource } from '../../../base/source.ts';
import type { CompressionLevel, WriteBase } from '../../contract.ts';
import { type BaseArchive, openBaseArchive } from './base-archive.ts';
import type { Unit } from '../cut.ts';
import type { NearStretch, SegmentResult, StoredStretch } from '../messages.ts';
import { Predecessors, type StoredRange, type StoredSegments } from './predecessors.ts';
import { openFileSource } from '../../../base/files/file-source.ts';
import type { IndexSummary, Segment } from '../../index/format.ts';
import { belongsTo } from '../../gzip/frame.ts';
import { IndexReader } from '../../index/reader.ts';
import type { TreeTotals } from '../tree-count.ts';
import { settledAfterMs } from './write-back.ts';
import type { WalkedEntry } from '../../walk/walked-entry.ts';

export class ReuseBase {
  readonly #archive: BaseArchive;
  readonly #predecessors: Predecessors | undefined;
  readonly #segments: ReadonlyMap<string, Segment>;
  readonly #settledBefore: number;
  /** What the older archive holds: about what the new one will. */
  readonly totals: TreeTotals;

  /**
   * Opens an older archive to copy from; undefined when it cannot serve: no index, an index of another archive, damage, and
   * another level unless bytes are compared. A backup never fails because an older one is of no use.
   *
   * @param shares also finds which bytes of newly made units it has.
   * @param settledMs how long before the older backup files must have been at rest.
   */
  static async open(
    { archive, index }: WriteBase,
    level: CompressionLevel,
    shares: boolean,
    settledMs = settledAfterMs(),
  ): Promise<ReuseBase | undefined> {
    let source: BaseArchive | undefined;
    let indexSource: ByteSource | undefined;
    try {
      source = openBaseArchive(archive);
      indexSource = openFileSource(index);
      const reader = await IndexReader.open(indexSource);
      const isOfLevel = reader.summary.level === level;
      if ((isOfLevel || shares) && (await belongsTo(reader, source))) {
        // One of another level is compared only: its stored runs are the same, and those alone.
        const segments = isOfLevel ? await segmentsByKey(reader) : new Map<string, Segment>();
        const predecessors = shares ? await Predecessors.open(reader, indexSource) : undefined;
        if (predecessors !== undefined) indexSource = undefined;
        const base = new ReuseBase(source, predecessors, segments, reader.summary, settledMs);
        source = undefined;
        return base;
      }
      return undefined;
    } catch {
      // Damaged or unreadable: everything is read from the files instead.
      return undefined;
    } finally {
      await source?.close();
      await indexSource?.close();
    }
  }

  private constructor(
    archive: BaseArchive,
    predecessors: Predecessors | undefined,
    segments: ReadonlyMap<string, Segment>,
    { rawSize, files, startedAt }: IndexSummary,
    settledMs: number,
  ) {
    this.#archive = archive;
    this.#predecessors = predecessors;
    this.#segments = segments;
    this.#settledBefore = startedAt - settledMs;
    this.totals = { bytes: rawSize, files };
  }

  /** A range of its stored bytes, with the files that hold them. */
  stretch({ offset, length }: StoredRange): StoredStretch {
    return { offset, length, extents: this.#archive.extents(offset, length) };
  }

  /** Where the stored bytes of a unit are expected; undefined when it was not there, or nothing is compared. */
  async near(unit: Unit): Promise<NearStretch | undefined> {
    return this.#near(await this.#predecessors?.of(unit).catch(() => undefined));
  }

  /** An older segment with the same CRC-32, raw length and stored length: a file that was renamed or copied. */
  twin({ crcRaw, rawLength, storedLength }: SegmentResult): NearStretch | undefined {
    const found = this.#predecessors?.twin(crcRaw, rawLength);
    return found?.length === storedLength ? this.#near(found) : undefined;
  }

  /** The older segment that holds a unit's bytes, if any. */
  find(unit: Unit): Segment | undefined {
    const segment = this.#segments.get(unit.key);
    if (segment === undefined || segment.rawLength !== unit.length || !this.#holds(segment)) return undefined;
    return this.#settled(unit) ? segment : undefined;
  }

  async close(): Promise<void> {
    await this.#predecessors?.close();
    await this.#archive.close();
  }

  #near(found: StoredSegments | undefined): NearStretch | undefined {
    return found !== undefined && this.#holds(found) ? { ...this.stretch(found), checks: found.checks } : undefined;
  }

  /** True when the range lies inside the archive; a damaged index may name others. */
  #holds({ offset, length }: StoredRange): boolean {
    return offset >= 0 && length >= 0 && offset + length <= this.#archive.size;
  }

  #settled(unit: Unit): boolean {
    if (unit.kind !== 'pack') return this.#isOld(unit.file.entry);
    return unit.entries.every((entry) => entry.kind !== 'file' || entry.headerOnly === true || this.#isOld(entry));
  }

  #isOld(entry: WalkedEntry): boolean {
    return entry.mtimeMs < this.#settledBefore && entry.ctimeMs < this.#settledBefore;
  }
}

async function segmentsByKey(reader: IndexReader): Promise<Map<string, Segment>> {
  const segments = new Map<string, Segment>();
  for await (const segment of reader.segments()) if (segment.key !== '') segments.set(segment.key, segment);
  return segments;
}
