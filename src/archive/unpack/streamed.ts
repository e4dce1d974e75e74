/**
 * Unpacks an archive that is read from its start, one entry after the other. Runs in a thread, since its writes are
 * synchronous.
 *
 * A selection may hold a hard link but not the file with its content, which has already gone by. The archive is then
 * read a second time: the first such link becomes the file, the others link to it.
 */
import fs from 'node:fs';
import { type Clock, systemClock } from '../../base/clock.ts';
import { asFailure, throwIfAborted } from '../../base/failure.ts';
import { printable } from '../../base/files/paths.ts';
import type { Pace } from '../../base/rates.ts';
import type { ExtractRequest, ExtractResult, StreamedArchive, StreamedEntry } from '../contract.ts';
import type { Entry, WarningCode } from '../entry.ts';
import { durabilityFor } from './flush.ts';
import { PendingLinks } from './pending-links.ts';
import { UnpackTally } from './tally.ts';
import { dropInheritedAcl, UnpackTarget, openUnpackRoot } from './target.ts';
import { WarningLog } from './warning-log.ts';

export interface StreamedExtractRequest extends Omit<ExtractRequest, 'select' | 'expected' | 'rates'> {
  /** As in `ExtractRequest`; may also ask another thread. */
  readonly select?: (path: string, kind: Entry['kind']) => boolean | Promise<boolean>;
  /** Called for every entry and chunk; throws to stop. Threads have a flag instead of a signal. */
  readonly checkStop?: () => void;
  /** Awaited before each chunk is written. */
  readonly writePace?: Pace;
}

const DOING = 'Cannot unpack';
const PROGRESS_MS = 100;

/**
 * Unpacks the selected entries.
 *
 * @returns what was made, with a warning for everything skipped, changed or not settable.
 * @throws Failure `archive_damaged`, `too_large` beyond the limits, `insufficient_storage`, `invalid_request` when
 *   `into` cannot be used; `cancelled` within one chunk of an abort (not during the final flush). What was written
 *   stays, except for the current file; the caller removes the directory.
 */
export async function unpackStreamed(
  archive: StreamedArchive,
  request: StreamedExtractRequest,
  clock: Clock = systemClock,
): Promise<ExtractResult> {
  throwIfAborted(request.signal, DOING);
  const root = openUnpackRoot(request.into, request.overwrite);
  try {
    if (request.durable && !request.overwrite) dropInheritedAcl(root);
    const unpacking = new StreamedUnpacking(archive, request, root, clock);
    try {
      return await unpacking.run();
    } finally {
      unpacking.close();
    }
  } catch (error) {
    throw asFailure(error, DOING);
  } finally {
    fs.closeSync(root);
  }
}

class StreamedUnpacking {
  readonly #archive: StreamedArchive;
  readonly #request: StreamedExtractRequest;
  readonly #clock: Clock;
  readonly #target: UnpackTarget;
  readonly #warnings = new WarningLog();
  readonly #links = new PendingLinks();
  /** Counts every name in the archive, unpacked or not: hostile names and remembered links cost memory too. */
  readonly #seen: UnpackTally;
  #bytes = 0;
  #reportedAt = 0;

  constructor(archive: StreamedArchive, request: StreamedExtractRequest, root: number, clock: Clock) {
    this.#archive = archive;
    this.#request = request;
    this.#clock = clock;
    const { owner, setuid, overwrite, limits } = request;
    this.#seen = new UnpackTally(limits);
    const durability = durabilityFor(root, request.durable);
    this.#target = new UnpackTarget(root, { owner, setuid, overwrite, limits, durability }, this.#warnings.add);
  }

