/** Sets owner, mode and times of unpacked entries, as far as the process is allowed to. */
import fs from 'node:fs';
import { errnoOf } from '../../base/failure.ts';
import { childPath } from '../../base/handles.ts';
import { printable } from '../../base/paths.ts';
import type { ExtractRequest } from '../contract.ts';
import type { ArchiveWarning, Entry } from '../entry.ts';

export type MetadataPolicy = Pick<ExtractRequest, 'owner' | 'setuid'>;
type Metadata = Pick<Entry, 'path' | 'mode' | 'uid' | 'gid'> & {
  /** Whole seconds; undefined leaves it unchanged. */
  readonly mtime?: number;
};

const SET_ID_BITS = 0o6000;
/** Errors of file systems or missing privileges. The content is intact, so none of them fails a restore. */
const REFUSED = new Set(['EPERM', 'EACCES', 'EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EROFS', 'EOVERFLOW']);

export class MetadataWriter {
  readonly #policy: MetadataPolicy;
  readonly #warn: (warning: ArchiveWarning) => void;
  /** Setting owners fails for all files alike, so one warning is enough. */
  #ownerWarned = false;

  constructor(policy: MetadataPolicy, warn: (warning: ArchiveWarning) => void) {
    this.#policy = policy;
    this.#warn = warn;
  }

  /** Sets the owner, then the mode (changing the owner clears set-id bits), then times. */
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
    // Without its own owner the file would run with the rights of the unpacking user: Roost's.
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

/** A negative time as text: Node takes a negative number to mean now, but not its text. */
function timeOf(seconds: number): number | string {
  return seconds < 0 ? `${seconds}` : seconds;
}

/** The errno of a refusal. @throws any other error, such as a failing disk. */
function refusal(error: unknown): string {
  const errno = errnoOf(error);
  if (errno === undefined || !REFUSED.has(errno)) throw error;
  return errno;
}
