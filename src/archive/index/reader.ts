/** Reads an index block by block: a path costs one or two blocks, and all entries are never held at once. */
import { MEBIBYTE } from '../../base/sizes.ts';
import { type ByteSource, useBytes } from '../../base/source.ts';
import { freeMemory } from '../../base/free-memory.ts';
import { decodeDirectory } from './directory.ts';
import {
  type Block,
  decodeEntries,
  decodeFooter,
  decodeSegments,
  type EntryBlock,
  FOOTER_LENGTH,
  indexDamaged,
  type IndexDirectory,
  type IndexedEntry,
  type IndexSummary,
  type Segment,
  type SegmentBlock,
  unpackBlock,
} from './format.ts';
import { tarName } from '../tar/header.ts';

/** A million entries need about 50 KiB. */
const MAX_DIRECTORY = 256 * MEBIBYTE;

export class IndexReader {
  readonly #source: ByteSource;
  readonly #directory: IndexDirectory;
  /** The block decoded last: a listing asks for neighbours one after another. */
  #latest: { readonly block: EntryBlock; readonly entries: readonly IndexedEntry[] } | undefined;
  /** The block that one entry was looked for in. */
  #asked: EntryBlock | undefined;

  /**
   * Reads the directory of an index.
   *
   * @throws Failure `archive_damaged` when it is no index, is damaged, or is of another version.
   */
  static async open(source: ByteSource): Promise<IndexReader> {
    if (source.size < FOOTER_LENGTH) throw indexDamaged('it is too short');
    const footer = await useBytes(source, source.size - FOOTER_LENGTH, FOOTER_LENGTH, decodeFooter);
    const { offset, length, rawLength, crc } = footer;
    if (!(offset >= 0) || offset + length !== source.size - FOOTER_LENGTH || rawLength > MAX_DIRECTORY) {
      throw indexDamaged('its directory lies outside of it');
    }
    const block = { offset, length, rawLength, crc };
    return new IndexReader(source, await useBlock(source, block, decodeDirectory));
  }

  private constructor(source: ByteSource, directory: IndexDirectory) {
    this.#source = source;
    this.#directory = directory;
  }

  get summary(): IndexSummary {
    return this.#directory.summary;
  }

  /**
   * Reads every block once, and keeps none.
   *
   * @throws Failure `archive_damaged` when one is damaged.
   */
  async check(): Promise<void> {
    const { entryBlocks, segmentBlocks } = this.#directory;
    for (const block of [...entryBlocks, ...segmentBlocks]) await useBlock(this.#source, block, () => undefined);
  }

  /**
   * Entries in order, a block at a time.
   *
   * @param from a tar name: the first entry yielded is the first at or behind it.
   */
  async *entries(from = ''): AsyncGenerator<IndexedEntry, void, void> {
    for (let index = this.#blockOf(from); index < this.#directory.entryBlocks.length; index++) {
      const block = this.#directory.entryBlocks[index];
      if (block === undefined) return;
      const entries = await this.#entriesOf(block);
      for (let at = firstAt(entries, from); at < entries.length; at++) {
        const entry = entries[at];
        if (entry !== undefined) yield entry;
      }
    }
  }

  /** All entries in order, those of a block at once. */
  async *batches(): AsyncGenerator<readonly IndexedEntry[], void, void> {
    for (const block of this.#directory.entryBlocks) {
      yield await useBlock(this.#source, block, (raw) => [...decodeEntries(raw)]);
    }
  }

  /** The entry of a path, of whatever kind; undefined when there is none. */
  async find(path: string): Promise<IndexedEntry | undefined> {
    for (const name of [path, `${path}/`]) {
      const block = this.#directory.entryBlocks[this.#blockOf(name)];
      const found = block && (await this.#entryIn(block, name));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /**
   * The entry of a tar name in a block. The first search of a block decodes up to the entry and keeps nothing; a
   * second one decodes and keeps the whole block.
   */
  async #entryIn(block: EntryBlock, name: string): Promise<IndexedEntry | undefined> {
    if (this.#asked !== block && this.#latest?.block !== block) {
      this.#asked = block;
      return useBlock(this.#source, block, (raw) => firstNamed(decodeEntries(raw), name));
    }
    const entries = await this.#entriesOf(block);
    const found = entries[firstAt(entries, name)];
    return found !== undefined && tarName(found) === name ? found : undefined;
  }

  /** All segments, in order. */
  async *segments(): AsyncGenerator<Segment, void, void> {
    for (const block of this.#directory.segmentBlocks) {
      yield* await this.#segmentsIn(block);
    }
  }

  /** The segments that hold the raw bytes [start, end) of the tar stream. */
  async *segmentsOf(start: number, end: number): AsyncGenerator<Segment, void, void> {
    const blocks = this.#directory.segmentBlocks;
    for (const [index, block] of blocks.entries()) {
      if (block.segmentRawOffset >= end) return;
      const next = blocks[index + 1];
      if (next !== undefined && next.segmentRawOffset <= start) continue;
      // Keep no other segments; they would stay in memory while these are read.
      yield* await this.#segmentsIn(block, (each) => each.rawOffset < end && each.rawOffset + each.rawLength > start);
    }
  }

  /** The block that a tar name lies in, if anywhere: the last that starts at or before it. */
  #blockOf(name: string): number {
    const blocks = this.#directory.entryBlocks;
    let low = 0;
    let high = blocks.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if ((blocks[middle]?.first ?? '') <= name) low = middle;
      else high = middle;
    }
    return low;
  }

  async #entriesOf(block: EntryBlock): Promise<readonly IndexedEntry[]> {
    if (this.#latest?.block === block) return this.#latest.entries;
    const entries = await useBlock(this.#source, block, (raw) => [...decodeEntries(raw)]);
    this.#latest = { block, entries };
    return entries;
  }

  #segmentsIn(block: SegmentBlock, wanted: (segment: Segment) => boolean = () => true): Promise<readonly Segment[]> {
    return useBlock(this.#source, block, (raw) => decodeSegments(raw, block).filter(wanted).toArray());
  }
}

/** Reads and inflates a block and calls `use` with its raw bytes, which are freed when `use` returns. */
async function useBlock<Result>(source: ByteSource, block: Block, use: (raw: Buffer) => Result): Promise<Result> {
  const { offset, length, rawLength, crc } = block;
  return useBytes(source, offset, length, (stored) => {
    const raw = unpackBlock(stored, crc, rawLength);
    try {
      return use(raw);
    } finally {
      freeMemory(raw);
    }
  });
}

/** The entry of a tar name among entries in order. */
function firstNamed(entries: Iterable<IndexedEntry>, name: string): IndexedEntry | undefined {
  for (const entry of entries) {
    const at = tarName(entry);
    if (at >= name) return at === name ? entry : undefined;
  }
  return undefined;
}

/** The place of the first entry whose tar name is not before `name`; the entries are in that order. */
function firstAt(entries: readonly IndexedEntry[], name: string): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const entry = entries[middle];
    if (entry !== undefined && tarName(entry) < name) low = middle + 1;
    else high = middle;
  }
  return low;
}
