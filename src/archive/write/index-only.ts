/**
 * Archives whose tar stream holds regular files alone, for readers that break at anything else (a stock Wings, when its
 * panel goes back to it): directories and links are entries of the index that take no bytes of the tar, and a list of
 * them goes into the manifest too, so that they outlive a lost index.
 *
 * A name that is hard-linked is in the tar as a file of its own, so that no such reader loses it, and beside it as the
 * link that it was.
 */
import { deflateSync, inflateSync } from 'node:zlib';
import { Failure } from '../../base/failure.ts';
import type { StreamedArchive } from '../contract.ts';
import type { PackedEntry } from './cut.ts';
import type { Entry } from '../entry.ts';
import { checkEntryPath, checkHardLinkTarget, checkSymlinkTarget } from '../tar/entry-name.ts';
import { EntryBlockEncoder, decodeEntries } from '../index/format.ts';
import type { WalkedEntry } from '../walk/walk.ts';

/** Some 500,000 directories of usual names. */
const MAX_RAW = 16 * 1024 * 1024;
/** What a manifest has room for, as base64 and beside its warnings. */
const MAX_STORED = 6 * 1024 * 1024;

/** Walked entries as they go into an archive of files alone. */
export function* besideFiles(entries: Iterable<WalkedEntry>): Generator<PackedEntry, void, void> {
  for (const entry of entries) {
    if (entry.kind === 'hardlink') yield asFile(entry);
    yield entry.kind === 'file' ? entry : { ...entry, aside: true };
  }
}

function asFile({ target: _target, fileSize = 0, ...link }: WalkedEntry): WalkedEntry {
  return { ...link, kind: 'file', size: fileSize };
}

/** Gathers the entries that take no bytes of the tar, within bounds. */
export class AsideList {
  readonly #encoder = new EntryBlockEncoder();
  #isFull = false;

  add(entry: Entry): void {
    if (this.#isFull) return;
    this.#encoder.add({ ...entry, tarOffset: 0, headerLength: 0 });
    this.#isFull = this.#encoder.length > MAX_RAW;
  }

  /** The list as a manifest keeps it: undefined when it is empty, null when it is too long for one. */
  finish(): Uint8Array | null | undefined {
    if (this.#isFull) return null;
    if (this.#encoder.count === 0) return undefined;
    const stored = deflateSync(this.#encoder.take());
    return stored.length > MAX_STORED ? null : stored;
  }
}

/**
 * The same archive with what was kept beside it: directories first, so that they get what they had, and links last, when
 * all files are there.
 *
 * @param aside from `AsideList`; its names are as little trusted as the archive's.
 * @throws Failure `archive_damaged` when it is no such list.
 */
export function withAside(archive: StreamedArchive, aside: Uint8Array | undefined): StreamedArchive {
  if (aside === undefined) return archive;
  const entries = readAside(aside);
  const directories = entries.filter(({ kind }) => kind === 'directory');
  const links = entries.filter(({ kind }) => kind !== 'directory');
  return {
    format: archive.format,
    consumed: () => archive.consumed(),
    async *read(signal) {
      for (const entry of directories) yield { entry, content: noContent };
      yield* archive.read(signal);
      for (const entry of links) yield { entry, content: noContent };
    },
  };
}

/** The entries of a list. @throws Failure `archive_damaged`. */
function readAside(aside: Uint8Array): readonly Entry[] {
  let raw: Buffer;
  try {
    raw = inflateSync(aside, { maxOutputLength: 2 * MAX_RAW });
  } catch (error) {
    throw damaged('it does not inflate', error);
  }
  return Array.from(decodeEntries(raw), ({ tarOffset: _tar, headerLength: _header, ...entry }) => {
    if (!isSafe(entry)) throw damaged('it holds an entry that no such list has');
    return entry;
  });
}

function isSafe({ path, kind, size, target = '' }: Entry): boolean {
  const name = checkEntryPath(path);
  if (!name.ok || name.path !== path || size !== 0) return false;
  if (kind === 'hardlink') return checkHardLinkTarget(target).ok;
  return kind === 'directory' || (kind === 'symlink' && checkSymlinkTarget(target).ok);
}

async function* noContent(): AsyncGenerator<Uint8Array, void, void> {
  // Directories and links have none.
}

function damaged(what: string, cause?: unknown): Failure {
  return new Failure('archive_damaged', `Cannot use the manifest's list of directories and links: ${what}`, {
    cause,
    hint: 'Without it and without its index the archive still holds all files: any tar unpacks them.',
  });
}
