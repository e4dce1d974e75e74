/**
 * The ignore file in a server's root, written by the server's owner. It must not be able to fail a scheduled backup, so
 * an unusable file counts as an empty list (everything is kept), with a warning.
 */
import fs from 'node:fs';
import { Failure, errnoOf } from '../../base/failure.ts';
import { openForReading } from '../../base/files/handles.ts';
import { formatBytes } from '../../base/sizes.ts';
import type { ArchiveWarning } from '../entry.ts';
import { MAX_BYTES, compileIgnore } from './ignore.ts';
import { decodeIgnoreText, splitIgnoreText } from './ignore-text.ts';

/** File names in order of precedence: Roost's, Pterodactyl's Wings, Pelican's. */
const IGNORE_FILE_NAMES = ['.roostignore', '.pteroignore', '.pelicanignore'] as const;

export interface IgnoreFile {
  readonly name: string;
  /** All lines, comments and blanks included, as `compileIgnore` takes them; empty when the file could not be used. */
  readonly lines: readonly string[];
  /** Why it could not be used (code `ignore_file`), or empty. */
  readonly warnings: readonly ArchiveWarning[];
}

/**
 * Reads the first existing file of `.roostignore`, `.pteroignore` and `.pelicanignore`, and no other. It must be a
 * regular file (links are not followed, and a hard link to what the root's owner may not read is not used) of at most
 * `MAX_BYTES`, within the limits of `compileIgnore`.
 *
 * @param root the server's root, an open directory.
 * @returns undefined when the server has none.
 * @throws the system error when the process lacks descriptors or memory, which is not the file's fault.
 */
export function readIgnoreFile(root: number): IgnoreFile | undefined {
  for (const name of IGNORE_FILE_NAMES) {
    try {
      const lines = splitIgnoreText(decodeIgnoreText(readSmallFile(root, name)));
      compileIgnore(lines);
      return { name, lines, warnings: [] };
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') continue;
      return { name, lines: [], warnings: [passedOver(name, error)] };
    }
  }
  return undefined;
}

function readSmallFile(root: number, name: string): Uint8Array {
  const handle = openForReading(root, name);
  try {
    const stat = fs.fstatSync(handle);
    if (!stat.isFile()) throw unusable('it is no regular file');
    if (stat.nlink > 1 && !mayReadFile(fs.fstatSync(root), stat)) {
      throw unusable('it is a hard link to a file that the owner of the directory may not read');
    }
    // One byte more than allowed reveals a file that is too long, even one that grows while it is read.
    const buffer = Buffer.alloc(MAX_BYTES + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < buffer.length; length += read) {
      read = fs.readSync(handle, buffer, length, buffer.length - length, null);
    }
    if (length > MAX_BYTES) throw unusable(`it is longer than ${formatBytes(MAX_BYTES)}`);
    return buffer.subarray(0, length);
  } finally {
    fs.closeSync(handle);
  }
}

/** Its lines are shown in lists of backups, to callers who may not read what a backup holds. */
function mayReadFile({ uid, gid }: fs.Stats, file: fs.Stats): boolean {
  if (uid === 0) return true;
  if (uid === file.uid) return (file.mode & 0o400) !== 0;
  return (file.mode & (gid === file.gid ? 0o040 : 0o004)) !== 0;
}

function unusable(state: string): Failure {
  return new Failure('invalid_request', `Cannot use the ignore file: ${state}`);
}

function passedOver(name: string, error: unknown): ArchiveWarning {
  const { message } = error instanceof Failure ? error : unusable(errnoSentence(error));
  return { path: name, code: 'ignore_file', message: `${message}; nothing was left out because of it` };
}

function errnoSentence(error: unknown): string {
  const errno = errnoOf(error);
  if (errno === undefined || errno === 'EMFILE' || errno === 'ENFILE' || errno === 'ENOMEM') throw error;
  return errno === 'ELOOP' ? 'it is a symbolic link' : `it cannot be read (${errno})`;
}
