/** Opening an archive: by its index where there is one that belongs to it, else by reading it through. */
import { Failure } from '../../base/failure.ts';
import { withIndexOnly } from './index-only.ts';
import type { OpenRequest, OpenedArchive } from '../contract.ts';
import { IndexReader } from '../index/reader.ts';
import { IndexedArchive } from './indexed-archive.ts';
import { belongsTo } from '../gzip/frame.ts';

/**
 * Opens an archive for looking into. An index of another archive, or one whose directory is damaged, is passed over.
 * Its blocks are read as they are needed, so damage in one of them shows only then, as `archive_damaged`.
 *
 * @throws Failure `archive_damaged` when it is no archive that Roost reads.
 */
export async function openArchive(request: OpenRequest, signal?: AbortSignal): Promise<OpenedArchive> {
  const reader = await openIndex(request);
  if (reader !== undefined) return new IndexedArchive(request.archive, reader);
  const { openStreamedArchive, StreamedArchiveReader } = await streamed();
  return new StreamedArchiveReader(withIndexOnly(await openStreamedArchive(request.archive, signal), request.aside));
}

/**
 * The same index for work on all of the archive, proven to its last block first: one that is damaged anywhere must not
 * stand in the way of an archive that is whole.
 */
export async function openWholeIndex(request: OpenRequest): Promise<IndexReader | undefined> {
  const reader = await openIndex(request);
  try {
    await reader?.check();
    return reader;
  } catch (error) {
    if (error instanceof Failure && error.code === 'archive_damaged') return undefined;
    throw error;
  }
}

/** The index of an archive, if there is one whose directory is whole and that belongs to it. */
async function openIndex(request: OpenRequest): Promise<IndexReader | undefined> {
  if (request.index === undefined) return undefined;
  try {
    const reader = await IndexReader.open(request.index);
    return (await belongsTo(reader, request.archive)) ? reader : undefined;
  } catch (error) {
    if (error instanceof Failure && error.code === 'archive_damaged') return undefined;
    throw error;
  }
}

/** What reads an archive through from its start. Loaded when met: it is half of this room, and few need it. */
async function streamed() {
  const { openStreamedArchive } = await import('../foreign/open-streamed.ts');
  const { StreamedArchiveReader } = await import('./streamed-archive.ts');
  return { openStreamedArchive, StreamedArchiveReader };
}
