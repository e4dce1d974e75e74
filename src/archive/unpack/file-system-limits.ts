/**
 * What a file system cannot hold: FAT, exFAT, NTFS, shares, and directories that fold case take no symlinks, refuse some
 * names, or take two names for one.
 */
import fs from 'node:fs';
import { errnoOf } from '../../base/failure.ts';
import { handlePath, mapDirectory, statChild } from '../../base/files/handles.ts';
import { fromText, toText } from '../../base/files/paths.ts';
import type { Entry } from '../entry.ts';

/** A name or kind that is refused for good, whatever the entry holds. */
const REFUSED = new Set(['EINVAL', 'EILSEQ', 'ENAMETOOLONG', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EFBIG']);
/** statfs(2) of FAT, and the bytes of its largest file. */
const FAT = { type: 0x4d44, maxSize: 0xffffffff };

/**
 * Why the file system refuses an entry, by the error of the call that made it; undefined for any other error.
 *
 * @param root the open directory that is unpacked into.
 */
export function refusalOf(error: unknown, { kind }: Entry, root: number): string | undefined {
  const errno = errnoOf(error);
  if (errno === undefined) return undefined;
  // Its directory is open and there: exfat-fuse says so of a name with a colon.
  if (errno === 'ENOENT' && fs.fstatSync(root).nlink > 0) return `the file system takes no such name (${errno})`;
  if (kind === 'symlink' && (REFUSED.has(errno) || errno === 'EPERM')) {
    return `the file system holds no symlinks, or not this one (${errno})`;
  }
  return REFUSED.has(errno) ? `the file system takes no such name (${errno})` : undefined;
}

/** Why a file is too large for the file system of an open directory, before any of it is written. */
export function sizeRefusalOf(root: number, { size }: Entry): string | undefined {
  if (size <= FAT.maxSize || fs.statfsSync(handlePath(root)).type !== FAT.type) return undefined;
  return 'the file system holds no file of more than 4 GiB';
}

/** Finds out whether a name that exists is there under another spelling. */
export class Spellings {
  /** The exact names in directories that may fold names, by path: each is read once. */
  readonly #names = new Map<string, Set<string>>();

  /**
   * True when `name` leads to a file that is spelt differently, because the directory ignores case or composition.
   *
   * @param directory path of the open `parent`; an existing `name` lies in it.
   */
  isOther(directory: string, parent: number, name: string): boolean {
    if (!spellingsOf(name).some((other) => statChild(parent, other) !== undefined)) return false;
    let names = this.#names.get(directory);
    if (names === undefined) {
      names = new Set(mapDirectory(parent, (found) => found));
      this.#names.set(directory, names);
    }
    return !names.has(name);
  }

  /** Records a name that was made. */
  add(directory: string, name: string): void {
    this.#names.get(directory)?.add(name);
  }
}

/** Other names that a file system may take for this one. */
function spellingsOf(name: string): string[] {
  const text = toText(name);
  const forms = text === undefined ? [] : [text.toUpperCase(), text.toLowerCase(), text.normalize('NFC'), text.normalize('NFD')]; // prettier-ignore
  return forms.filter((form) => form !== text && form !== '.' && form !== '..').map(fromText);
}
