/**
 * Unpacks an archive that is read from its start, one entry after the other. Runs in a thread, since its writes are
 * synchronous.
 *
 * A selection may hold a hard link but not the file with its content, which has already gone by. The archive is then
 * read a second time: the first such link becomes the file, the others link to it. Links to a symlink become symlinks.
 */
import fs from 'node:fs';
import { type Clock, systemClock } from '../../base/clock.ts';
import { asFailure, throwIfAborted } from '../../base/failure.ts';
import { printable } from '../../base/files/paths.ts';
import type { Pace } from '../../base/rates.ts';
import type { ExtractRequest, ExtractResult, StreamedArchive, StreamedEntry } from '../contract.ts';
import type { Entry, WarningCode } from '../entry.ts';
import type { UnpackFile } from './file.ts';
import { durabilityFor } from './flush.ts';
import { type FoundContent, OrphanContent } from './orphan-content.ts';
import { PendingLinks, type Version } from './pending-links.ts';
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
    const orphaned = this.#links.orphaned();
    if (orphaned.length > 0) await this.#secondPass(orphaned);
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
    let number = 0;
    for await (const item of this.#archive.read(this.#request.signal)) {
      number++;
      this.#check();
      if ('warning' in item) {
        this.#seen.addName();
        this.#warnings.add(item.warning);
      } else if (await this.#isWanted(item.entry.path, item.entry.kind)) await this.#take(item, number);
      else this.#passBy(item.entry, number);
      this.#report(false);
    }
  }

  /** An entry that is not wanted: a later hard link may lead to it. */
  #passBy(entry: Entry, number: number): void {
    if (entry.kind === 'directory') return;
    const version = entry.kind === 'hardlink' ? this.#links.versionOf(entry.target ?? '', number) : undefined;
    this.#links.replace(entry.path);
    if (version === undefined) return;
    this.#seen.addName();
    this.#links.addLink(entry.path, version);
  }

  async #take(item: StreamedEntry, number: number): Promise<void> {
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
        this.#links.replace(entry.path);
        this.#links.addSymlink(entry);
        return;
      case 'file':
        await this.#takeFile(item);
        return;
      case 'hardlink':
        await this.#takeHardLink(entry, number);
    }
  }

  async #takeFile(item: StreamedEntry): Promise<void> {
    const file = this.#target.createFile(item.entry);
    if (file === undefined) return;
    this.#links.replace(item.entry.path);
    await this.#writeFile(file, item.content());
  }

  async #takeHardLink(entry: Entry, number: number): Promise<void> {
    const { path, target = '' } = entry;
    const symlink = this.#links.symlinkAt(target);
    const isOnDisk = symlink === undefined && !this.#links.isOrphan(target) && (await this.#isWanted(target, 'file'));
    // Without a selection every target is there, and no version need be remembered.
    const version = this.#request.select && this.#links.versionOf(target, number);
    if (symlink !== undefined) this.#linkSymlink(entry, symlink);
    else if (isOnDisk || version === undefined) {
      if (!this.#target.placeHardLink(entry)) return;
      this.#links.replace(path);
    } else await this.#linkVersion(entry, version);
    if (version !== undefined) this.#links.addLink(path, version);
  }

  /** A hard link to what is not on disk under the name that it has. */
  async #linkVersion(entry: Entry, version: Version): Promise<void> {
    const isCurrent = this.#links.isCurrent(version);
    const symlink = isCurrent ? this.#links.symlinkAt(version.path) : undefined;
    if (symlink !== undefined) this.#linkSymlink(entry, symlink);
    else if (!isCurrent || !(await this.#isWanted(version.path, 'file'))) {
      this.#links.replace(entry.path);
      this.#links.addOrphan(entry, version);
    } else if (this.#target.placeHardLink({ ...entry, target: version.path })) this.#links.replace(entry.path);
  }

  /** Hard links to symlinks are legal. A second symlink means the same and is made last, like all symlinks. */
  #linkSymlink(entry: Entry, symlink: Entry): void {
    this.#links.replace(entry.path);
    this.#links.addSymlink({ ...symlink, path: entry.path });
    const message = `"${printable(entry.path)}" became a symlink of its own: it was a hard link to one`;
    this.#warnings.add({ path: entry.path, code: 'link_copied', message });
  }

  async #secondPass(orphaned: readonly Version[]): Promise<void> {
    const content = new OrphanContent(orphaned);
    let number = 0;
    for await (const item of this.#archive.read(this.#request.signal)) {
      number++;
      this.#check();
      if (content.endsBefore(number)) break;
      if ('warning' in item) continue;
      const version = content.versionAt(item.entry, number);
      if (version === undefined) continue;
      if (item.entry.kind === 'symlink') content.set(version, { symlink: item.entry });
      else content.set(version, { file: await this.#writeOrphan(version, item) });
    }
    for (const version of orphaned) this.#placeOrphans(version, content.of(version));
  }

  /** Writes a file under the first of its links that can be. @returns the path; undefined when none can. */
  async #writeOrphan({ orphans }: Version, item: StreamedEntry): Promise<string | undefined> {
    for (const path of orphans?.keys() ?? []) {
      const file = this.#target.createFile({ ...item.entry, path });
      if (file === undefined) continue;
      await this.#writeFile(file, item.content());
      return path;
    }
    return undefined;
  }

  #placeOrphans({ orphans }: Version, content: FoundContent | undefined): void {
    for (const entry of orphans?.values() ?? []) {
      if (content === undefined) {
        this.#passOver(entry, 'hostile_entry', `its target "${printable(entry.target ?? '')}" is not in the archive`);
      } else if ('symlink' in content) this.#linkSymlink(entry, content.symlink);
      else if (content.file !== undefined && content.file !== entry.path) {
        this.#target.placeHardLink({ ...entry, target: content.file });
      }
    }
  }

  async #writeFile(file: UnpackFile, content: AsyncIterable<Uint8Array>): Promise<void> {
    const { entry } = file;
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
