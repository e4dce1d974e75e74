/**
 * Hard links whose target is not archived as the walk saw it: gone, unreadable, or replaced by another file. Such a link
 * would lead nowhere, or to foreign content. So the first remaining link is archived as the file, its *stand-in*, and
 * later links point to it.
 */
import type { PackedEntry } from './cut.ts';

export class HardLinkFallback {
  /** Each lost path, with the path that stands in for it once there is one. */
  readonly #standIns = new Map<string, string | undefined>();

  /** Records that a path does not lead to the file that the walk saw. */
  markLost(path: string): void {
    if (!this.#standIns.has(path)) this.#standIns.set(path, undefined);
  }

  /** Records that a link to a lost path was archived as the file. */
  standIn(lost: string, path: string): void {
    this.#standIns.set(this.#standInOf(lost), path);
  }

  /** True for a link whose target was lost. */
  affects({ kind, target }: PackedEntry): boolean {
    return kind === 'hardlink' && this.#standIns.has(target ?? '');
  }

  /**
   * The entry as it is to be archived: itself, a link to the standIn, or a file, which then is the standIn. undefined for a
   * link that is kept beside the tar: its name is in the archive as a file already.
   */
  resolve(entry: PackedEntry): PackedEntry | undefined {
    if (!this.affects(entry)) return entry;
    if (entry.indexOnly === true) return undefined;
    const { target: lost = '', fileSize: size = 0, ...link } = entry;
    const target = this.#standInOf(lost);
    if (!this.#standIns.has(target)) return { ...entry, target };
    this.#standIns.set(target, entry.path);
    return { ...link, kind: 'file', size };
  }

  /** The last standIn of a path; a lost path itself when nothing stands in for it. */
  #standInOf(path: string): string {
    let at = path;
    for (let standIn = this.#standIns.get(at); standIn !== undefined; standIn = this.#standIns.get(at)) at = standIn;
    return at;
  }
}
