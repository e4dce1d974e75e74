/**
 * Large files, held open from header to last piece: size and content come from one open file whatever takes its name
 * meanwhile, and one stat at the end shows whether it changed.
 */
import fs from 'node:fs';
import type { Clock } from '../../base/clock.ts';
import { DirectoryChain, openForReading, openRoot } from '../../base/files/handles.ts';
import { splitPath } from '../../base/files/paths.ts';
import type { LargeFile } from './cut.ts';
import type { Warn, WarningCode } from '../entry.ts';
import type { HardLinkFallback } from './hard-link-fallback.ts';
import { absenceWarning, changeWarning, isReplaced, isUnsettled, readLength, sameFile } from './pack-reader.ts';
import { LostAttributes, readAttributes } from '../tar/read-attributes.ts';
import { emptyPiecesAt, scanHoles } from './sparse-scan.ts';
import { wholeSeconds } from '../walk/times.ts';
import type { WalkedEntry } from '../walk/walked-entry.ts';

export class LargeFiles {
  readonly #root: number;
  readonly #chain: DirectoryChain;
  readonly #warn: Warn;
  readonly #hardLinks: HardLinkFallback;
  readonly #clock: Clock;
  readonly #announce: (emptyPieces: number) => void;
  readonly #open = new Set<number>();

  /**
   * @param hardLinks records files that are gone or replaced.
   * @param announce called with how many pieces of a file lie in holes, before any is written; throws to end the run.
   */
  constructor(
    root: string,
    hardLinks: HardLinkFallback,
    clock: Clock,
    warn: Warn,
    announce: (emptyPieces: number) => void = () => undefined,
  ) {
    this.#announce = announce;
    this.#hardLinks = hardLinks;
    this.#clock = clock;
    this.#root = openRoot(root);
    this.#chain = new DirectoryChain(this.#root);
    this.#warn = warn;
  }

  /** Opens a file for its pieces; undefined, with a warning, when it is gone or no regular file any more. */
  readonly open = (walked: WalkedEntry): LargeFile | undefined => {
    let descriptor: number;
    try {
      const { parent, name } = splitPath(walked.path);
      descriptor = openForReading(this.#chain.open(parent), name);
    } catch (error) {
      return this.#leaveOut(walked.path, absenceWarning(error));
    }
    const stat = fs.fstatSync(descriptor);
    if (!stat.isFile()) {
      fs.closeSync(descriptor);
      return this.#leaveOut(walked.path, absenceWarning());
    }
    const { mode, uid, gid, dev, ino, mtimeMs, ctimeMs } = stat;
    const size = readLength(walked, stat);
    const mtime = wholeSeconds(mtimeMs, () => fs.fstatSync(descriptor, { bigint: true }).mtimeNs);
    // The walk has counted what cannot be kept.
    const attributes = readAttributes(descriptor, walked.path, new LostAttributes());
    const holes = walked.held === true ? undefined : scanHoles(descriptor, stat);
    const seen = { size, mode: mode & 0o7777, uid, gid, mtime, attributes, dev, ino, mtimeMs, ctimeMs };
    const file: LargeFile = {
      entry: { ...walked, ...seen, allocated: holes?.allocated },
      descriptor,
      emptyPieces: holes && ((offset) => emptyPiecesAt(descriptor, offset, size)),
    };
    const unsettled = walked.held !== true && isUnsettled(stat, this.#clock.now());
    if (unsettled || !sameFile(walked, stat)) {
      this.#warn(walked.path, 'file_changed', 'It changed just before it was read; it may hold old and new bytes');
    }
    if (isReplaced(walked, stat)) this.#hardLinks.markLost(walked.path);
    if (size === 0) fs.closeSync(descriptor);
    else this.#open.add(descriptor);
    if (holes !== undefined && holes.emptyPieces > 0) this.#announce(holes.emptyPieces);
    return file;
  };

  /** Closes a file whose last piece was appended, and warns when it changed while its pieces were read. */
  finish(file: LargeFile): void {
    const now = fs.fstatSync(file.descriptor);
    if (!sameFile(file.entry, now)) {
      const warning = changeWarning(file.entry, now.size);
      this.#warn(file.entry.path, warning.code, warning.message);
    }
    this.#open.delete(file.descriptor);
    fs.closeSync(file.descriptor);
  }

  #leaveOut(path: string, warning: { code: WarningCode; message: string }): undefined {
    this.#hardLinks.markLost(path);
    this.#warn(path, warning.code, warning.message);
    return undefined;
  }

  close(): void {
    for (const descriptor of this.#open) fs.closeSync(descriptor);
    this.#open.clear();
    this.#chain.close();
    fs.closeSync(this.#root);
  }
}
