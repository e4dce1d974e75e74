/**
 * Opens an archive for looking into it.
 *
 * For: listing and reading single files. Promises: an index is used only when it belongs to the archive; an archive
 * without a usable index still opens, by reading it through. Never: unpacks to disk, or closes the caller's sources.
 */
import { withIndexOnly } from './index-only.ts';
import type { BatchedArchive, OpenRequest } from '../contract.ts';
import { IndexReader } from '../index/reader.ts';
import { IndexedArchive } from './indexed-archive.ts';
import { belongsTo } from '../gzip/frame.ts';
import { unlessDamaged } from './unless-damaged.ts';

/**
 * Opens an archive. A foreign index, or one with a damaged directory, is ignored. Index blocks are read on demand, so
 * damage in one shows up only then, as `archive_damaged`.
 *
 * @throws Failure `archive_damaged` when the format is not one that Roost reads.
 */
export async function openArchive(request: OpenRequest, signal?: AbortSignal): Promise<BatchedArchive> {
  const reader = await openIndex(request);
  if (reader !== undefined) return new IndexedArchive(request.archive, reader);
  const { ListedArchive, openListing, openStreamedArchive, StreamedArchiveReader } = await streamed();
  const archive = await openStreamedArchive(request.archive, signal, request.encoding);
  const plain = new StreamedArchiveReader(withIndexOnly(archive, request.aside), request.onWarning);
  const { size } = request.archive;
  const listing = request.listing && (await openListing(request.listing, { size }));
  return listing === undefined ? plain : new ListedArchive(request.archive, plain, listing);
}

/**
 * Opens the index for work on the whole archive, checking all of it first: a damaged index must not block an intact
 * archive.
 */
export function openWholeIndex(request: OpenRequest): Promise<IndexReader | undefined> {
  return unlessDamaged(async () => {
    const reader = await openIndex(request);
    await reader?.check();
    return reader;
  });
}

async function openIndex({ index, archive }: OpenRequest): Promise<IndexReader | undefined> {
  if (index === undefined) return undefined;
  return unlessDamaged(async () => {
    const reader = await IndexReader.open(index);
    return (await belongsTo(reader, archive)) ? reader : undefined;
  });
}

/** Loaded on demand: it is half of the archive code, and few archives need it. */
async function streamed() {
  const { openStreamedArchive } = await import('../foreign/open-streamed.ts');
  const { StreamedArchiveReader } = await import('./streamed-archive.ts');
  const { ListedArchive, openListing } = await import('./listing.ts');
  return { ListedArchive, openListing, openStreamedArchive, StreamedArchiveReader };
}
