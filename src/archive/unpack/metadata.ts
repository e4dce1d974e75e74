/** Owners, modes and times of what is unpacked, as far as the process may set them. */
import fs from 'node:fs';
import { errnoOf } from '../../base/failure.ts';
import { childPath } from '../../base/handles.ts';
import { printable } from '../../base/paths.ts';
import type { ExtractRequest } from '../contract.ts';
import type { ArchiveWarning, Entry } from '../entry.ts';

export type MetadataPolicy = Pick<ExtractRequest, 'owner' | 'setuid'>;
type Metadata = Pick<Entry, 'path' | 'mode' | 'uid' | 'gid'> & {
  /** Whole seconds; left as it is without it. */
  readonly mtime?: number;
};

const SET_ID_BITS = 0o6000;
/** What a file system or a process without privileges answers. The content is whole, so none of these ends a restore. */
const REFUSED = new Set(['EPERM', 'EACCES', 'EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EROFS', 'EOVERFLOW']);

export class MetadataWriter {
  readonly #policy: MetadataPolicy;
  readonly #warn: (warning: ArchiveWarning) => void;
  /** Owners are refused for a reason that holds for all files: one warning tells it. */
  #ownerWarned = false;

  constructor(policy: MetadataPolicy, warn: (warning: ArchiveWarning) => void) {
    this.#policy = policy;
    this.#warn = warn;
  }

  /** Sets owner, then mode (a change of owner clears its set-id bits), then times, of what is open. */
  setOpen(handle: number, metadata: Metadata): void {
    const owned = this.#setOwner(metadata, (uid, gid) => fs.fchownSync(handle, uid, gid));
    const mode = this.#modeOf(metadata, owned);
    this.#attempt(metadata.path, 'mode', () => fs.fchmodSync(handle, mode));
    if (metadata.mtime === undefined) return;
    const time = timeOf(metadata.mtime);
    this.#attempt(metadata.path, 'time', () => fs.futimesSync(handle, time, time));
  }

  /** Sets owner and times of a symlink itself; it has no mode. */
  setSymlink(directory: number, name: string, entry: Entry): void {
    const link = childPath(directory, name);
    this.#setOwner(entry, (uid, gid) => fs.lchownSync(link, uid, gid));
    const time = timeOf(entry.mtime);
    this.#attempt(entry.path, 'time', () => fs.lutimesSync(link, time, time));
  }

  #setOwner(metadata: Metadata, chown: (uid: number, gid: number) => void): boolean {
    const { uid, gid } = this.#policy.owner === 'archive' ? metadata : this.#policy.owner;
    try {
      chown(uid, gid);
      return true;
    } catch (error) {
      const errno = refusal(error);
      if (!this.#ownerWarned) {
        this.#ownerWarned = true;
        const message = `owners could not be set (${errno}), first that of "${printable(metadata.path)}" to ${uid}:${gid}`;
        this.#warn({ path: metadata.path, code: 'metadata', message });
      }
      return false;
    }
  }

  #modeOf(metadata: Metadata, owned: boolean): number {
    const { mode, path } = metadata;
    if ((mode & SET_ID_BITS) === 0) return mode;
    // Without its own owner such a file would run as whoever unpacks: Roost itself.
    if (this.#policy.setuid === 'keep' && owned) return mode;
    const message = `setuid or setgid of "${printable(path)}" was stripped (mode ${mode.toString(8)})`;
    this.#warn({ path, code: 'setuid_stripped', message });
    return mode & ~SET_ID_BITS;
  }

  #attempt(path: string, what: string, set: () => void): void {
    try {
      set();
    } catch (error) {
      const message = `the ${what} of "${printable(path)}" could not be set (${refusal(error)})`;
      this.#warn({ path, code: 'metadata', message });
    }
  }
}

/** A time before 1970 as text: Node takes a negative number to mean now, and the same number as text as it is. */
function timeOf(seconds: number): number | string {
  return seconds < 0 ? `${seconds}` : seconds;
}

/** The errno of a refusal. Anything else, such as a failing disk, is thrown on. */
function refusal(error: unknown): string {
  const errno = errnoOf(error);
  if (errno === undefined || !REFUSED.has(errno)) throw error;
  return errno;
}
