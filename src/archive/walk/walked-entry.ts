/** An entry of a live tree, with what tells whether it changed since. */
import type fs from 'node:fs';
import { MEBIBYTE } from '../../base/sizes.ts';
import type { Entry, EntryKind } from '../entry.ts';
import { clampSeconds } from './times.ts';

/** An entry as the walk saw it, with what later shows whether it changed. */
export interface WalkedEntry extends Entry {
  readonly dev: number;
  readonly ino: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  /** Of a hard link: bytes of the file that it leads to. It becomes that file when its target cannot be archived. */
  readonly fileSize?: number;
  /** Of a file: bytes that it takes no space for, where they are a mebibyte or more. */
  readonly holes?: number;
  /** The file goes on behind `size`, and may grow: only what lies before belongs to the archive (held.ts). */
  readonly held?: true;
}

/** st_blocks counts 512 bytes; smaller ones are how file systems round. */
const LEAST_HOLES = MEBIBYTE;

export function walkedEntry(path: string, kind: EntryKind, stat: fs.Stats, target?: string): WalkedEntry {
  const { mode, uid, gid, dev, ino, mtimeMs, ctimeMs } = stat;
  const size = kind === 'file' ? stat.size : 0;
  const mtime = clampSeconds(Math.floor(mtimeMs / 1000));
  // Written out: this runs for every name of a tree.
  if (kind === 'file' && size - stat.blocks * 512 >= LEAST_HOLES) {
    const holes = size - stat.blocks * 512;
    return { path, kind, size, mode: mode & 0o7777, uid, gid, mtime, dev, ino, mtimeMs, ctimeMs, holes };
  }
  return target === undefined
    ? { path, kind, size, mode: mode & 0o7777, uid, gid, mtime, dev, ino, mtimeMs, ctimeMs }
    : { path, kind, size, mode: mode & 0o7777, uid, gid, mtime, target, dev, ino, mtimeMs, ctimeMs };
}
