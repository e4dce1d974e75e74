/**
 * Listings: the names and facts of an archive without an index, in the form of an index without segments. With one, a
 * directory is listed without reading the archive, and a file is read in one pass up to its end.
 *
 * In an entry `headerLength` is its number in the archive's order, and `tarOffset` means nothing.
 */
import { MEBIBYTE } from '../../base/sizes.ts';
import type { ByteSource } from '../../base/source.ts';
import type { ArchiveFormat, ArchivePage, BatchedArchive, StreamedArchive, StreamedEntry } from '../contract.ts';
import type { Entry } from '../entry.ts';
import type { IndexedEntry } from '../index/format.ts';
import { IndexReader } from '../index/reader.ts';
import { IndexWriter } from '../index/writer.ts';
import { tarName } from '../tar/header.ts';
import { IndexedArchive, noFile, pathNotFound } from './indexed-archive.ts';
import { impliedDirectory, type StreamedArchiveReader } from './streamed-archive.ts';
import { unlessDamaged } from './unless-damaged.ts';

/** Beyond these an archive gets no listing: its maker holds all names at once. */
const MOST_ENTRIES = 200_000;
/** Of names, link targets and attributes. */
const MOST_NAME_BYTES = 32 * MEBIBYTE;
/** What the numbers of an index can hold, either side of 1970. */
const MOST_SECONDS = 2 ** 51;

/** An archive that a listing was made of. */
export interface ListedFacts {
  readonly size: number;
  readonly sha256: string;
}

/**
 * Reads all entries and passes over their content.
 *
 * @param facts of the archive, which the listing is bound to.
 * @returns undefined when there are too many names, or one is a file to some entries and a directory to others.
 * @throws Failure `archive_damaged`; `cancelled` by way of `checkStop`.
 */
export async function makeListing(
  archive: StreamedArchive,
  facts: ListedFacts,
  checkStop: () => void,
): Promise<Uint8Array | undefined> {
  const names = new Names();
  for await (const item of archive.read()) {
    checkStop();
    if ('entry' in item && !names.add(item.entry)) return undefined;
  }
  const entries = names.inOrder();
  if (entries === undefined) return undefined;
  const pieces: Buffer[] = [];
  const writer = new IndexWriter((bytes) => void pieces.push(bytes));
  let files = 0;
  for (const entry of entries) {
    if (entry.kind === 'file' || entry.kind === 'hardlink') files++;
    writer.addEntry(entry);
  }
  const unused = { rawSize: 0, crc32: 0, level: 'none', engine: 'zlib', startedAt: 0 } as const;
  writer.finish({ ...facts, ...unused, entries: entries.length, files });
  return Buffer.concat(pieces);
}

/**
 * Opens a listing after reading all of it once.
 *
 * @returns undefined when it is damaged, or of another archive.
 */
export function checkedListing(source: ByteSource, facts: ListedFacts): Promise<IndexReader | undefined> {
  return unlessDamaged(async () => {
    const reader = await openListing(source, facts);
    await reader?.check();
    return reader;
  });
}

/** As `checkedListing`; damage in a block shows only when it is read. */
export function openListing(source: ByteSource, facts: Partial<ListedFacts>): Promise<IndexReader | undefined> {
  return unlessDamaged(async () => {
    const reader = await IndexReader.open(source);
    const { size, sha256 } = reader.summary;
    const isOfIt = size === facts.size && (facts.sha256 === undefined || sha256 === facts.sha256);
    return isOfIt ? reader : undefined;
  });
}

/** Names by the listing, content by reading the archive through. */
export class ListedArchive implements BatchedArchive {
  readonly #streamed: StreamedArchiveReader;
  readonly #reader: IndexReader;
  readonly #indexed: IndexedArchive;

  constructor(source: ByteSource, streamed: StreamedArchiveReader, reader: IndexReader) {
    this.#streamed = streamed;
    this.#reader = reader;
    this.#indexed = new IndexedArchive(source, reader);
  }

  get format(): ArchiveFormat {
    return this.#streamed.format;
  }

  list(path: string, cursor: string | undefined, limit: number, signal?: AbortSignal): Promise<ArchivePage> {
    return this.#indexed.list(path, cursor, limit, signal);
  }

  entries(signal?: AbortSignal): AsyncIterable<Entry> {
    return this.#indexed.entries(signal);
  }

  batches(): AsyncIterable<readonly Entry[]> {
    return this.#indexed.batches();
  }

  selected(selects: (path: string) => boolean, signal?: AbortSignal): AsyncIterable<StreamedEntry> {
    return this.#streamed.selected(selects, signal);
  }

  async content(path: string, signal?: AbortSignal): Promise<{ entry: Entry; stream: AsyncIterable<Uint8Array> }> {
    const found = await this.#reader.find(path);
    if (found === undefined) throw pathNotFound(path);
    const held = found.kind === 'hardlink' ? await this.#reader.find(found.target ?? '') : found;
    // The listing has the last entry of each name, and a link may lead to an earlier one.
    if (found.kind === 'hardlink' && (held?.kind !== 'file' || held.headerLength > found.headerLength)) {
      return this.#streamed.content(path, signal);
    }
    if (held?.kind !== 'file') throw noFile(path, found);
    const { tarOffset: _offset, headerLength: number, ...entry } = held;
    return { entry: { ...entry, path }, stream: this.#streamed.contentOf(number, signal) };
  }

  close(): Promise<void> {
    return this.#streamed.close();
  }
}

/** The last entry of each path, with the directories that paths imply. */
class Names {
  readonly #found = new Map<string, IndexedEntry>();
  #bytes = 0;
  #number = 0;

  /** False when it cannot be listed. */
  add(entry: Entry): boolean {
    const number = this.#number++;
    if (entry.path === '') return true;
    if (!isWhole(entry)) return false;
    this.#keep(entry, number);
    for (let slash = entry.path.lastIndexOf('/'); slash > 0; slash = entry.path.lastIndexOf('/', slash - 1)) {
      const above = entry.path.slice(0, slash);
      if (this.#found.has(above)) break;
      this.#keep(impliedDirectory(above, entry.mtime), 0);
    }
    return this.#found.size <= MOST_ENTRIES && this.#bytes <= MOST_NAME_BYTES;
  }

  /** By tar name; undefined when something lies below what is no directory. */
  inOrder(): readonly IndexedEntry[] | undefined {
    const entries = [...this.#found.values()];
    const isOdd = ({ path }: IndexedEntry): boolean => {
      const slash = path.lastIndexOf('/');
      return slash > 0 && this.#found.get(path.slice(0, slash))?.kind !== 'directory';
    };
    if (entries.some(isOdd)) return undefined;
    return entries.sort((left, right) => (tarName(left) < tarName(right) ? -1 : 1));
  }

  #keep(entry: Entry, number: number): void {
    const attributes = entry.attributes?.reduce((sum, [name, value]) => sum + name.length + value.length, 0) ?? 0;
    this.#bytes += entry.path.length + (entry.target?.length ?? 0) + attributes;
    this.#found.set(entry.path, { ...entry, tarOffset: 0, headerLength: number });
  }
}

function isWhole({ size, mode, uid, gid, mtime }: Entry): boolean {
  const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
  return [size, mode, uid, gid].every(isCount) && Number.isInteger(mtime) && Math.abs(mtime) < MOST_SECONDS;
}
