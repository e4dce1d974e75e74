/**
 * Reads one pack's files into memory as tar entries. Each file is opened relative to its directory's handle, must still
 * be a regular file, and yields exactly the bytes that its header announces: a longer file is cut, a shorter one filled
 * with zeros, a missing one left out, each with a warning. Hard links to a file that was left out or replaced go through
 * HardLinkFallback. So changing files never make the archive malformed.
 */
import fs from 'node:fs';
import type { Clock } from '../../base/clock.ts';
import { errnoOf } from '../../base/failure.ts';
import { DirectoryChain, openForReading, openRoot } from '../../base/files/handles.ts';
import { splitPath } from '../../base/files/paths.ts';
import type { PackedEntry } from './cut.ts';
import type { ArchiveWarning, Entry, WarningCode } from '../entry.ts';
import { HardLinkFallback } from './hard-link-fallback.ts';
import type { EntryChange, SegmentResult } from './messages.ts';
import { PackRuns } from './runs.ts';
import { HeaderEncoder, headerLength, paddingOf } from '../tar/header.ts';
import { LostAttributes, readAttributes } from '../tar/read-attributes.ts';
import { isExhausted } from '../walk/exhausted.ts';
import { wholeSeconds } from '../walk/times.ts';

/** `length` is the number of bytes filled. */
export type PackContent = Pick<SegmentResult, 'changes' | 'warnings' | 'asPlanned' | 'rest'> & {
  readonly length: number;
  /** Where runs of deflate end, when the archive shares bytes with others. */
  readonly runs: readonly number[];
};

/** The most directories that each thread holds open. */
const HELD_LEVELS = 8;

export class PackReader {
  readonly #root: number;
  readonly #chain: DirectoryChain;
  readonly #encoder = new HeaderEncoder();
  readonly #clock: Clock;
  readonly #checkStop: () => void;
  readonly #shares: boolean;

  /** Opens the directory that packs are read from. */
  static open(root: string, clock: Clock, checkStop: () => void, shares = false): PackReader {
    return new PackReader(openRoot(root), clock, checkStop, shares);
  }

  private constructor(root: number, clock: Clock, checkStop: () => void, shares: boolean) {
    this.#shares = shares;
    this.#root = root;
    this.#chain = new DirectoryChain(root, HELD_LEVELS);
    this.#clock = clock;
    this.#checkStop = checkStop;
  }

