/**
 * Finds what changed between the walk and the end of the run; task threads notice only changes during a read. Files
 * and directories that had changed shortly before they were walked are looked at a second time: a world being saved, not
 * a jar from last year.
 */
import fs from 'node:fs';
import { errnoOf } from '../../base/failure.ts';
import { unlessChanged } from '../../base/files/handle-writes.ts';
import { splitPath } from '../../base/files/paths.ts';
import { DirectoryChain, openRoot, readDirectory, statChild } from '../../base/files/handles.ts';
import type { EntryKind, Warn } from '../entry.ts';
import { sameFile } from './pack-reader.ts';
import type { WalkedEntry } from '../walk/walked-entry.ts';

/** A change this shortly before the walk makes another likely. */
const RESTLESS_MS = 10_000;
/** Bounds on memory; when all of a tree changes, the first paths show it. */
const MAX_FILES = 50_000;
const MAX_NAMES = 200_000;

export class Recheck {
  readonly #files: WalkedEntry[] = [];
  readonly #directories: { readonly entry: WalkedEntry; readonly names: ReadonlySet<string> }[] = [];
  #names = 0;

  /** Records a walked file. */
  addFile(entry: WalkedEntry, now: number): void {
    if (
      entry.held !== true &&
      entry.kind === 'file' &&
      now - entry.ctimeMs < RESTLESS_MS &&
      this.#files.length < MAX_FILES
    ) {
      this.#files.push(entry);
    }
  }

  /** Records a listed directory, with the names that were seen; those of directories end in a slash. */
  addDirectory(entry: WalkedEntry, names: readonly string[], now: number): void {
    if (now - entry.ctimeMs >= RESTLESS_MS || this.#names + names.length > MAX_NAMES) return;
    this.#names += names.length;
    this.#directories.push({ entry, names: new Set(names) });
  }

  /**
   * Looks again, and warns of what is not as it was archived.
   *
   * @param known true for paths that have their warning already.
   * @param kept false for new names that the ignore rules would have dropped.
   */
  check(
    root: string,
    known: (path: string) => boolean,
    kept: (path: string, kind: EntryKind) => boolean,
    warn: Warn,
  ): void {
    const handle = openRoot(root);
    const chain = new DirectoryChain(handle);
    try {
      for (const entry of this.#files) {
        if (!known(entry.path)) checkFile(chain, entry, warn);
      }
      for (const { entry, names } of this.#directories) {
        for (const { path, kind } of newNames(chain, entry.path, names, warn)) {
          if (kept(path, kind) && !known(path))
            warn(path, 'file_changed', 'It appeared while the backup ran; not archived');
        }
      }
    } finally {
      chain.close();
      fs.closeSync(handle);
    }
  }
}

function checkFile(chain: DirectoryChain, entry: WalkedEntry, warn: Warn): void {
  const { parent, name } = splitPath(entry.path);
  const now = lookAgain(entry.path, () => statChild(chain.open(parent), name), warn);
  if (now === 'unknown') return;
  if (now === undefined) warn(entry.path, 'file_changed', 'It was removed or renamed after it was archived');
  else if (!sameFile(entry, now)) warn(entry.path, 'file_changed', 'It changed again while the backup ran');
}

function newNames(
  chain: DirectoryChain,
  parent: string,
  seen: ReadonlySet<string>,
  warn: Warn,
): { readonly path: string; readonly kind: EntryKind }[] {
  const items = lookAgain(parent, () => readDirectory(chain.open(parent)), warn);
  if (items === undefined || items === 'unknown') return [];
  const fresh = items.filter(({ name, directory }) => !seen.has(directory ? `${name}/` : name));
  return fresh.map(({ name, directory }) => ({
    path: parent === '' ? name : `${parent}/${name}`,
    kind: directory ? 'directory' : 'file',
  }));
}

/** Undefined for what is gone; `unknown`, with a warning, for what cannot be looked at: it may be as it was. */
function lookAgain<Seen>(path: string, look: () => Seen, warn: Warn): Seen | undefined | 'unknown' {
  try {
    return unlessChanged(look);
  } catch (error) {
    const errno = errnoOf(error) ?? 'unknown error';
    warn(path, 'file_changed', `It cannot be looked at again (${errno}); it may have changed while the backup ran`);
    return 'unknown';
  }
}
