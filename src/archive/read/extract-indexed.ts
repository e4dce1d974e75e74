/**
 * Unpacking one of our own archives by its index: segments are inflated and written in parallel, and only those that
 * hold something wanted are read at all.
 *
 * Order: a directory before what is in it; files as their segments come; hard links; symlinks; then the directories'
 * metadata, and one flush of all.
 */
import fs from 'node:fs';
import { Failure } from '../../base/failure.ts';
import type { Pace } from '../../base/rates.ts';
import type { ByteSource } from '../../base/source.ts';
import type { ExtractResult } from '../contract.ts';
import type { Control } from '../threads/control.ts';
import type { ArchiveProgress, Entry } from '../entry.ts';
import type { IndexReader } from '../index/reader.ts';
import type { IndexedEntry } from '../index/format.ts';
import { InflatePipeline } from './inflate-pipeline.ts';
import { LinkPlacer } from './link-placer.ts';
import type { SelectionPort } from './selection-port.ts';
import { Integrity, requireRecorded } from './integrity.ts';
import type { ExtractData, FilePart } from './messages.ts';
import { contentStart, type FilledSegment, filledSegments } from '../index/segment-entries.ts';
import type { UnpackFile } from '../unpack/file.ts';
import { durabilityFor } from '../unpack/flush.ts';
import { UnpackTarget, openUnpackRoot } from '../unpack/target.ts';
import { WantedEntries } from './wanted-entries.ts';
import { WarningLog } from '../unpack/warning-log.ts';

export async function extractIndexed(
  archive: ByteSource,
  reader: IndexReader,
  data: ExtractData,
  choice: SelectionPort,
  control: Control,
  writePace: Pace,
  onProgress: (progress: ArchiveProgress) => void,
): Promise<ExtractResult> {
  const root = openUnpackRoot(data.into, data.overwrite);
  try {
    const chosen = data.selecting ? choice : undefined;
    const run = new Extraction(archive, reader, data, root, chosen, control, writePace, onProgress);
    return await run.run();
  } finally {
    fs.closeSync(root);
  }
}

interface OpenFile {
  readonly entry: IndexedEntry;
  readonly file: UnpackFile;
  /** Bytes that are not written yet. */
  left: number;
}

class Extraction {
  readonly #archive: ByteSource;
  readonly #reader: IndexReader;
  readonly #control: Control;
  readonly #writePace: Pace;
  readonly #onProgress: (progress: ArchiveProgress) => void;
  readonly #warnings = new WarningLog();
  readonly #target: UnpackTarget;
  readonly #wanted: WantedEntries;
  readonly #line: InflatePipeline;
  readonly #links: LinkPlacer;
  readonly #limits: ExtractData['limits'];
  readonly #expected: ExtractData['expected'];
  /** Directories on the way down to the newest entry, made only once something in them is wanted. */
  #ancestors: { readonly entry: Entry; made: boolean }[] = [];
  /** Files whose content spans segments, by tar offset. */
  readonly #open = new Map<number, OpenFile>();
  #done = 0;
  #entries = 0;
  #files = 0;
  #bytes = 0;

