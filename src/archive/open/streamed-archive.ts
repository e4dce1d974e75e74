/**
 * Looks into an archive without an index by reading it from the start for each question. Slow, but it works for any tar
 * or zip, with bounded memory.
 */
import type { ArchivePage, BatchedArchive, OpenRequest, StreamedArchive, StreamedEntry } from '../contract.ts';
import type { Entry } from '../entry.ts';
import { behind, noCursor, noDirectory, noFile, pathNotFound } from './indexed-archive.ts';
import { tarName } from '../tar/header.ts';

/** Hard links to hard links that are followed: the archive is read for each. */
const MOST_LINKS = 16;

export class StreamedArchiveReader implements BatchedArchive {
  readonly #archive: StreamedArchive;
  readonly #onWarning: OpenRequest['onWarning'];

  /** @param onWarning as in `OpenRequest`. */
  constructor(archive: StreamedArchive, onWarning?: OpenRequest['onWarning']) {
    this.#archive = archive;
    this.#onWarning = onWarning;
  }

  get format(): 'tar' | 'zip' {
    return this.#archive.format;
  }

  async list(path: string, cursor: string | undefined, limit: number, signal?: AbortSignal): Promise<ArchivePage> {
    const level = new Level(path, cursor ?? '', limit + 1);
    for await (const { entry } of this.#entries(signal)) level.add(entry);
    if (path !== '' && !level.exists) throw level.isNoDirectory ? noDirectory(path) : pathNotFound(path);
    if (cursor !== undefined && !level.isPlace) throw noCursor();
    const entries = level.entries();
    const last = entries[limit] === undefined ? undefined : entries[limit - 1];
    return last === undefined ? { entries } : { entries: entries.slice(0, limit), cursor: behind(last) };
  }

  async *entries(signal?: AbortSignal): AsyncGenerator<Entry, void, void> {
    for await (const { entry } of this.#entries(signal)) yield entry;
  }

  async *batches(signal?: AbortSignal): AsyncGenerator<readonly Entry[], void, void> {
    for await (const { entry } of this.#entries(signal)) yield [entry];
  }

  async *selected(selects: (path: string) => boolean, signal?: AbortSignal): AsyncGenerator<StreamedEntry, void, void> {
    for await (const streamed of this.#entries(signal)) if (selects(streamed.entry.path)) yield streamed;
  }

  async content(path: string, signal?: AbortSignal): Promise<{ entry: Entry; stream: AsyncIterable<Uint8Array> }> {
    const asked = await this.#last(path, Infinity, signal);
    if (asked === undefined) throw pathNotFound(path);
    let found: typeof asked | undefined = asked;
    // Each leads to an entry before it, so that this ends.
    for (let links = 0; found?.entry.kind === 'hardlink' && links < MOST_LINKS; links++) {
      found = await this.#last(found.entry.target ?? '', found.number, signal);
    }
    if (found?.entry.kind !== 'file') throw noFile(path, asked.entry);
    return { entry: { ...found.entry, path }, stream: this.contentOf(found.number, signal) };
  }

  async close(): Promise<void> {
    // The caller owns and closes the sources.
  }

  /** The last entry of a path before a number: as in unpacking, later ones take the place of earlier ones. */
  async #last(
    path: string,
    before: number,
    signal: AbortSignal | undefined,
  ): Promise<{ number: number; entry: Entry } | undefined> {
    let found: { number: number; entry: Entry } | undefined;
    let number = 0;
    for await (const { entry } of this.#entries(signal)) {
      if (number === before) break;
      if (entry.path === path) found = { number, entry };
      number++;
    }
    return found;
  }

  /** The content of one entry, by its number from 0. */
  async *contentOf(wanted: number, signal?: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
    let number = 0;
    for await (const streamed of this.#entries(signal)) {
      if (number++ !== wanted) continue;
      yield* streamed.content();
      return;
    }
  }

  async *#entries(signal?: AbortSignal): AsyncGenerator<StreamedEntry, void, void> {
    for await (const item of this.#archive.read(signal)) {
      if ('entry' in item) yield item;
      else this.#onWarning?.(item.warning);
    }
  }
}

/** Collects one directory level: the first `most` names after a cursor, in whatever order entries come. */
class Level {
  readonly #prefix: string;
  readonly #cursor: string;
  readonly #most: number;
  #found = new Map<string, Entry>();
  exists = false;
  /** True once an entry of that very path was seen that is no directory. */
  isNoDirectory = false;
  /** True once the entry was seen behind which the page begins. */
  isPlace = false;

  constructor(path: string, cursor: string, most: number) {
    this.#prefix = path === '' ? '' : `${path}/`;
    this.#cursor = cursor;
    this.#most = most;
  }

  add(entry: Entry): void {
    const name = tarName(entry);
    this.isNoDirectory ||= `${name}/` === this.#prefix;
    if (!name.startsWith(this.#prefix)) return;
    this.exists = true;
    const rest = entry.path.slice(this.#prefix.length);
    if (rest === '') return;
    const slash = rest.indexOf('/');
    if (slash < 0) this.#keep(entry);
    // Many tars have no entries for directories; a file in one implies it.
    else this.#keep(impliedDirectory(this.#prefix + rest.slice(0, slash), entry.mtime), false);
  }

  entries(): Entry[] {
    this.#trim(this.#most);
    return [...this.#found.values()];
  }

  #keep(entry: Entry, replace = true): void {
    const name = tarName(entry);
    this.isPlace ||= behind(entry) === this.#cursor;
    if (!replace && this.#found.has(entry.path)) return;
    if (name < this.#cursor) {
      // It takes the place of an earlier one of its path, which may sort elsewhere: a directory's name has a slash.
      if (replace) this.#found.delete(entry.path);
      return;
    }
    this.#found.set(entry.path, entry);
    if (this.#found.size > 4 * this.#most) this.#trim(this.#most);
  }

  #trim(most: number): void {
    const sorted = [...this.#found.values()].sort((a, b) => (tarName(a) < tarName(b) ? -1 : 1));
    this.#found = new Map(sorted.slice(0, most).map((entry) => [entry.path, entry]));
  }
}

export function impliedDirectory(path: string, mtime: number): Entry {
  return { path, kind: 'directory', size: 0, mode: 0o755, uid: 0, gid: 0, mtime };
}
