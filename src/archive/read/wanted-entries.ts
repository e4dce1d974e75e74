/** Decides which index entries to unpack: those that the caller selected, if their names are safe. */
import { printable } from '../../base/files/paths.ts';
import { checkEntryPath, checkHardLinkTarget, checkSymlinkTarget } from '../tar/entry-name.ts';
import type { ArchiveWarning, Entry } from '../entry.ts';
import type { IndexedEntry } from '../index/format.ts';
import type { SelectionPort } from './selection-port.ts';

export class WantedEntries {
  readonly #selection: SelectionPort | undefined;
  readonly #warn: (warning: ArchiveWarning) => void;

  /** @param selection undefined when all are wanted. */
  constructor(selection: SelectionPort | undefined, warn: (warning: ArchiveWarning) => void) {
    this.#selection = selection;
    this.#warn = warn;
  }

  get all(): boolean {
    return this.#selection === undefined;
  }

  /** The wanted ones of these entries, in order. A hostile name causes a warning and is left out. */
  async of(entries: readonly IndexedEntry[]): Promise<readonly IndexedEntry[]> {
    if (entries.length === 0) return entries;
    const selected = this.#selection && (await this.#selection.select(entries));
    return entries.filter((entry, index) => selected?.[index] !== false && this.#isSafe(entry));
  }

  #isSafe(entry: Entry): boolean {
    const reason = dangerOf(entry);
    if (reason === undefined) return true;
    const message = `passed over "${printable(entry.path)}": ${reason}`;
    this.#warn({ path: entry.path, code: 'hostile_entry', message });
    return false;
  }
}

function dangerOf(entry: Entry): string | undefined {
  const path = checkEntryPath(entry.path);
  if (!path.ok) return path.reason;
  // Roost's index holds names in normal form; one that normalizing changes is not from Roost.
  if (path.path !== entry.path) return 'its name is not in the form that an index has';
  const { kind, target = '' } = entry;
  if (kind === 'hardlink') return reasonOf(checkHardLinkTarget(target));
  return kind === 'symlink' ? reasonOf(checkSymlinkTarget(target)) : undefined;
}

function reasonOf(
  verdict: { readonly ok: true } | { readonly ok: false; readonly reason: string },
): string | undefined {
  return verdict.ok ? undefined : verdict.reason;
}