  constructor(
    archive: ByteSource,
    reader: IndexReader,
    data: ExtractData,
    root: number,
    choice: SelectionPort | undefined,
    control: Control,
    writePace: Pace,
    onProgress: (progress: ArchiveProgress) => void,
  ) {
    const { owner, setuid, overwrite, limits } = data;
    this.#archive = archive;
    this.#reader = reader;
    this.#control = control;
    this.#writePace = writePace;
    this.#onProgress = onProgress;
    this.#limits = limits;
    this.#expected = data.expected;
    const durability = durabilityFor(root, data.durable);
    this.#target = new UnpackTarget(root, { owner, setuid, overwrite, durability, limits }, this.#warnings.add);
    this.#wanted = new WantedEntries(choice, this.#warnings.add);
    this.#links = new LinkPlacer(archive, reader, this.#target, this.#wanted);
    this.#line = new InflatePipeline({
      archive,
      workers: data.workers,
      control,
      unpack: data,
      onResult: (task, { warnings }) => {
        for (const warning of warnings) this.#warnings.add(warning);
        this.#written(task.parts);
        this.#advance(task.segment.length);
      },
    });
  }

  async run(): Promise<ExtractResult> {
    try {
      const proof = this.#expected === undefined ? undefined : await Integrity.begin(this.#archive, this.#reader);
      for await (const filled of filledSegments(this.#reader)) await this.#unpack(filled, proof);
      await this.#line.finish();
      if (proof !== undefined) requireRecorded({ size: this.#archive.size, ...(await proof.finish()) }, this.#expected);
      await this.#placeLinks('hardlink');
      await this.#placeLinks('symlink');
      this.#target.finish();
      return this.#result();
    } finally {
      await this.#line.close();
      for (const { file } of this.#open.values()) this.#target.abandonFile(file);
      this.#target.close();
    }
  }

  #result(): ExtractResult {
    const { kept: warnings, count: warningCount, hostile } = this.#warnings;
    return { entries: this.#entries, files: this.#files, bytes: this.#bytes, warnings, warningCount, hostile };
  }

  async #unpack(filled: FilledSegment, proof: Integrity | undefined): Promise<void> {
    const { segment, entries, continued } = filled;
    this.#control.checkStop();
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
      if (entry.kind === 'directory') this.#descend(entry);
      if (!wanted.has(entry)) continue;
      this.#prepare(entry, end);
      if (entry.kind === 'file') add(entry);
    }
    await this.#writePace.take(parts.reduce((sum, { length }) => sum + length, 0));
    if (proof !== undefined) await this.#line.add({ segment, entries, parts }, proof.hash);
    else if (parts.length > 0) await this.#line.add({ segment, entries: [], parts });
    else this.#advance(segment.length);
  }

  /** Counts an entry, makes the directories above it, and opens it when its content spans segments. */
  #prepare(entry: IndexedEntry, segmentEnd: number): void {
    this.#count(entry);
    this.#makeAncestors(entry);
    if (entry.kind === 'hardlink' || entry.kind === 'symlink') this.#links.expect(entry);
    if (entry.kind !== 'file') return;
    this.#target.adopt(entry.path);
    if (contentStart(entry) + entry.size <= segmentEnd) return;
    const file = this.#target.createFile(entry);
    if (file !== undefined) this.#open.set(entry.tarOffset, { entry, file, left: entry.size });
  }

  /** The part of a file's content that lies in the raw bytes up to `end`, beginning at `start`. */
  #partOf(entry: IndexedEntry, start: number, end: number): FilePart | undefined {
    const content = contentStart(entry);
    const from = Math.max(content, start);
    const to = Math.min(content + entry.size, end);
    const open = this.#open.get(entry.tarOffset);
    const place = { entry, at: from - start, length: Math.max(to - from, 0), offset: from - content };
    if (open !== undefined) return place.length > 0 ? { ...place, descriptor: open.file.descriptor } : undefined;
    // A file that was passed over while its content spans segments has no whole part either.
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

  #descend(entry: Entry): void {
    this.#ancestors = this.#ancestors.filter((above) => entry.path.startsWith(`${above.entry.path}/`));
    this.#ancestors.push({ entry, made: false });
  }

  #makeAncestors(entry: Entry): void {
    for (const above of this.#ancestors) {
      const leads = above.entry === entry || entry.path.startsWith(`${above.entry.path}/`);
      if (!leads || above.made) continue;
      above.made = true;
      this.#target.makeDirectory(above.entry);
    }
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
      this.#control.checkStop();
      await place(some);
      some = [];
    }
    await place(some);
  }

  #count(entry: IndexedEntry): void {
    this.#entries++;
    if (entry.kind === 'file' || (entry.kind === 'hardlink' && entry.headerLength > 0)) this.#files++;
    this.#bytes += entry.size;
    const { maxBytes, maxEntries } = this.#limits;
    if (maxBytes > 0 && this.#bytes > maxBytes) {
      throw new Failure('too_large', `Cannot unpack: its content is larger than ${maxBytes} bytes`, {
        facts: { maxBytes },
      });
    }
    if (maxEntries > 0 && this.#entries > maxEntries) {
      throw new Failure('too_large', `Cannot unpack: there are more than ${maxEntries} entries`, {
        facts: { maxEntries },
      });
    }
  }

  #advance(stored: number): void {
    this.#done += stored;
    const { size } = this.#archive;
    const filesTotal = Math.max(this.#reader.summary.files, this.#files);
    this.#onProgress({ bytesDone: this.#done, bytesTotal: size, filesDone: this.#files, filesTotal });
  }
}