  async run(): Promise<ExtractResult> {
    await this.#firstPass();
    if (this.#links.hasOrphans) await this.#secondPass();
    for (const entry of this.#links.symlinks()) this.#target.placeSymlink(entry);
    this.#check();
    this.#target.finish();
    const counts = this.#target.counts;
    this.#report(true);
    const { kept, count, hostile, skipped } = this.#warnings;
    return { ...counts, warnings: kept, warningCount: count, hostile, skipped };
  }

  close(): void {
    this.#target.close();
  }

  async #firstPass(): Promise<void> {
    for await (const item of this.#archive.read(this.#request.signal)) {
      this.#check();
      if ('warning' in item) {
        this.#seen.addName();
        this.#warnings.add(item.warning);
      } else if (await this.#isWanted(item.entry.path, item.entry.kind)) await this.#take(item);
      else if (item.entry.kind === 'hardlink') {
        this.#seen.addName();
        this.#links.addUnwanted(item.entry);
      }
      this.#report(false);
    }
  }

  async #take(item: StreamedEntry): Promise<void> {
    const { entry } = item;
    this.#seen.addName();
    const above = this.#links.symlinkAbove(entry.path);
    if (above !== undefined) {
      this.#passOver(entry, 'hostile_entry', `it leads through the symlink "${printable(above)}"`);
      return;
    }
    switch (entry.kind) {
      case 'directory':
        if (this.#links.symlinkAt(entry.path) === undefined) this.#target.makeDirectory(entry);
        else this.#passOver(entry, 'hostile_entry', 'there is a symlink of that name');
        return;
      case 'symlink':
        this.#links.addSymlink(entry);
        return;
      case 'file':
        this.#links.dropSymlink(entry.path);
        await this.#writeFile(entry, item.content());
        return;
      case 'hardlink':
        await this.#takeHardLink(entry);
    }
  }

  async #takeHardLink(entry: Entry): Promise<void> {
    const file = this.#links.fileBehind(entry.target ?? '');
    const symlink = this.#links.symlinkAt(file);
    if (symlink !== undefined) {
      // Hard links to symlinks are legal. A second symlink means the same and is made last, like all symlinks.
      this.#links.addSymlink({ ...symlink, path: entry.path });
      const message = `"${printable(entry.path)}" became a symlink of its own: it was a hard link to one`;
      this.#warnings.add({ path: entry.path, code: 'link_copied', message });
      return;
    }
    this.#links.dropSymlink(entry.path);
    if (await this.#isWanted(file, 'file')) this.#target.placeHardLink({ ...entry, target: file });
    else this.#links.addOrphan(entry, file);
  }

  async #secondPass(): Promise<void> {
    /** First links not reached yet: when a file occurs several times, the last before its link counts. */
    const coming = new Set([...this.#links.orphans()].map(({ first }) => first.path));
    for await (const item of this.#archive.read(this.#request.signal)) {
      this.#check();
      if ('warning' in item) continue;
      if (item.entry.kind === 'hardlink') coming.delete(item.entry.path);
      if (coming.size === 0) break;
      const orphans = item.entry.kind === 'file' ? this.#links.orphansOf(item.entry.path) : undefined;
      if (orphans === undefined || !coming.has(orphans.first.path)) continue;
      await this.#writeFile({ ...item.entry, path: orphans.first.path }, item.content());
      orphans.isWritten = true;
    }
    for (const { first, others, isWritten } of this.#links.orphans()) {
      for (const entry of others) if (isWritten) this.#target.placeHardLink({ ...entry, target: first.path });
      for (const entry of isWritten ? [] : [first, ...others]) {
        this.#passOver(entry, 'hostile_entry', `its target "${printable(entry.target ?? '')}" is not in the archive`);
      }
    }
  }

  async #writeFile(entry: Entry, content: AsyncIterable<Uint8Array>): Promise<void> {
    const file = this.#target.createFile(entry);
    if (file === undefined) return;
    try {
      for await (const chunk of content) {
        this.#check();
        await this.#request.writePace?.take(chunk.length);
        const written = file.write(chunk);
        if (entry.allocated !== undefined) this.#target.charge(written, entry.path);
        this.#bytes += chunk.length;
        this.#report(false);
      }
      file.close();
    } catch (error) {
      this.#target.abandonFile(file);
      throw asFailure(error, `${DOING} "${printable(entry.path)}"`);
    }
  }

  #isWanted(path: string, kind: Entry['kind']): boolean | Promise<boolean> {
    return this.#request.select === undefined || this.#request.select(path, kind);
  }

  #passOver(entry: Entry, code: WarningCode, reason: string): void {
    this.#warnings.add({ path: entry.path, code, message: `passed over "${printable(entry.path)}": ${reason}` });
  }

  #check(): void {
    throwIfAborted(this.#request.signal, DOING);
    this.#request.checkStop?.();
  }

  /** Estimates totals from the share of the archive read so far. */
  #report(isLast: boolean): void {
    const { onProgress, source } = this.#request;
    if (onProgress === undefined) return;
    const now = this.#clock.monotonic();
    if (!isLast && now - this.#reportedAt < PROGRESS_MS) return;
    this.#reportedAt = now;
    const scale = isLast ? 1 : Math.max(1, source.archive.size / Math.max(1, this.#archive.consumed()));
    onProgress({
      bytesDone: this.#bytes,
      bytesTotal: Math.round(this.#bytes * scale),
      filesDone: this.#target.counts.files,
      filesTotal: Math.round(this.#target.counts.files * scale),
    });
  }
}
