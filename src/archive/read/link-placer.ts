/**
 * Places links after all files exist. A partial restore may want a hard link but not its file; the first such link then
 * becomes a file with that content, and the others link to it.
 */
import type { ByteSource } from '../../base/source.ts';
import type { Entry } from '../entry.ts';
import { SegmentInflater } from '../gzip/inflate.ts';
import type { IndexReader } from '../index/reader.ts';
import type { IndexedEntry } from '../index/format.ts';
import { contentParts } from '../open/indexed-archive.ts';
import type { UnpackTarget } from '../unpack/target.ts';
import type { WantedEntries } from './wanted-entries.ts';

export class LinkPlacer {
  readonly #archive: ByteSource;
  readonly #reader: IndexReader;
  readonly #target: UnpackTarget;
  readonly #wanted: WantedEntries;
  readonly #inflater = new SegmentInflater();
  readonly #expected = { hardlink: 0, symlink: 0 };
  /** For a file that is not unpacked itself: the path that got its content. */
  readonly #standIns = new Map<string, string>();

  constructor(archive: ByteSource, reader: IndexReader, target: UnpackTarget, wanted: WantedEntries) {
    this.#archive = archive;
    this.#reader = reader;
    this.#target = target;
    this.#wanted = wanted;
  }

  expect(entry: Entry): void {
    if (entry.kind === 'hardlink' || entry.kind === 'symlink') this.#expected[entry.kind]++;
  }

  expects(kind: 'hardlink' | 'symlink'): boolean {
    return this.#expected[kind] > 0;
  }

  async place(entry: IndexedEntry): Promise<void> {
    if (entry.kind === 'symlink') {
      this.#target.placeSymlink(entry);
      return;
    }
    const standIn = this.#standIns.get(entry.target ?? '');
    if (standIn !== undefined) {
      this.#target.placeHardLink({ ...entry, target: standIn });
      return;
    }
    const left = this.#wanted.all ? undefined : await this.#reader.find(entry.target ?? '');
    if (left?.kind === 'file' && (await this.#wanted.of([left])).length === 0) await this.#copy(entry, left);
    else this.#target.placeHardLink(entry);
  }

  /** Turns the link into a file, because the file it points to is not wanted. */
  async #copy(link: IndexedEntry, content: IndexedEntry): Promise<void> {
    const file = this.#target.createFile({ ...content, path: link.path });
    if (file === undefined) return;
    this.#standIns.set(content.path, link.path);
    try {
      for await (const { segment, from, to } of contentParts(this.#reader, content)) {
        const stored = await this.#archive.read(segment.offset, segment.length);
        file.write(this.#inflater.inflate(stored, segment).subarray(from, to));
      }
      file.close();
    } catch (error) {
      this.#target.abandonFile(file);
      throw error;
    }
  }
}
