/** Reading an archive of a vault: its bytes come from ranges of packs, in one row. */
import { type FileHandle } from 'node:fs/promises';
import { Failure, throwIfAborted, unlessAborted } from '../../base/failure.ts';
import type { FileParts, OpenFileParts } from '../../base/file-parts.ts';
import { allocateParts, extentsOf } from '../../base/files/file-parts.ts';
import type { ByteSource } from '../../base/source.ts';
import type { Recipe } from './recipe.ts';
import type { ServerPacks } from './server-packs.ts';

const DOING = 'Cannot read the archive';

/** Opens a pack's file for reading. @throws Failure `archive_damaged` when it is missing. */
export type OpenPack = (pack: string) => Promise<FileHandle>;

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
  const handles: FileHandle[] = [];
  try {
    for (const pack of files) handles.push(await openPack(pack));
  } catch (error) {
    await closeAll(handles);
    onClose();
    throw error;
  }
  const opened = { ...parts, descriptors: handles.map((handle) => handle.fd) };
  return new VaultSource(recipe.size, opened, handles, identity, onClose);
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

class VaultSource implements ByteSource {
  readonly size: number;
  readonly identity: string;
  /** Threads read these directly. */
  readonly parts: OpenFileParts;
  readonly #handles: readonly FileHandle[];
  readonly #byDescriptor: ReadonlyMap<number, FileHandle>;
  readonly #onClose: () => void;

  constructor(
    size: number,
    parts: OpenFileParts,
    handles: readonly FileHandle[],
    identity: string,
    onClose: () => void,
  ) {
    this.size = size;
    this.identity = identity;
    this.parts = parts;
    this.#handles = handles;
    this.#byDescriptor = new Map(handles.map((handle) => [handle.fd, handle]));
    this.#onClose = onClose;
  }

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    throwIfAborted(signal, DOING);
    // Before allocating: a damaged index may ask for any range.
    if (offset < 0 || length < 0 || offset + length > this.size) throw this.#short(offset, length);
    const bytes = Buffer.allocUnsafeSlow(length);
    await unlessAborted(this.#fill(offset, bytes), signal, DOING);
    return bytes;
  }

  /** Settles only when the read has ended, even if aborted, so the caller may reuse the memory. */
  async readInto(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void> {
    throwIfAborted(signal, DOING);
    if (offset < 0 || offset + into.length > this.size) throw this.#short(offset, into.length);
    await this.#fill(offset, into);
    throwIfAborted(signal, DOING);
  }

  async close(): Promise<void> {
    try {
      await closeAll(this.#handles);
    } finally {
      this.#onClose();
    }
  }

  async #fill(offset: number, into: Uint8Array): Promise<void> {
    let at = 0;
    for (const extent of extentsOf(this.parts, offset, into.length)) {
      await this.#fillFrom(extent.descriptor, extent.offset, into.subarray(at, at + extent.length));
      at += extent.length;
    }
  }

  async #fillFrom(descriptor: number, offset: number, into: Uint8Array): Promise<void> {
    const handle = this.#byDescriptor.get(descriptor);
    if (handle === undefined) throw new Failure('internal', `${DOING}: its files are closed`);
    for (let done = 0; done < into.length;) {
      const { bytesRead } = await handle.read(into, done, into.length - done, offset + done);
      if (bytesRead === 0) throw this.#short(offset, into.length);
      done += bytesRead;
    }
  }

  #short(offset: number, length: number): Failure {
    return new Failure('archive_damaged', `${DOING}: it ends before byte ${offset + length}`, {
      facts: { size: this.size, offset, length },
    });
  }
}

async function closeAll(handles: readonly FileHandle[]): Promise<void> {
  const closed = await Promise.allSettled(handles.map((handle) => handle.close()));
  for (const result of closed) if (result.status === 'rejected') throw result.reason;
}
