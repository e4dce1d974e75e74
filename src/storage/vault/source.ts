/** Reading an archive of a vault: its bytes come from ranges of packs, in one row. */
import { CheckedSource } from '../../base/checked-source.ts';
import { Failure } from '../../base/failure.ts';
import type { FileParts, OpenFileParts } from '../../base/file-parts.ts';
import { allocateParts, extentsOf, filesOf, partsLength } from '../../base/files/file-parts.ts';
import { bufferOver, notCached } from '../../base/files/part-reads.ts';
import { directly, type PartRead, pickPieces, placed, planReads } from '../../base/files/read-plan.ts';
import { freeMemory } from '../../base/free-memory.ts';
import { inLanes } from '../../base/lanes.ts';
import { type ByteSource, readInto } from '../../base/source.ts';
import type { RangeList } from './ranges.ts';
import type { Recipe } from './format/recipe.ts';
import type { ServerPacks } from './server-packs.ts';

const DOING = 'Cannot read the archive';
/** Half as many as Node has threads for: on a disk that hangs, one reader leaves room for calls about other files. */
const READS_AT_ONCE = 2;

/** Where an archive lies now. */
export interface Layout {
  /** Ids of packs, each once. */
  readonly files: readonly string[];
  readonly parts: FileParts;
}

/** Opens a pack. @throws Failure `archive_damaged` when it is missing, `store_unreachable`. */
export type OpenPack = (pack: string) => Promise<ByteSource>;

/**
 * Opens an archive. Its packs are opened before the first read, so that what was opened stays readable to its end whatever is
 * removed meanwhile.
 *
 * @param layout pinned by the caller until `onClose`: nothing of it is moved or given back.
 * @param identity equal for openings of the very same bytes.
 * @param onClose once, when the source was closed, or could not be opened.
 * @param partly opens each pack when something is read of it; threads then read by way of this one.
 * @throws Failure `archive_damaged` when a pack is missing, `store_unreachable`.
 */
export async function openVaultSource(
  layout: Layout,
  openPack: OpenPack,
  identity: string,
  onClose: () => void,
  partly = false,
): Promise<ByteSource> {
  const packs = new OpenPacks(layout, openPack);
  if (partly) return new VaultSource(packs, identity, onClose);
  try {
    // At once: an archive of thirty nights has as many packs.
    await packs.open(layout.files.keys());
    return new WholeVaultSource(packs, identity, onClose);
  } catch (error) {
    // What was kept is let go whatever becomes of the files.
    await packs.close().finally(onClose);
    throw error;
  }
}

/** The packs of one archive, as far as they are open. */
class OpenPacks {
  /** Descriptors of packs that are not open are -1; those of packs that are no files are lower. */
  readonly parts: OpenFileParts;
  readonly #files: readonly string[];
  readonly #openPack: OpenPack;
  readonly #descriptors: number[];
  readonly #opening = new Map<number, Promise<ByteSource>>();
  readonly #byDescriptor = new Map<number, ByteSource>();

