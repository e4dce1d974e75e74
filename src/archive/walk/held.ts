/**
 * Cuts walked files to the part of them that a game keeps still while it goes on writing behind it (such as `save hold` of
 * Minecraft Bedrock, whose database only appends), and leaves out what is newer than that part.
 */
import { splitPath } from '../../base/files/paths.ts';
import type { HeldFiles } from '../contract.ts';
import type { Warn } from '../entry.ts';
import type { WalkedEntry } from './walked-entry.ts';

/**
 * The walk with each named file as long as `held` says.
 *
 * @param isIgnored true for paths that the ignore list drops: they are not missed.
 */
export function* heldEntries(
  entries: Iterable<WalkedEntry>,
  { lengths, complete }: HeldFiles,
  isIgnored: (path: string) => boolean,
  warn: Warn,
): Generator<WalkedEntry, void, void> {
  const missing = new Set(lengths.keys());
  const closed = new Set(complete);
  for (const entry of entries) {
    const length = lengths.get(entry.path);
    if (length !== undefined) {
      missing.delete(entry.path);
      yield cut(entry, length, warn);
    } else if (entry.kind === 'directory' || !closed.has(splitPath(entry.path).parent)) yield entry;
    else warn(entry.path, 'file_changed', 'It is newer than the state that the game keeps still; not archived');
  }
  for (const path of missing) {
    if (!isIgnored(path)) warn(path, 'file_vanished', 'The game names it as part of its world, and it is not there');
  }
}

function cut(entry: WalkedEntry, length: number, warn: Warn): WalkedEntry {
  // Where its holes lie may change as it grows.
  if (entry.kind === 'file' && entry.size >= length) return { ...entry, size: length, holes: undefined, held: true };
  warn(entry.path, 'file_changed', `The game names ${length} bytes of it, and it has ${entry.size}`);
  return entry;
}
