/** Writes an index as a stream while its archive is made; a block is written as soon as it is full. */
import {
  type Block,
  encodeFooter,
  encodeSegments,
  type EntryBlock,
  EntryBlockEncoder,
  type IndexedEntry,
  type IndexSummary,
  MAGIC,
  packBlock,
  type Segment,
  type SegmentBlock,
} from './format.ts';
import { tarName } from '../tar/header.ts';

const ENTRIES_A_BLOCK = 4096;
const BYTES_A_BLOCK = 256 * 1024;
const SEGMENTS_A_BLOCK = 8192;

export class IndexWriter {
  readonly #emit: (bytes: Buffer) => void;
  readonly #encoder = new EntryBlockEncoder();
  readonly #entryBlocks: EntryBlock[] = [];
  readonly #segmentBlocks: SegmentBlock[] = [];
  #segments: Segment[] = [];
  #first = '';
  #offset = 0;

  /** @param emit takes the index's bytes, in order. */
  constructor(emit: (bytes: Buffer) => void) {
    this.#emit = emit;
    this.#write(MAGIC);
  }

  /** Adds the next entry; entries come in the order of their tar names. */
  addEntry(entry: IndexedEntry): void {
    if (this.#encoder.count === 0) this.#first = tarName(entry);
    this.#encoder.add(entry);
    if (this.#encoder.count >= ENTRIES_A_BLOCK || this.#encoder.length >= BYTES_A_BLOCK) this.#closeEntries();
  }

  addSegment(segment: Segment): void {
    this.#segments.push(segment);
    if (this.#segments.length >= SEGMENTS_A_BLOCK) this.#closeSegments();
  }

  /** Writes what remains. */
  finish(summary: IndexSummary): void {
    this.#closeEntries();
    this.#closeSegments();
    const directory = { summary, entryBlocks: this.#entryBlocks, segmentBlocks: this.#segmentBlocks };
    // JSON of one-byte characters: paths are byte strings, so latin1 keeps them exactly.
    const raw = Buffer.from(JSON.stringify(directory), 'latin1');
    const { stored, crc } = packBlock(raw);
    const offset = this.#offset;
    this.#write(stored);
    this.#write(encodeFooter(offset, stored.length, raw.length, crc, this.#encoder.hasMoreFields));
  }

  #closeEntries(): void {
    const count = this.#encoder.count;
    if (count === 0) return;
    this.#entryBlocks.push({ ...this.#block(this.#encoder.take()), count, first: this.#first });
  }

  #closeSegments(): void {
    const [first] = this.#segments;
    if (first === undefined) return;
    const count = this.#segments.length;
    const block = this.#block(encodeSegments(this.#segments));
    this.#segmentBlocks.push({ ...block, count, segmentOffset: first.offset, segmentRawOffset: first.rawOffset });
    this.#segments = [];
  }

  #block(raw: Buffer): Block {
    const { stored, crc } = packBlock(raw);
    const offset = this.#offset;
    this.#write(stored);
    return { offset, length: stored.length, rawLength: raw.length, crc };
  }

  #write(bytes: Buffer): void {
    this.#offset += bytes.length;
    this.#emit(bytes);
  }
}
