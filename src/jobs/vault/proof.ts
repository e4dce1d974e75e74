/**
 * Proves segments of many archives that share bytes, reading each byte once.
 *
 * The bytes are cut at every place where a segment, or a range of one, begins or ends. The checksum of each piece is read
 * once; that of a segment follows from those of its pieces, since checksums of joined bytes can be combined.
 */
import { crc32 } from 'node:zlib';
import { combineCrc32, type StoredSegment } from '../../archive/archive.ts';
import { asFailure, Failure, throwIfAborted } from '../../base/failure.ts';
import { MEBIBYTE } from '../../base/sizes.ts';
import type { ArchiveRanges, PackRange, VaultView } from '../../storage/vault-port.ts';

const AT_ONCE = MEBIBYTE;

/** An archive whose segments are to be proven. Its segments are asked for twice. */
export interface Provable<Id> {
  readonly id: Id;
  readonly ranges: ArchiveRanges;
  readonly segments: () => AsyncIterable<StoredSegment>;
}

export interface Proof<Id> {
  readonly readBytes: number;
  /** Segments whose bytes have changed or are missing, by archive. */
  readonly damaged: ReadonlyMap<Id, readonly StoredSegment[]>;
  /** Archives whose segments cannot be listed, and why: of those, nothing more is known. */
  readonly unlisted: ReadonlyMap<Id, Failure>;
}

/**
 * Proves them. What the disk cannot read is damaged, as what is missing is: a sector goes bad without the others.
 *
 * @throws Failure `store_unreachable` when a pack cannot be reached, or the disk reads nothing at all: that says nothing about
 *   the archives; `cancelled`.
 */
export async function proveSegments<Id>(
  view: Pick<VaultView, 'read'>,
  archives: readonly Provable<Id>[],
  signal?: AbortSignal,
): Promise<Proof<Id>> {
  const unlisted = new Map<Id, Failure>();
  const cuts = new Map<string, Cuts>();
  for (const archive of archives) {
    await listing(archive.id, unlisted, async () => {
      for await (const range of rangesOf(archive)) {
        const ofPack = cuts.get(range.pack) ?? new Cuts();
        ofPack.add(range);
        cuts.set(range.pack, ofPack);
      }
    });
    for (const ofPack of cuts.values()) ofPack.settle();
  }
  let readBytes = 0;
  const reader = new PieceReader(view);
  for (const [pack, ofPack] of cuts) readBytes += await ofPack.read(reader, pack, signal);
  reader.requireSome();
  const damaged = new Map<Id, readonly StoredSegment[]>();
  for (const { id, ranges, segments } of archives) {
    if (unlisted.has(id)) continue;
    const broken: StoredSegment[] = [];
    await listing(id, unlisted, async () => {
      for await (const segment of segments()) {
        throwIfAborted(signal, 'Cannot verify the vault');
        if (segment.crc !== combined(ranges.find(segment.offset, segment.length), cuts)) broken.push(segment);
      }
    });
    if (broken.length > 0) damaged.set(id, broken);
  }
  return { readBytes, damaged, unlisted };
}

/** Notes when the segments of one archive cannot be listed: that says nothing about the others. @throws Failure `cancelled`. */
async function listing<Id>(id: Id, unlisted: Map<Id, Failure>, list: () => Promise<void>): Promise<void> {
  try {
    await list();
  } catch (error) {
    const failure = asFailure(error, 'Cannot list the parts of the backup');
    if (failure.code === 'cancelled') throw failure;
    unlisted.set(id, failure);
  }
}

async function* rangesOf<Id>({ ranges, segments }: Provable<Id>): AsyncGenerator<PackRange, void, void> {
  for await (const { offset, length } of segments()) yield* ranges.find(offset, length);
}

/** Undefined when some of the ranges cannot be read. */
function combined(ranges: Iterable<PackRange>, cuts: ReadonlyMap<string, Cuts>): number | undefined {
  let crc = 0;
  for (const { pack, start, length } of ranges) {
    for (const piece of cuts.get(pack)?.pieces(start, length) ?? []) {
      if (piece.crc === undefined) return undefined;
      crc = combineCrc32(crc, piece.crc, piece.length);
    }
  }
  return crc;
}

/** The pieces of one pack. */
class Cuts {
  /** Where a range begins or ends, sorted, each once; the pieces lie between them. */
  #edges = new Float64Array();
  /** Ranges that begin at an edge, less those that end there. */
  #depth = new Int32Array();
  #starts: number[] = [];
  #ends: number[] = [];
  #crcs = new Float64Array();

  add({ start, length }: PackRange): void {
    this.#starts.push(start);
    this.#ends.push(start + length);
  }

