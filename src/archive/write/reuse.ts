/**
 * Copies unchanged segments from an older archive of the same directory, so that no archive depends on another.
 *
 * Equal keys mean files with equal metadata. That means equal bytes only if the files were at rest before the older
 * backup read them, because within one tick of the file system's clock a file can change twice and show one time. So all
 * times must lie two seconds before that reading began.
 */
import type { ByteSource } from '../../base/source.ts';
import type { CompressionLevel } from '../contract.ts';
import type { Unit } from './cut.ts';
import { openFileSource } from '../../base/files/file-source.ts';
import type { IndexSummary, Segment } from '../index/format.ts';
import { belongsTo } from '../gzip/frame.ts';
import { IndexReader } from '../index/reader.ts';
import type { TreeTotals } from './tree-count.ts';
import type { WalkedEntry } from '../walk/walk.ts';

const SETTLED_MS = 2000;

export class ReuseBase {
  readonly #archive: ByteSource & { readonly descriptor: number };
  readonly #segments: ReadonlyMap<string, Segment>;
  readonly #settledBefore: number;
  /** What the older archive holds: about what the new one will. */
  readonly totals: TreeTotals;

  /**
   * Opens an older archive to copy from; undefined when it cannot serve: another level, no index, an index of another
   * archive, damage. A backup never fails because an older one is of no use.
   */
  static async open(archive: string, index: string, level: CompressionLevel): Promise<ReuseBase | undefined> {
    let source: (ByteSource & { readonly descriptor: number }) | undefined;
    let indexSource: ByteSource | undefined;
    try {
      source = openFileSource(archive);
      indexSource = openFileSource(index);
      const reader = await IndexReader.open(indexSource);
      if (reader.summary.level === level && (await belongsTo(reader, source))) {
        const base = new ReuseBase(source, await segmentsByKey(reader), reader.summary);
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
    archive: ByteSource & { readonly descriptor: number },
    segments: ReadonlyMap<string, Segment>,
    { rawSize, files, startedAt }: IndexSummary,
  ) {
    this.#archive = archive;
    this.#segments = segments;
    this.#settledBefore = startedAt - SETTLED_MS;
    this.totals = { bytes: rawSize, files };
  }

  get descriptor(): number {
    return this.#archive.descriptor;
  }

  /** The older segment that holds a unit's bytes, if any. */
  find(unit: Unit): Segment | undefined {
    const segment = this.#segments.get(unit.key);
    if (segment === undefined || segment.rawLength !== unit.length) return undefined;
    return this.#settled(unit) ? segment : undefined;
  }

  async close(): Promise<void> {
    await this.#archive.close();
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
