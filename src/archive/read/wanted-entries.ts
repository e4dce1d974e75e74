/** Which entries of an index are to be unpacked: those that the caller chose, if their names are safe at all. */
import { printable } from '../../base/paths.ts';
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

  /** Those of some entries that are wanted, in order; a hostile name among them is warned of and left out. */
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
  // Our own index holds names as they were on the disk: one that changes by tidying is not from us.
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
