/**
 * Some entries of an archive as a tar of their own.
 *
 * For: downloads of a selection. Promises: entries keep their names, attributes and order; a hard link whose file was not
 * selected becomes that file, and stays a link where there is no such file; content of another length than its header
 * says fails. Never: holds more than a segment.
 */
import { Failure } from '../../base/failure.ts';
import { printable } from '../../base/files/paths.ts';
import type { OpenedArchive, StreamedEntry } from '../contract.ts';
import { HeaderEncoder, headerLength, paddingOf, TAR_BLOCK } from '../tar/header.ts';

/** Memory of a piece is valid until the next step. @param selects takes a path, a byte string. */
export async function* selectedTar(
  archive: Pick<OpenedArchive, 'selected' | 'content'>,
  selects: (path: string) => boolean,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  const headers = new HeaderEncoder();
  for await (const found of archive.selected(selects, signal)) {
    const own = await withOwnContent(found, archive, selects, signal);
    const { entry } = own;
    const header = Buffer.alloc(headerLength(entry));
    headers.encode(entry, header, 0);
    yield header;
    if (entry.kind !== 'file') continue;
    let left = entry.size;
    for await (const piece of own.content()) {
      left -= piece.length;
      if (left < 0) throw wrongLength(entry.path);
      yield piece;
    }
    if (left > 0) throw wrongLength(entry.path);
    yield new Uint8Array(paddingOf(entry.size));
  }
  yield new Uint8Array(2 * TAR_BLOCK);
}

async function withOwnContent(
  found: StreamedEntry,
  archive: Pick<OpenedArchive, 'content'>,
  selects: (path: string) => boolean,
  signal: AbortSignal | undefined,
): Promise<StreamedEntry> {
  const { path, kind, target = '' } = found.entry;
  if (kind !== 'hardlink' || selects(target)) return found;
  try {
    const { entry, stream } = await archive.content(path, signal);
    return { entry, content: () => stream };
  } catch (error) {
    // Its target is a symlink or is not there. The program that unpacks names it, and has all else.
    if (error instanceof Failure && error.code === 'path_not_found') return found;
    throw error;
  }
}

function wrongLength(path: string): Failure {
  const why = 'its content has another length than its entry says';
  return new Failure('archive_damaged', `Cannot read "${printable(path)}": ${why}`);
}