  close(): void {
    this.#chain.close();
    fs.closeSync(this.#root);
  }

  /** Fills `raw` with the entries' tar bytes, as many as fit. */
  read(entries: readonly PackedEntry[], raw: Buffer): PackContent {
    const pack = new PackBuilder(raw, this.#encoder, this.#clock, this.#shares ? new PackRuns() : undefined);
    for (const [index, entry] of entries.entries()) {
      this.#checkStop();
      if (!this.#add(pack, index, entry)) return pack.content(index);
    }
    return pack.content();
  }

  /** False when the entry no longer fits into the pack. */
  #add(pack: PackBuilder, index: number, planned: PackedEntry): boolean {
    const entry = pack.hardLinks.resolve(planned);
    if (entry === undefined) return pack.drop(index);
    if (entry.indexOnly === true) return true;
    if (entry.kind === 'file' && entry.headerOnly !== true) return this.#readFile(pack, index, planned, entry);
    return pack.addHeader(index, planned, entry);
  }

  #readFile(pack: PackBuilder, index: number, planned: PackedEntry, entry: PackedEntry): boolean {
    let descriptor: number;
    try {
      const { parent, name } = splitPath(entry.path);
      descriptor = openForReading(this.#chain.open(parent), name);
    } catch (error) {
      pack.leaveOut(index, entry.path, error);
      return true;
    }
    try {
      if (pack.addUnchanged(planned, entry, descriptor)) return true;
      const stat = fs.fstatSync(descriptor);
      if (stat.isFile()) return pack.addFile(index, planned, entry, descriptor, stat);
      pack.leaveOut(index, entry.path);
      return true;
    } finally {
      fs.closeSync(descriptor);
    }
  }
}

class PackBuilder {
  /** Files lost in this pack only; the pipeline knows of those lost before. */
  readonly hardLinks = new HardLinkFallback();
  readonly #raw: Buffer;
  readonly #encoder: HeaderEncoder;
  readonly #clock: Clock;
  readonly #changes: EntryChange[] = [];
  readonly #warnings: ArchiveWarning[] = [];
  readonly #runs: PackRuns | undefined;
  #length = 0;
  #asPlanned = true;

  constructor(raw: Buffer, encoder: HeaderEncoder, clock: Clock, runs: PackRuns | undefined) {
    this.#runs = runs;
    this.#raw = raw;
    this.#encoder = encoder;
    this.#clock = clock;
  }

  content(rest?: number): PackContent {
    const asPlanned = this.#asPlanned && rest === undefined;
    const runs = this.#runs?.ends ?? [];
    return { length: this.#length, runs, changes: this.#changes, warnings: this.#warnings, asPlanned, rest };
  }

  /** @param entry the planned one, or what it was relinked to. */
  addHeader(index: number, planned: PackedEntry, entry: PackedEntry): boolean {
    if (this.#length + headerLength(entry) > this.#raw.length) return false;
    if (entry !== planned) this.#change({ index, entry });
    this.#length += this.#encoder.encode(entry, this.#raw, this.#length);
    this.#runs?.addEntry(entry.path, this.#length);
    return true;
  }

  /**
   * Adds a file that is the planned one from before its content is read until after, which one look afterwards proves.
   *
   * @returns false, with nothing added, when it is not, does not fit or cannot be read. Reading a pipe that took its place
   *   fails and takes nothing out of it (pread(2), ESPIPE).
   */
  addUnchanged(planned: PackedEntry, entry: PackedEntry, descriptor: number): boolean {
    if (entry !== planned) return false;
    const start = this.#length + headerLength(entry);
    if (start + entry.size + paddingOf(entry.size) > this.#raw.length) return false;
    const now = this.#clock.now();
    const { got } = this.#readContent(entry, descriptor, start);
    if (got < entry.size) return false;
    const after = fs.fstatSync(descriptor);
    if (!after.isFile() || !sameFile(entry, after)) return false;
    this.#encoder.encode(entry, this.#raw, this.#length);
    this.#endFile(entry, start, got);
    // Its times are those of before the reading.
    if (entry.held !== true && isUnsettled(after, now)) this.#warnOfChange(entry, after);
    return true;
  }

  /** @param seen the file as it was before: the planned entry, or what a link was relinked to. */
  addFile(index: number, planned: PackedEntry, seen: PackedEntry, descriptor: number, stat: fs.Stats): boolean {
    // A hard link that stands in for a lost file was walked as a link, so its attributes were not read yet.
    const changed = planned.kind !== 'file' || !sameFile(seen, stat);
    const entry = changed ? this.#currentEntry(seen, stat, descriptor) : seen;
    if (this.#length + headerLength(entry) + entry.size + paddingOf(entry.size) > this.#raw.length) return false;
    if (isReplaced(seen, stat)) {
      this.hardLinks.markLost(entry.path);
      this.#change({ index, entry, replaced: true });
    } else if (entry !== planned) this.#change({ index, entry });
    this.#length += this.#encoder.encode(entry, this.#raw, this.#length);
    const start = this.#length;
    const unsettled = seen.held !== true && isUnsettled(stat, this.#clock.now());
    const { got, errno } = this.#readContent(entry, descriptor, start);
    if (errno !== undefined) {
      this.#asPlanned = false;
      this.#warn(entry.path, 'unreadable', `It cannot be read beyond byte ${got} (${errno}); zeros stand for the rest`);
    }
    this.#endFile(entry, start, got);
    const after = fs.fstatSync(descriptor);
    if (unsettled || got < entry.size || !sameFile(seen, after)) this.#warnOfChange(entry, after);
    return true;
  }

  /** Ends a file whose header and first `got` bytes are there. */
  #endFile({ path, size }: Entry, start: number, got: number): void {
    const end = start + size + paddingOf(size);
    this.#raw.fill(0, start + got, end);
    this.#length = end;
    this.#runs?.addContent(start, size);
    this.#runs?.addEntry(path, end);
  }

  /** The entry of a file as it is now: content and header must be of one moment. */
  #currentEntry(planned: PackedEntry, stat: fs.Stats, descriptor: number): Entry {
    const { path, kind } = planned;
    const { mode, uid, gid, mtimeMs } = stat;
    const size = readLength(planned, stat);
    const mtime = wholeSeconds(mtimeMs, () => fs.fstatSync(descriptor, { bigint: true }).mtimeNs);
    const lost = new LostAttributes();
    const attributes = readAttributes(descriptor, path, lost);
    for (const warning of lost.warnings('kept')) this.#warnings.push(warning);
    const entry = { path, kind, size, mode: mode & 0o7777, uid, gid, mtime };
    return attributes === undefined ? entry : { ...entry, attributes };
  }

  /** Reads up to the announced size; fewer bytes when the file ends early or cannot be read on. */
  #readContent(entry: Entry, descriptor: number, start: number): { readonly got: number; readonly errno?: string } {
    let got = 0;
    try {
      while (got < entry.size) {
        const count = fs.readSync(descriptor, this.#raw, start + got, entry.size - got, got);
        if (count === 0) break;
        got += count;
      }
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === undefined) throw error;
      return { got, errno };
    }
    return { got };
  }

  #warnOfChange(entry: Entry, after: fs.Stats): void {
    this.#asPlanned = false;
    const warning = changeWarning(entry, after.size);
    if (this.#warnings.at(-1)?.path !== entry.path) this.#warn(entry.path, warning.code, warning.message);
  }

  /** Leaves an entry out without a warning. */
  drop(index: number): true {
    this.#change({ index });
    return true;
  }

  leaveOut(index: number, path: string, error?: unknown): void {
    const warning = absenceWarning(error);
    this.hardLinks.markLost(path);
    this.#change({ index });
    this.#warn(path, warning.code, warning.message);
  }

  #change(change: EntryChange): void {
    this.#asPlanned = false;
    this.#changes.push(change);
  }

  #warn(path: string, code: WarningCode, message: string): void {
    this.#warnings.push({ path, code, message });
  }
}

/** How much of a file belongs to the archive. */
export function readLength({ held, size }: PackedEntry, now: fs.Stats): number {
  return held === true ? Math.min(size, now.size) : now.size;
}

/** True when a file still is the one that was seen before, unchanged; behind the part that is held still, it may grow. */
export function sameFile(seen: PackedEntry, now: fs.Stats): boolean {
  if (seen.held === true) return now.ino === seen.ino && now.dev === seen.dev && now.size >= seen.size;
  return (
    now.ino === seen.ino &&
    now.dev === seen.dev &&
    now.size === seen.size &&
    now.mtimeMs === seen.mtimeMs &&
    now.ctimeMs === seen.ctimeMs
  );
}

/** Two changes within this time may show the same times: the clock of file systems ticks every 4 to 10 milliseconds. */
const TICK_MS = 20;

/** True when a file changed so shortly before `now` that a change while it is read might not show. */
export function isUnsettled(stat: fs.Stats, now: number): boolean {
  return now - stat.ctimeMs < TICK_MS;
}

/** True when a name leads to another file than it did before. */
export function isReplaced(seen: PackedEntry, now: fs.Stats): boolean {
  return now.ino !== seen.ino || now.dev !== seen.dev;
}

/** The warning for a file that changed; `now` is its size after reading. */
export function changeWarning(entry: Entry, now: number): { code: WarningCode; message: string } {
  if (now > entry.size) {
    return { code: 'file_grew', message: `It grew from ${entry.size} to ${now} bytes while it was read; it was cut` };
  }
  if (now < entry.size) {
    return { code: 'file_shrank', message: `It shrank from ${entry.size} to ${now} bytes; zeros stand for the rest` };
  }
  return { code: 'file_changed', message: 'It changed while the backup ran; it may hold old and new bytes' };
}

/**
 * The warning for a file that could not be opened or, without an error, is not a regular file any more.
 *
 * @throws the error itself when the trouble is not the file's: no descriptors or no memory left.
 */
export function absenceWarning(error?: unknown): { code: WarningCode; message: string } {
  if (error === undefined) {
    return { code: 'special_file', message: 'It became something else than a file while the backup ran' };
  }
  const errno = errnoOf(error);
  if (errno === undefined || isExhausted(error)) throw error;
  if (errno === 'ENOENT') return { code: 'file_vanished', message: 'It was gone before it could be read' };
  if (errno === 'ELOOP' || errno === 'ENOTDIR') {
    return { code: 'file_changed', message: 'A link or another file took its place while the backup ran' };
  }
  return { code: 'unreadable', message: `It cannot be opened (${errno})` };
}
