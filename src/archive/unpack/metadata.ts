/** Sets owner, mode and times of unpacked entries, as far as the process is allowed to. */
import fs from 'node:fs';
import { errnoOf } from '../../base/failure.ts';
import { setAttribute } from '../../base/files/extended-attributes.ts';
import { childPath } from '../../base/files/handles.ts';
import { printable } from '../../base/files/paths.ts';
import type { ExtractRequest } from '../contract.ts';
import type { ArchiveWarning, Attribute, Entry } from '../entry.ts';
import { CAPABILITY, isAcl, isKept } from '../tar/attributes.ts';
import { LostAttributes } from '../tar/read-attributes.ts';

export type MetadataPolicy = Pick<ExtractRequest, 'owner' | 'setuid'>;
type Metadata = Pick<Entry, 'path' | 'mode' | 'uid' | 'gid' | 'attributes'> & {
  /** Whole seconds; undefined leaves it unchanged. */
  readonly mtime?: number;
};

/** An ACL without a value (foreign/pax-attributes.ts). */
const UNKNOWN_NAME = 'it names a user or group that this host does not have';
const SET_ID_BITS = 0o6000;
const SETUID = 0o4000;
/** Errors of file systems or missing privileges. The content is intact, so none of them fails a restore. */
const REFUSED = new Set(['EPERM', 'EACCES', 'EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EROFS', 'EOVERFLOW']);

export class MetadataWriter {
  readonly #policy: MetadataPolicy;
  readonly #warn: (warning: ArchiveWarning) => void;
  /** Setting owners fails for all files alike, so one warning is enough. */
  #ownerWarned = false;
  /** Attributes that the file system refused; the end of the unpacking says so. */
  readonly lost = new LostAttributes();

  constructor(policy: MetadataPolicy, warn: (warning: ArchiveWarning) => void) {
    this.#policy = policy;
    this.#warn = warn;
  }

  /** Sets a file's metadata: setuid, setgid and capabilities as the policy says. */
  setFile(handle: number, metadata: Metadata): void {
    this.#setOpen(handle, metadata, (owned) => this.#modeOf(metadata, owned, SET_ID_BITS));
  }

  /** Sets a directory's metadata. Its setgid bit stays: it gives its group to what is made in it, and rights to none. */
  setDirectory(handle: number, metadata: Metadata): void {
    this.#setOpen(handle, metadata, (owned) => this.#modeOf(metadata, owned, SETUID));
  }

  /**
   * Sets the owner, then the mode (changing the owner clears set-id bits and capabilities), then attributes (an ACL
   * changes what the mode shows), then times.
   */
  #setOpen(handle: number, metadata: Metadata, modeOf: (owned: boolean) => number): void {
    const owned = this.#setOwner(metadata, (uid, gid) => fs.fchownSync(handle, uid, gid));
    const mode = modeOf(owned);
    this.#attempt(metadata.path, 'mode', () => fs.fchmodSync(handle, mode));
    if (metadata.attributes !== undefined) this.#setAttributes(handle, metadata.path, metadata.attributes, owned);
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

  #setAttributes(handle: number, path: string, attributes: readonly Attribute[], owned: boolean): void {
    for (const [name, value] of attributes) {
      if (name === CAPABILITY && !(this.#policy.setuid === 'keep' && owned)) {
        // As setuid: who may make an archive could else give a program of his the rights of root.
        const message = `the capabilities of "${printable(path)}" were stripped`;
        this.#warn({ path, code: 'setuid_stripped', message });
        continue;
      }
      if (!isKept(name)) continue;
      const reason = isAcl(name) && value === '' ? UNKNOWN_NAME : setAttribute(handle, name, value);
      if (reason !== undefined) this.lost.add(name, path, reason);
    }
  }

  #modeOf(metadata: Metadata, owned: boolean, stripped: number): number {
    const { mode, path } = metadata;
    if ((mode & stripped) === 0) return mode;
    // Without its own owner the file would run with the rights of the unpacking user: Roost's.
    if (this.#policy.setuid === 'keep' && owned) return mode;
    const message = `setuid or setgid of "${printable(path)}" was stripped (mode ${mode.toString(8)})`;
    this.#warn({ path, code: 'setuid_stripped', message });
    return mode & ~stripped;
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
