/**
 * Unpacks one of Roost's own archives by its index. Segments are inflated and written in parallel; segments without
 * wanted entries are not read.
 *
 * Order: directories before their content, files as their segments arrive, hard links, symlinks, then the directories'
 * metadata and one flush.
 */
import fs from 'node:fs';
import { printable, splitPath } from '../../base/files/paths.ts';
import type { ExtractResult } from '../contract.ts';
import type { Entry } from '../entry.ts';
import type { IndexReader } from '../index/reader.ts';
import type { IndexedEntry } from '../index/format.ts';
import { isZeroSegment } from '../gzip/zero-segment.ts';
import { Ancestors } from './ancestors.ts';
import { InflatePipeline } from './inflate-pipeline.ts';
import { LinkPlacer } from './link-placer.ts';
import type { ExtractDeps } from './deps.ts';
import { Integrity, requireRecorded } from './integrity.ts';
import type { ExtractData, FilePart } from './messages.ts';
import { contentStart, type FilledSegment, filledSegments } from '../index/segment-entries.ts';
import type { UnpackFile } from '../unpack/file.ts';
import { durabilityFor } from '../unpack/flush.ts';
import { dropInheritedAcl, UnpackTarget, openUnpackRoot } from '../unpack/target.ts';
import { UnpackTally } from '../unpack/tally.ts';
import { WantedEntries } from './wanted-entries.ts';
import { WarningLog } from '../unpack/warning-log.ts';

export async function extractIndexed(
  deps: ExtractDeps,
  reader: IndexReader,
  data: ExtractData,
): Promise<ExtractResult> {
  const root = openUnpackRoot(data.into, data.overwrite);
  try {
    if (data.durable && !data.overwrite) dropInheritedAcl(root);
    return await new Extraction(deps, reader, data, root).run();
  } finally {
    fs.closeSync(root);
  }
}

interface OpenFile {
  readonly entry: IndexedEntry;
  readonly file: UnpackFile;
  /** Bytes not written yet. */
  left: number;
}

class Extraction {
  readonly #deps: ExtractDeps;
  readonly #reader: IndexReader;
  readonly #warnings = new WarningLog();
  readonly #target: UnpackTarget;
  readonly #wanted: WantedEntries;
  readonly #pipeline: InflatePipeline;
  readonly #links: LinkPlacer;
  /** What was asked for, made or not. */
  readonly #asked: UnpackTally;
  readonly #expected: ExtractData['expected'];
  /** Parents of the newest entry, created only when something in them is wanted. */
  readonly #ancestors = new Ancestors();
  /** Files whose content spans segments, by tar offset. */
  readonly #open = new Map<number, OpenFile>();
  #done = 0;