  /** Merges added ranges into the sorted edges. Equal edges are stored once, so memory does not grow with each backup. */
  settle(): void {
    if (this.#starts.length === 0) return;
    const starts = Float64Array.from(this.#starts).sort();
    const ends = Float64Array.from(this.#ends).sort();
    const [edges, depth] = [this.#edges, this.#depth];
    const most = edges.length + starts.length + ends.length;
    const [mergedEdges, mergedDepth] = [new Float64Array(most), new Int32Array(most)];
    let count = 0;
    for (let edge = 0, start = 0, end = 0; edge + start + end < most; count++) {
      const lowest = Math.min(edges[edge] ?? Infinity, starts[start] ?? Infinity, ends[end] ?? Infinity);
      let change = edges[edge] === lowest ? (depth[edge++] ?? 0) : 0;
      for (; starts[start] === lowest; start++) change++;
      for (; ends[end] === lowest; end++) change--;
      mergedEdges[count] = lowest;
      mergedDepth[count] = change;
    }
    this.#edges = mergedEdges.slice(0, count);
    this.#depth = mergedDepth.slice(0, count);
    this.#starts = [];
    this.#ends = [];
  }

  /** Reads every piece that some range has. @returns bytes. */
  async read(reader: PieceReader, pack: string, signal: AbortSignal | undefined): Promise<number> {
    this.#crcs = new Float64Array(this.#edges.length).fill(Number.NaN);
    let depth = 0;
    let bytes = 0;
    let row = this.#emptyRow(0);
    for (const [index, start] of this.#edges.entries()) {
      depth += this.#depth[index] ?? 0;
      const length = depth === 0 ? 0 : this.#length(index);
      if (length === 0 || start !== row.start + row.length || row.length + length > AT_ONCE) {
        throwIfAborted(signal, 'Cannot verify the vault');
        await this.#readRow(reader, pack, row);
        row = this.#emptyRow(index);
      }
      if (length === 0) continue;
      row.length += length;
      row.end = index + 1;
      bytes += length;
    }
    await this.#readRow(reader, pack, row);
    return bytes;
  }

  /** Pieces that follow each other: short ones are read in one go. */
  #emptyRow(first: number): { readonly first: number; readonly start: number; length: number; end: number } {
    return { first, start: this.#edges[first] ?? 0, length: 0, end: first };
  }

  #length(index: number): number {
    const start = this.#edges[index] ?? 0;
    return (this.#edges[index + 1] ?? start) - start;
  }

  async #readRow(
    reader: PieceReader,
    pack: string,
    { first, start, length, end }: { readonly first: number; readonly start: number; length: number; end: number },
  ): Promise<void> {
    if (end - first > 1) {
      const bytes = await reader.read({ pack, start, length });
      if (bytes !== undefined) {
        for (let index = first, at = 0; index < end; at += this.#length(index++)) {
          this.#crcs[index] = crc32(bytes.subarray(at, at + this.#length(index)));
        }
        return;
      }
    }
    // A long piece, or the read of several pieces failed: read each alone, to find the bad one.
    for (let index = first; index < end; index++) {
      const piece = { pack, start: this.#edges[index] ?? 0, length: this.#length(index) };
      this.#crcs[index] = await reader.checksum(piece);
    }
  }

  *pieces(start: number, length: number): Generator<{ readonly length: number; readonly crc: number | undefined }> {
    const end = start + length;
    for (let index = this.#at(start); (this.#edges[index] ?? end) < end; index++) {
      const crc = this.#crcs[index] ?? Number.NaN;
      const from = this.#edges[index] ?? 0;
      yield { length: (this.#edges[index + 1] ?? end) - from, crc: Number.isNaN(crc) ? undefined : crc };
    }
  }

  #at(edge: number): number {
    let low = 0;
    let high = this.#edges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#edges[middle] ?? 0) < edge) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Reads what is there: a byte that is missing, or that the disk cannot read, is not. */
class PieceReader {
  readonly #view: Pick<VaultView, 'read'>;
  #hasRead = false;
  /** What the disk said first of bytes that it cannot read. */
  #unreadable: Failure | undefined;

  constructor(view: Pick<VaultView, 'read'>) {
    this.#view = view;
  }

  /** NaN when some of the bytes are not there. @throws Failure `store_unreachable`. */
  async checksum({ pack, start, length }: PackRange): Promise<number> {
    let crc = 0;
    for (let at = 0; at < length; at += AT_ONCE) {
      const bytes = await this.read({ pack, start: start + at, length: Math.min(AT_ONCE, length - at) });
      if (bytes === undefined) return Number.NaN;
      crc = crc32(bytes, crc);
    }
    return crc;
  }

  /** Undefined when some of the bytes are not there. @throws Failure `store_unreachable`. */
  async read(range: PackRange): Promise<Uint8Array | undefined> {
    try {
      const bytes = await this.#view.read(range);
      this.#hasRead = true;
      return bytes;
    } catch (error) {
      if (error instanceof Failure && error.code === 'store_unreachable') {
        if (error.facts['errno'] !== 'EIO') throw error;
        this.#unreadable ??= error;
      }
      return undefined;
    }
  }

  /** @throws Failure `store_unreachable` when the disk could read nothing: it has failed, or is gone. */
  requireSome(): void {
    if (!this.#hasRead && this.#unreadable !== undefined) throw this.#unreadable;
  }
}
