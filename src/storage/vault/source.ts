/** Reading an archive of a vault: its bytes come from ranges of packs, in one row. */
import { CheckedSource } from '../../base/checked-source.ts';
import { Failure } from '../../base/failure.ts';
import type { FileParts, OpenFileParts } from '../../base/file-parts.ts';
import { allocateParts, extentsOf } from '../../base/files/file-parts.ts';
import { type ByteSource, readInto } from '../../base/source.ts';
import type { Recipe } from './recipe.ts';
import type { ServerPacks } from './server-packs.ts';

const DOING = 'Cannot read the archive';

/** Opens a pack of a local store. @throws Failure `archive_damaged` when it is missing. */
export type OpenPack = (pack: string) => Promise<ByteSource>;

/**
 * Opens everything that a recipe names before the first read, so that what was opened stays readable to its end whatever
 * is removed meanwhile.
 *
 * @param identity equal for openings of the very same bytes.
 * @param onClose once, when the source was closed.
 * @throws Failure `archive_damaged` when a range is nowhere, `store_unreachable`.
 */
export async function openVaultSource(
  recipe: Recipe,
  packs: ServerPacks,
  openPack: OpenPack,
  identity: string,
  onClose: () => void,
): Promise<ByteSource> {
  const { files, parts } = layOut(recipe, packs);
  const sources: ByteSource[] = [];
  try {
    for (const pack of files) sources.push(await openPack(pack));
  } catch (error) {
    await closeAll(sources);
    onClose();
    throw error;
  }
  const descriptors = sources.map(({ descriptor }) => descriptor ?? -1);
  return new VaultSource(recipe.size, { ...parts, descriptors }, sources, identity, onClose);
}

/** Where each byte of an archive lies: files in order of first use, and the table of parts. */
export function layOut(recipe: Recipe, packs: ServerPacks): { files: readonly string[]; parts: FileParts } {
  const files: string[] = [];
  const numbers = new Map<string, number>();
  const ends: number[] = [];
  const file: number[] = [];
  const start: number[] = [];
  let end = 0;
  const { list } = recipe;
  for (let index = 0; index < list.count; index++) {
    const pack = list.packs[list.pack[index] ?? 0] ?? '';
    for (const place of packs.placesOf(pack, list.start[index] ?? 0, list.length[index] ?? 0)) {
      let number = numbers.get(place.pack);
      if (number === undefined) numbers.set(place.pack, (number = files.push(place.pack) - 1));
      end += place.length;
      ends.push(end);
      file.push(number);
      start.push(place.offset);
    }
  }
  const parts = allocateParts(ends.length);
  parts.ends.set(ends);
  parts.file.set(file);
  parts.start.set(start);
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

  constructor(
    size: number,
    parts: OpenFileParts,
    sources: readonly ByteSource[],
    identity: string,
    onClose: () => void,
  ) {
    super();
    this.size = size;
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
