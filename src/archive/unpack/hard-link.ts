/** Finds the target of a hard link without following links, and copies it where the file system refuses a link. */
import fs from 'node:fs';
import { splitPath } from '../../base/files/paths.ts';
import { MEBIBYTE } from '../../base/sizes.ts';
import { errnoOf } from '../../base/failure.ts';
import { childPath, type DirectoryChain, openForReading, statChild } from '../../base/files/handles.ts';
import type { Entry } from '../entry.ts';
import { LostAttributes, readAttributes } from '../tar/read-attributes.ts';
import type { UnpackFile } from './file.ts';

const COPY = MEBIBYTE;
/** No hard links on this file system, a mount point in between, or too many links to one file. */
const NO_LINK = new Set(['EPERM', 'EMLINK', 'EXDEV', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);
const NOT_THERE = new Set(['ENOENT', 'ENOTDIR', 'ELOOP']);

export interface LinkTarget {
  /** Open until the chain opens another directory. */
  readonly parent: number;
  readonly name: string;
  /** Valid for one system call. */
  readonly path: string | Buffer;
}

/** The regular file at a path, or why there is none: `does not exist`, `is no regular file`. */
export function findLinkTarget(chain: DirectoryChain, path: string): LinkTarget | string {
  const { parent: parentPath, name } = splitPath(path);
  let parent: number;
  try {
    parent = chain.open(parentPath);
  } catch (error) {
    if (NOT_THERE.has(errnoOf(error) ?? '')) return 'does not exist';
    throw error;
  }
  const stat = statChild(parent, name);
  if (stat === undefined) return 'does not exist';
  return stat.isFile() ? { parent, name, path: childPath(parent, name) } : 'is no regular file';
}

/** The errno when a refused hard link can be replaced by a copy; undefined for other errors. */
export function linkRefusal(error: unknown): string | undefined {
  const errno = errnoOf(error);
  return errno !== undefined && NO_LINK.has(errno) ? errno : undefined;
}

/**
 * Opens a link's target, to make a copy where the link itself is refused.
 *
 * @returns the open file, which the caller closes, and the entry with the file's size and metadata.
 * @throws the system error.
 */
export function openCopy(
  entry: Entry,
  { parent, name }: LinkTarget,
): { readonly source: number; readonly copy: Entry } {
  const source = openForReading(parent, name);
  const { size, mode, uid, gid } = fs.fstatSync(source);
  // In milliseconds, which are a double, the end of a second is the start of the next.
  const mtime = Number(fs.fstatSync(source, { bigint: true }).mtimeNs / 1_000_000_000n);
  const attributes = readAttributes(source, entry.path, new LostAttributes());
  return { source, copy: { path: entry.path, kind: 'file', size, mode: mode & 0o7777, uid, gid, mtime, attributes } };
}

export function copyContent(source: number, file: UnpackFile): void {
  const buffer = Buffer.allocUnsafe(COPY);
  for (let at = 0; at < file.entry.size;) {
    const count = fs.readSync(source, buffer, 0, Math.min(COPY, file.entry.size - at), at);
    if (count === 0) return;
    file.write(buffer.subarray(0, count));
    at += count;
  }
}