  constructor(deps: ExtractDeps, reader: IndexReader, data: ExtractData, root: number) {
    const { owner, setuid, overwrite, limits } = data;
    const { archive, control, threads, selection } = deps;
    this.#deps = deps;
    this.#reader = reader;
    this.#asked = new UnpackTally(limits);
    this.#expected = data.expected;
    const durability = durabilityFor(root, data.durable);
    this.#target = new UnpackTarget(root, { owner, setuid, overwrite, durability, limits }, this.#warnings.add);
    this.#wanted = new WantedEntries(data.selecting ? selection : undefined, this.#warnings.add);
    this.#links = new LinkPlacer(archive, reader, this.#target, this.#wanted);
    this.#pipeline = new InflatePipeline({
      archive,
      threads,
      workers: data.workers,
      control,
      unpack: data,
      onResult: (task, { warnings, lost = [], written = 0 }) => {
        for (const warning of warnings) this.#warnings.add(warning);
        this.#target.lost.merge(lost);
        if (written > 0) this.#asked.charge(written, '');
        this.#written(task.parts);
        this.#advance(task.segment.length);
      },
    });
  }

  async run(): Promise<ExtractResult> {
    try {
      const proof = this.#expected === undefined ? undefined : await Integrity.begin(this.#deps.archive, this.#reader);
      for await (const filled of filledSegments(this.#reader)) await this.#unpack(filled, proof);
      await this.#pipeline.finish();
      if (proof !== undefined)
        requireRecorded({ size: this.#deps.archive.size, ...(await proof.finish()) }, this.#expected);
      await this.#placeLinks('hardlink');
      await this.#placeLinks('symlink');
      this.#target.finish();
      return this.#result();
    } finally {
      await this.#pipeline.close();
      for (const { file } of this.#open.values()) this.#target.abandonFile(file);
      this.#target.close();
    }
  }

  #result(): ExtractResult {
    const { kept: warnings, count: warningCount, hostile, skipped } = this.#warnings;
    return { ...this.#asked.counts, warnings, warningCount, hostile, skipped };
  }

  async #unpack(filled: FilledSegment, proof: Integrity | undefined): Promise<void> {
    const { segment, entries, continued } = filled;
    this.#deps.control.checkStop();
    proof?.addSegment(filled);
    const parts: FilePart[] = [];
    const end = segment.rawOffset + segment.rawLength;
    const add = (entry: IndexedEntry): void => {
      const part = this.#partOf(entry, segment.rawOffset, end);
      if (part !== undefined) parts.push(part);
    };
    if (continued !== undefined && this.#open.has(continued.tarOffset)) add(continued);
    const wanted = new Set(await this.#wanted.of(entries));
    for (const entry of entries) {
      if (entry.kind === 'directory') this.#ancestors.descend(entry);
      if (!wanted.has(entry)) continue;
      if (this.#prepare(entry, end) && entry.kind === 'file') add(entry);
    }
    if (!isZeroSegment(segment)) await this.#deps.writePace.take(parts.reduce((sum, { length }) => sum + length, 0));
    if (proof !== undefined) await this.#pipeline.add({ segment, entries, parts }, proof.hash);
    else if (parts.length > 0) await this.#pipeline.add({ segment, entries: [], parts });
    else this.#advance(segment.length);
  }

  /**
   * Counts an entry, makes its parent directories, and opens it when its content spans segments. False when there can
   * be no such directory.
   */
  #prepare(entry: IndexedEntry, segmentEnd: number): boolean {
    this.#count(entry);
    const hasPlace = this.#makeAncestors(entry);
    if (entry.kind === 'hardlink' || entry.kind === 'symlink') this.#links.expect(entry);
    if (!hasPlace || entry.kind !== 'file') return hasPlace;
    this.#target.adopt(entry.path);
    if (contentStart(entry) + entry.size <= segmentEnd) return true;
    const file = this.#target.createFile(entry);
    if (file !== undefined) this.#open.set(entry.tarOffset, { entry, file, left: entry.size });
    return true;
  }

  /** The part of a file's content within the raw bytes from `start` to `end`. */
  #partOf(entry: IndexedEntry, start: number, end: number): FilePart | undefined {
    const content = contentStart(entry);
    const from = Math.max(content, start);
    const to = Math.min(content + entry.size, end);
    const open = this.#open.get(entry.tarOffset);
    const merged = this.#target.isMerged(splitPath(entry.path).parent);
    const place = { entry, at: from - start, length: Math.max(to - from, 0), offset: from - content, merged };
    if (open !== undefined) return place.length > 0 ? { ...place, descriptor: open.file.descriptor } : undefined;
    // Undefined also for a skipped file whose content spans segments.
    return content + entry.size <= end && from === content ? place : undefined;
  }

  #written(parts: readonly FilePart[]): void {
    for (const { entry, length, descriptor } of parts) {
      const open = descriptor === undefined ? undefined : this.#open.get(entry.tarOffset);
      if (open === undefined) continue;
      open.left -= length;
      open.file.account(length);
      if (open.left > 0) continue;
      this.#open.delete(entry.tarOffset);
      open.file.close();
    }
  }

  /** False when a directory above the entry, or the entry itself, cannot be. */
  #makeAncestors(entry: Entry): boolean {
    const refused = this.#ancestors.make(entry, (directory) => this.#target.makeDirectory(directory));
    if (refused !== undefined && refused !== entry) this.#passOver(entry, refused);
    return refused === undefined;
  }

  #passOver({ path, kind }: Entry, above: Entry): void {
    // Links come last, and are named then.
    if (kind === 'hardlink' || kind === 'symlink') return;
    const message = `passed over "${printable(path)}": its directory "${printable(above.path)}" was`;
    this.#warnings.add({ path, code: 'refused_by_file_system', message });
  }

  async #placeLinks(kind: 'hardlink' | 'symlink'): Promise<void> {
    if (!this.#links.expects(kind)) return;
    const place = async (entries: readonly IndexedEntry[]): Promise<void> => {
      for (const entry of await this.#wanted.of(entries)) await this.#links.place(entry);
    };
    let some: IndexedEntry[] = [];
    for await (const entry of this.#reader.entries()) {
      if (entry.kind === kind) some.push(entry);
      if (some.length < 1000) continue;
      this.#deps.control.checkStop();
      await place(some);
      some = [];
    }
    await place(some);
  }

  #count(entry: IndexedEntry): void {
    this.#asked.entries++;
    if (entry.kind === 'file' || (entry.kind === 'hardlink' && entry.headerLength > 0)) this.#asked.files++;
    this.#asked.addBytes(entry);
    this.#asked.addName();
  }

  #advance(stored: number): void {
    this.#done += stored;
    const { size } = this.#deps.archive;
    const filesTotal = Math.max(this.#reader.summary.files, this.#asked.files);
    this.#deps.onProgress({ bytesDone: this.#done, bytesTotal: size, filesDone: this.#asked.files, filesTotal });
  }
}
