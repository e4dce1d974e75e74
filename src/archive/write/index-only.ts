/**
 * Archives whose tar holds regular files only, for readers that fail at anything else (a stock Wings). Directories and
 * links are entries of the index without bytes in the tar; a list of them goes into the manifest too, in case the index
 * is lost. A hard link is in the tar as a file of its own, and in the index also as the link.
 */
import { deflateSync } from 'node:zlib';
import { MEBIBYTE } from '../../base/sizes.ts';
import type { PackedEntry } from './cut.ts';
import type { Entry } from '../entry.ts';
import { EntryBlockEncoder, MAX_INDEX_ONLY_RAW } from '../index/format.ts';
import type { WalkedEntry } from '../walk/walked-entry.ts';

/** What a manifest has room for, as base64 and beside its warnings. */
const MAX_STORED = 6 * MEBIBYTE;

/** Walked entries as they go into an archive of files alone. */
export function* indexOnlyEntries(entries: Iterable<WalkedEntry>): Generator<PackedEntry, void, void> {
  for (const entry of entries) {
    if (entry.kind === 'hardlink') yield asFile(entry);
    yield entry.kind === 'file' ? entry : { ...entry, indexOnly: true };
  }
}

function asFile({ target: _target, fileSize = 0, ...link }: WalkedEntry): WalkedEntry {
  return { ...link, kind: 'file', size: fileSize };
}

/** Gathers the entries that take no bytes of the tar, within bounds. */
export class IndexOnlyEntries {
  readonly #encoder = new EntryBlockEncoder();
  #isFull = false;

  add(entry: Entry): void {
    if (this.#isFull) return;
    this.#encoder.add({ ...entry, tarOffset: 0, headerLength: 0 });
    this.#isFull = this.#encoder.length > MAX_INDEX_ONLY_RAW;
  }

  /** The list as a manifest keeps it: undefined when it is empty, null when it is too long for one. */
  finish(): Uint8Array | null | undefined {
    if (this.#isFull) return null;
    if (this.#encoder.count === 0) return undefined;
    const stored = deflateSync(this.#encoder.take());
    return stored.length > MAX_STORED ? null : stored;
  }
}
