/** Looks into an archive by its index: lists one directory or reads one file without reading the rest. */
import { Failure, throwIfAborted } from '../../base/failure.ts';
import { printable } from '../../base/files/paths.ts';
import { type ByteSource, useBytes } from '../../base/source.ts';
import { freeMemory } from '../../base/free-memory.ts';
import type { ArchivePage, BatchedArchive, StreamedEntry } from '../contract.ts';
import type { Entry } from '../entry.ts';
import { checkLengths, inflateSegmentAsync } from '../gzip/inflate.ts';
import type { IndexedEntry, Segment } from '../index/format.ts';
import type { IndexReader } from '../index/reader.ts';
import { contentStart } from '../index/segment-entries.ts';
import { tarName } from '../tar/header.ts';

export class IndexedArchive implements BatchedArchive {
  readonly format = 'roost';
  readonly #archive: ByteSource;
  readonly #reader: IndexReader;

  constructor(archive: ByteSource, reader: IndexReader) {
    this.#archive = archive;
    this.#reader = reader;
  }

  /** Jumps from child to child; entries below a child directory are never read. */
  async list(path: string, cursor: string | undefined, limit: number, signal?: AbortSignal): Promise<ArchivePage> {
    const prefix = path === '' ? '' : `${path}/`;
    const listed = path === '' ? undefined : await this.#reader.find(path);
    if (path !== '' && listed?.kind !== 'directory')
      throw listed === undefined ? pathNotFound(path) : noDirectory(path);
    if (cursor !== undefined && !(await this.#isPlace(cursor, prefix))) throw noCursor();
    const entries: Entry[] = [];
    let from = cursor ?? prefix;
    for (let at = await this.#firstBehind(from, prefix); at !== undefined; at = await this.#firstBehind(from, prefix)) {
      throwIfAborted(signal, 'Cannot list the directory');
      if (entries.length === limit) return { entries, cursor: from };
      entries.push(plainEntry(at));
      from = behind(at);
    }
    return { entries };
  }

  async *entries(signal?: AbortSignal): AsyncGenerator<Entry, void, void> {
    for await (const entry of this.#reader.entries()) {
      throwIfAborted(signal, 'Cannot list the archive');
      yield plainEntry(entry);
    }
  }

  batches(): AsyncGenerator<readonly Entry[], void, void> {
    return this.#reader.batches();
  }

  /** Yields selected entries in order. Small files share segments, so the last inflated one is kept for the next file. */
  async *selected(selects: (path: string) => boolean, signal?: AbortSignal): AsyncGenerator<StreamedEntry, void, void> {
    const held = new HeldSegment(this.#archive);
    try {
      for await (const entry of this.#reader.entries()) {
        throwIfAborted(signal, 'Cannot read the archive');
        if (selects(entry.path)) yield { entry: plainEntry(entry), content: () => this.#read(entry, signal, held) };
      }
    } finally {
      held.free();
    }
  }

  async content(path: string, signal?: AbortSignal): Promise<{ entry: Entry; stream: AsyncIterable<Uint8Array> }> {
    const found = await this.#reader.find(path);
    if (found === undefined) throw pathNotFound(path);
    const held = found.kind === 'hardlink' ? await this.#reader.find(found.target ?? '') : found;
    if (held?.kind !== 'file') throw noFile(path, found);
    return { entry: { ...plainEntry(held), path }, stream: this.#readAlone(held, signal) };
  }

  async close(): Promise<void> {
    // The caller owns and closes the sources.
  }

  async *#read(
    entry: IndexedEntry,
    signal: AbortSignal | undefined,
    held: HeldSegment,
  ): AsyncGenerator<Uint8Array, void, void> {
    const start = contentStart(entry);
    const before = held.bytesOf(start, start + entry.size);
    if (before !== undefined) {
      yield before;
      return;
    }
    for await (const { segment, from, to } of contentParts(this.#reader, entry)) {
      throwIfAborted(signal, 'Cannot read the file');
      yield (await held.inflate(segment, signal)).subarray(from, to);
    }
  }

  async *#readAlone(entry: IndexedEntry, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array, void, void> {
    const held = new HeldSegment(this.#archive);
    try {
      yield* this.#read(entry, signal, held);
    } finally {
      held.free();
    }
  }

  /** True for what `behind` says of an entry in the directory. */
  async #isPlace(cursor: string, prefix: string): Promise<boolean> {
    const path = cursor.slice(0, -1);
    if (!path.startsWith(prefix) || path.includes('/', prefix.length)) return false;
    const entry = await this.#reader.find(path);
    return entry !== undefined && behind(entry) === cursor;
  }

  /** The first direct child at or after a tar name; undefined when this directory has no more. */
  async #firstBehind(from: string, prefix: string): Promise<IndexedEntry | undefined> {
    for await (const entry of this.#reader.entries(from)) {
      const name = tarName(entry);
      if (!name.startsWith(prefix)) return undefined;
      if (name !== prefix) return entry;
    }
    return undefined;
  }
}

/** The raw bytes of the segment that was read last. */
class HeldSegment {
  readonly #archive: ByteSource;
  #segment: Segment | undefined;
  #raw: Uint8Array | undefined;

  constructor(archive: ByteSource) {
    this.#archive = archive;
  }

  /** The raw bytes [start, end) of the tar stream; undefined unless the held segment has all of them. */
  bytesOf(start: number, end: number): Uint8Array | undefined {
    if (this.#segment === undefined || this.#raw === undefined || end === start) return undefined;
    const { rawOffset, rawLength } = this.#segment;
    if (start < rawOffset || end > rawOffset + rawLength) return undefined;
    return this.#raw.subarray(start - rawOffset, end - rawOffset);
  }

  async inflate(segment: Segment, signal: AbortSignal | undefined): Promise<Uint8Array> {
    if (this.#segment?.rawOffset === segment.rawOffset && this.#raw !== undefined) return this.#raw;
    this.free();
    const inflate = (stored: Uint8Array): Promise<Uint8Array> => inflateSegmentAsync(stored, segment);
    this.#raw = await useBytes(this.#archive, segment.offset, segment.length, inflate, signal);
    this.#segment = segment;
    return this.#raw;
  }

  free(): void {
    if (this.#raw !== undefined) freeMemory(this.#raw);
    this.#segment = this.#raw = undefined;
  }
}

/** The segments that hold a file's content, each with the range of its raw bytes that belongs to the file. */
export async function* contentParts(
  reader: IndexReader,
  entry: IndexedEntry,
): AsyncGenerator<{ readonly segment: Segment; readonly from: number; readonly to: number }, void, void> {
  if (entry.size === 0) return;
  const start = contentStart(entry);
  const end = start + entry.size;
  for await (const segment of reader.segmentsOf(start, end)) {
    checkLengths(segment);
    yield { segment, from: Math.max(start - segment.rawOffset, 0), to: end - segment.rawOffset };
  }
}

/** The first tar name after an entry and everything below it: `0` follows `/` in byte order. */
export function behind(entry: Entry): string {
  return entry.kind === 'directory' ? `${entry.path}0` : `${entry.path}\0`;
}

function plainEntry(entry: IndexedEntry): Entry {
  const { tarOffset: _tar, headerLength: _header, ...plain } = entry;
  return plain;
}

export function noCursor(): Failure {
  return new Failure('invalid_request', 'Cannot list from there: the cursor is none that a page had');
}

export function pathNotFound(path: string): Failure {
  return new Failure('path_not_found', `Cannot look into the backup: it holds no "${printable(path)}"`, {
    hint: 'List the directory above it to see what the backup holds.',
  });
}

export function noDirectory(path: string): Failure {
  return new Failure('path_not_found', `Cannot list "${printable(path)}": it is no directory`, {
    hint: 'List the directory above it to see what it is.',
  });
}

/** Of an entry whose content was asked for; `hardlink` when the file that it leads to is not in the archive. */
export function noFile(path: string, { kind }: Pick<Entry, 'kind'>): Failure {
  const hint = kind === 'directory' ? 'List it to see the files in it.' : undefined;
  return new Failure('path_not_found', `Cannot read "${printable(path)}": it is a ${kind}, no file`, { hint });
}