  constructor({ files, parts }: Layout, openPack: OpenPack) {
    this.#files = files;
    this.#openPack = openPack;
    this.#descriptors = files.map(() => -1);
    this.parts = { ...parts, descriptors: this.#descriptors };
  }

  /** Opens those that are not open yet. @throws as the opening of the first that cannot be opened, when all have ended. */
  async open(files: Iterable<number>): Promise<void> {
    const missing = Array.from(files).filter((file) => this.#descriptors[file] === -1);
    if (missing.length === 0) return;
    const opened = await Promise.allSettled(missing.map((file) => this.#openOne(file)));
    for (const each of opened) if (each.status === 'rejected') throw each.reason;
  }

  /** The source of an open pack. */
  source(descriptor: number): ByteSource {
    const source = this.#byDescriptor.get(descriptor);
    if (source === undefined) throw new Failure('internal', `${DOING}: its files are closed`);
    return source;
  }

  async close(): Promise<void> {
    const opened = await Promise.allSettled(this.#opening.values());
    await closeAll(opened.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : [])));
  }

  #openOne(file: number): Promise<ByteSource> {
    let opening = this.#opening.get(file);
    if (opening === undefined) this.#opening.set(file, (opening = this.#begin(file)));
    return opening;
  }

  async #begin(file: number): Promise<ByteSource> {
    const source = await this.#openPack(this.#files[file] ?? '');
    // One of its own where it has none, that no call takes: reads are put together by descriptors.
    const descriptor = source.descriptor ?? -2 - file;
    this.#descriptors[file] = descriptor;
    this.#byDescriptor.set(descriptor, source);
    return source;
  }
}

/** Where each byte of an archive lies: files in order of first use, and the table of parts. */
export function layOut({ list }: Recipe, packs: ServerPacks): Layout {
  // Counted first: a million parts in growing lists take three times the memory of the table.
  let count = 0;
  walkParts(list, packs, () => count++);
  const parts = allocateParts(count);
  const files: string[] = [];
  const numbers = new Map<string, number>();
  const numberOf = (pack: string): number => {
    let number = numbers.get(pack);
    if (number === undefined) numbers.set(pack, (number = files.push(pack) - 1));
    return number;
  };
  let end = 0;
  let at = 0;
  walkParts(list, packs, (pack, offset, length) => {
    end += length;
    parts.ends[at] = end;
    parts.file[at] = numberOf(pack);
    parts.start[at] = offset;
    at++;
  });
  return { files, parts };
}

/** Gives each stretch of a pack's file in order. What a merge has put side by side is one. */
function walkParts(
  list: RangeList,
  packs: ServerPacks,
  add: (pack: string, offset: number, length: number) => void,
): void {
  const find = packs.finder(list.packs);
  let [pack, from, to] = ['', 0, 0];
  const take = (next: string, offset: number, length: number): void => {
    if (next === pack && offset === to) {
      to += length;
      return;
    }
    if (to > from) add(pack, from, to - from);
    [pack, from, to] = [next, offset, offset + length];
  };
  for (let index = 0; index < list.count; index++) {
    const [born, start, length] = [list.pack[index] ?? 0, list.start[index] ?? 0, list.length[index] ?? 0];
    const places = find(born, start, length);
    if (places === undefined) take(list.packs[born] ?? '', start, length);
    else for (const place of places) take(place.pack, place.offset, place.length);
  }
  if (to > from) add(pack, from, to - from);
}

/** All bytes of all packs, one pack behind the other. */
export function wholePacks({ packs }: ServerPacks): Layout {
  const parts = allocateParts(packs.size);
  let end = 0;
  for (const [index, size] of Array.from(packs.values()).entries()) {
    end += size;
    parts.ends[index] = end;
    parts.file[index] = index;
  }
  return { files: Array.from(packs.keys()), parts };
}

class VaultSource extends CheckedSource {
  readonly size: number;
  readonly identity: string;
  readonly #packs: OpenPacks;
  readonly #onClose: () => void;

  constructor(packs: OpenPacks, identity: string, onClose: () => void) {
    super();
    this.size = partsLength(packs.parts);
    this.identity = identity;
    this.#packs = packs;
    this.#onClose = onClose;
  }

  async close(): Promise<void> {
    try {
      await this.#packs.close();
    } finally {
      this.#onClose();
    }
  }

  protected async fill(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void> {
    const place = bufferOver(into);
    await this.#packs.open(filesOf(this.#packs.parts, offset, into.length));
    const extents = placed(extentsOf(this.#packs.parts, offset, into.length));
    // Until all have ended: the memory is the caller's afterwards.
    await inLanes(READS_AT_ONCE, planReads(notCached(extents, place)), (read) => this.#read(read, place, signal));
  }

  async #read(read: PartRead, place: Buffer, signal: AbortSignal | undefined): Promise<void> {
    const source = this.#packs.source(read.descriptor);
    const direct = directly(read, place);
    if (direct !== undefined) {
      await readInto(source, read.offset, direct, signal);
      return;
    }
    const bytes = Buffer.allocUnsafeSlow(read.length);
    try {
      await readInto(source, read.offset, bytes, signal);
      pickPieces(read, bytes, place);
    } catch {
      // What cannot be read may be a gap, which only other backups have. Of a piece of this one, its own read says why.
      for (const { from, to, length } of read.pieces) {
        await readInto(source, read.offset + from, place.subarray(to, to + length), signal);
      }
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

/** All of its packs are open from the beginning. */
class WholeVaultSource extends VaultSource {
  /** Threads read these directly; absent where packs are no files. */
  readonly parts?: OpenFileParts;

  constructor(packs: OpenPacks, identity: string, onClose: () => void) {
    super(packs, identity, onClose);
    if (packs.parts.descriptors.every((descriptor) => descriptor >= 0)) this.parts = packs.parts;
  }
}

async function closeAll(sources: readonly ByteSource[]): Promise<void> {
  const closed = await Promise.allSettled(sources.map((source) => source.close()));
  for (const result of closed) if (result.status === 'rejected') throw result.reason;
}
