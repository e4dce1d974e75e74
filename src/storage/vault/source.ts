/** Reading an archive of a vault: its bytes come from ranges of packs, in one row. */
import { CheckedSource } from '../../base/checked-source.ts';
import { Failure } from '../../base/failure.ts';
import type { FileParts, OpenFileParts } from '../../base/file-parts.ts';
import { allocateParts, extentsOf, partsLength } from '../../base/files/file-parts.ts';
import { type ByteSource, readInto } from '../../base/source.ts';
import type { Recipe } from './recipe.ts';
import type { ServerPacks } from './server-packs.ts';

const DOING = 'Cannot read the archive';

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
    for (const pack of files) sources.push(await openPack(pack));
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
  const files: string[] = [];
  const numbers = new Map<string, number>();
  let count = 0;
  // Counted first: a million parts in growing lists take three times the memory of the table.
  for (const _ of packs.placesOfAll(list)) count++;
  const parts = allocateParts(count);
  let end = 0;
  let index = 0;
  for (const place of packs.placesOfAll(list)) {
    let number = numbers.get(place.pack);
    if (number === undefined) numbers.set(place.pack, (number = files.push(place.pack) - 1));
    end += place.length;
    parts.ends[index] = end;
    parts.file[index] = number;
    parts.start[index] = place.offset;
    index++;
  }
  return { files, parts };
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
    let at = 0;
    for (const extent of extentsOf(this.parts, offset, into.length)) {
      const source = this.#byDescriptor.get(extent.descriptor);
      if (source === undefined) throw new Failure('internal', `${DOING}: its files are closed`);
      await readInto(source, extent.offset, into.subarray(at, at + extent.length));
      at += extent.length;
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
