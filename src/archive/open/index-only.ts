/**
 * Reads the entries that an archive of files alone keeps in its manifest instead of in the tar (write/index-only.ts).
 */
import { inflateSync } from 'node:zlib';
import { Failure } from '../../base/failure.ts';
import type { StreamedArchive } from '../contract.ts';
import type { Entry } from '../entry.ts';
import { decodeEntries, MAX_INDEX_ONLY_RAW } from '../index/format.ts';
import { checkEntryPath, checkHardLinkTarget, checkSymlinkTarget } from '../tar/entry-name.ts';

/**
 * Adds the manifest's entries to an archive: directories first, so that their metadata is set, links last, when all
 * files exist.
 *
 * @param aside as `indexOnlyEntries` made it; its names are as untrusted as the archive's.
 * @throws Failure `archive_damaged` when it is no such list.
 */
export function withIndexOnly(archive: StreamedArchive, aside: Uint8Array | undefined): StreamedArchive {
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

function readAside(aside: Uint8Array): readonly Entry[] {
  let raw: Buffer;
  try {
    raw = inflateSync(aside, { maxOutputLength: 2 * MAX_INDEX_ONLY_RAW });
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
  // Directories and links have no content.
}

function damaged(what: string, cause?: unknown): Failure {
  return new Failure('archive_damaged', `Cannot use the manifest's list of directories and links: ${what}`, {
    cause,
    hint: 'Without it and without its index the archive still holds all files: any tar unpacks them.',
  });
}
