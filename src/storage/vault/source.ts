/** Reading an archive of a vault: its bytes come from ranges of packs, in one row. */
import { CheckedSource } from '../../base/checked-source.ts';
import { Failure } from '../../base/failure.ts';
import type { FileParts, OpenFileParts } from '../../base/file-parts.ts';
import { allocateParts, extentsOf, partsLength } from '../../base/files/file-parts.ts';
import { readCached } from '../../base/files/cached-read.ts';
import {
  bufferOver,
  directly,
  type PartRead,
  pickPieces,
  placed,
  type PlacedExtent,
  planReads,
} from '../../base/files/part-reads.ts';
import { freeMemory } from '../../base/free-memory.ts';
import { type ByteSource, readInto } from '../../base/source.ts';
import type { RangeList } from './ranges.ts';
import type { Recipe } from './recipe.ts';
import type { ServerPacks } from './server-packs.ts';

const DOING = 'Cannot read the archive';
/** As many as Node has threads for. */
const READS_AT_ONCE = 4;

/** Where an archive lies now. */
export interface Layout {
  /** Ids of packs, each once. */
  readonly files: readonly string[];
  readonly parts: FileParts;
}

/** Opens a pack of a local store. @throws Failure `archive_damaged` when it is missing. */
export type OpenPack = (pack: string) => Promise<ByteSource>;

/**
 * Opens all packs of an archive before the first read, so that what was opened stays readable to its end whatever is
 * removed meanwhile.
 *
 * @param layout pinned by the caller until `onClose`.
 * @param identity equal for openings of the very same bytes.
 * @param onClose once, when the source was closed, or could not be opened.
 * @throws Failure `archive_damaged` when a pack is missing, `store_unreachable`.
 */
export async function openVaultSource(
  { files, parts }: Layout,
  openPack: OpenPack,
  identity: string,
  onClose: () => void,
): Promise<ByteSource> {
  const sources: ByteSource[] = [];
  try {
    // At once: an archive of thirty nights has as many packs.
    const opened = await Promise.allSettled(files.map((pack) => openPack(pack)));
    for (const each of opened) if (each.status === 'fulfilled') sources.push(each.value);
    for (const each of opened) if (each.status === 'rejected') throw each.reason;
  } catch (error) {
    await closeAll(sources);
    onClose();
    throw error;
  }
  const descriptors = sources.map(({ descriptor }) => descriptor ?? -1);
  return new VaultSource({ ...parts, descriptors }, sources, identity, onClose);
}

/** Where each byte of an archive lies: files in order of first use, and the table of parts. */
export function layOut({ list }: Recipe, packs: ServerPacks): Layout {
  // Counted first: a million parts in growing lists take three times the memory of the table.
  const parts = allocateParts(countPlaces(list, packs.finder(list.packs)));
  const files: string[] = [];
  const numbers = new Map<string, number>();
  const numberOf = (pack: string): number => {
    let number = numbers.get(pack);
    if (number === undefined) numbers.set(pack, (number = files.push(pack) - 1));
    return number;
  };
  const born: number[] = [];
  const find = packs.finder(list.packs);
  let end = 0;
  let at = 0;
  const add = (file: number, offset: number, length: number): void => {
    end += length;
    parts.ends[at] = end;
    parts.file[at] = file;
    parts.start[at] = offset;
    at++;
  };
  for (let index = 0; index < list.count; index++) {
    const [pack, start, length] = [list.pack[index] ?? 0, list.start[index] ?? 0, list.length[index] ?? 0];
    const places = find(pack, start, length);
    if (places === undefined) add((born[pack] ??= numberOf(list.packs[pack] ?? '')), start, length);
    else for (const place of places) add(numberOf(place.pack), place.offset, place.length);
  }
  return { files, parts };
}

function countPlaces(list: RangeList, find: ReturnType<ServerPacks['finder']>): number {
  let count = 0;
  for (let index = 0; index < list.count; index++) {
    count += find(list.pack[index] ?? 0, list.start[index] ?? 0, list.length[index] ?? 0)?.length ?? 1;
  }
  return count;
}

class VaultSource extends CheckedSource {
  readonly size: number;
  readonly identity: string;
  /** Threads read these directly. */
  readonly parts: OpenFileParts;
  readonly #sources: readonly ByteSource[];
  readonly #byDescriptor: ReadonlyMap<number, ByteSource>;
  readonly #onClose: () => void;

  constructor(parts: OpenFileParts, sources: readonly ByteSource[], identity: string, onClose: () => void) {
    super();
    this.size = partsLength(parts);
    this.identity = identity;
    this.parts = parts;
    this.#sources = sources;
    this.#byDescriptor = new Map(sources.map((source) => [source.descriptor ?? -1, source]));
    this.#onClose = onClose;
  }

  async close(): Promise<void> {
    try {
      await closeAll(this.#sources);
    } finally {
      this.#onClose();
    }
  }

  protected async fill(offset: number, into: Uint8Array): Promise<void> {
    const place = bufferOver(into);
    const reads = planReads(this.#notCached(offset, place)).values();
    const lane = async (): Promise<void> => {
      for (const read of reads) await this.#read(read, place);
    };
    // Until all have ended: the memory is the caller's afterwards.
    const lanes = await Promise.allSettled(Array.from({ length: READS_AT_ONCE }, lane));
    for (const result of lanes) if (result.status === 'rejected') throw result.reason;
  }

  /** Fills what is in memory already, at once. @returns the rest. */
  *#notCached(start: number, place: Buffer): Generator<PlacedExtent, void, void> {
    for (const { descriptor, offset, length, to } of placed(extentsOf(this.parts, start, place.length))) {
      const got = readCached(descriptor, offset, place.subarray(to, to + length));
      if (got < length) yield { descriptor, offset: offset + got, length: length - got, to: to + got };
    }
  }

  async #read(read: PartRead, place: Buffer): Promise<void> {
    const source = this.#byDescriptor.get(read.descriptor);
    if (source === undefined) throw new Failure('internal', `${DOING}: its files are closed`);
    const direct = directly(read, place);
    if (direct !== undefined) {
      await readInto(source, read.offset, direct);
      return;
    }
    const bytes = Buffer.allocUnsafeSlow(read.length);
    try {
      await readInto(source, read.offset, bytes);
      pickPieces(read, bytes, place);
    } finally {
      freeMemory(bytes);
    }
  }

  protected short(offset: number, length: number): Failure {
    return new Failure('archive_damaged', `${DOING}: it ends before byte ${offset + length}`, {
      facts: { size: this.size, offset, length },
    });
  }
}

async function closeAll(sources: readonly ByteSource[]): Promise<void> {
  const closed = await Promise.allSettled(sources.map((source) => source.close()));
  for (const result of closed) if (result.status === 'rejected') throw result.reason;
}
