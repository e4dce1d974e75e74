/**
 * Finds archives of other agents, by name alone:
 *
 *   <directory>/<backup>.tar.gz            Wings, Elytra, Calagopus: only the panel knows the server
 *   <directory>/<server>/<backup>.tar.gz   Pelican's Wings, StellarStack, and Roost
 *   <directory>/<server>/<name>.tar.gz     StellarStack's older daemon: names instead of ids
 *
 * Other files that look like backups are refused with a reason; links and unrelated files are skipped.
 */
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { RefusedArchive } from '../../base/adopt-report.ts';
import { asFailure } from '../../base/failure.ts';
import { type BackupId, isUuid, type ServerId } from '../../base/ids.ts';

export interface ForeignArchive {
  readonly path: string;
  readonly server: ServerId;
  readonly backup: BackupId;
  /** File name without suffix, where that is not an id. */
  readonly name: string | null;
}

export interface FoundArchives {
  readonly archives: ForeignArchive[];
  readonly refused: RefusedArchive[];
}

const ARCHIVE = '.tar.gz';
/** Other formats of Calagopus. */
const OTHER_FORMATS = /\.(?:tar|tar\.(?:xz|bz2|lz4|lzip|zst)|zip|7z)$/;
const SNAPSHOTS = new Set(['btrfs', 'zfs']);

/**
 * @param directory a backup directory of an agent, or that of one server in it.
 * @param server owner of archives that lie in no server directory; null refuses them.
 * @throws Failure `internal` when the directory cannot be read.
 */
export async function findForeignArchives(directory: string, server: ServerId | null): Promise<FoundArchives> {
  const found: FoundArchives = { archives: [], refused: [] };
  const own = basename(directory);
  const owner = isUuid(own) ? (own as ServerId) : server;
  try {
    for (const entry of await inOrder(directory)) {
      const path = join(directory, entry.name);
      if (entry.isFile()) sort(path, owner, found);
      else if (entry.isDirectory() && isUuid(entry.name)) await sortServer(path, entry.name as ServerId, found);
      else if (entry.isDirectory() && SNAPSHOTS.has(entry.name)) {
        found.refused.push({ path, code: 'invalid_request', reason: 'Snapshots of a file system are no archives' });
      }
    }
    return found;
  } catch (error) {
    throw asFailure(error, `Cannot look for archives in ${directory}`);
  }
}

async function sortServer(directory: string, server: ServerId, found: FoundArchives): Promise<void> {
  for (const entry of await inOrder(directory)) if (entry.isFile()) sort(join(directory, entry.name), server, found);
}

function sort(path: string, server: ServerId | null, { archives, refused }: FoundArchives): void {
  const file = basename(path);
  const refuse = (reason: string): void => void refused.push({ path, code: 'invalid_request', reason });
  if (file.endsWith('.s3.tar.gz')) return refuse('It is a temporary file of an upload');
  if (OTHER_FORMATS.test(file)) return refuse('Only tar.gz archives can be taken over');
  if (!file.endsWith(ARCHIVE) || file.startsWith('.')) return;
  if (server === null) return refuse('Its place does not say whose it is: name the server with --server');
  const stem = file.slice(0, -ARCHIVE.length);
  const named = !isUuid(stem);
  archives.push({ path, server, backup: named ? idOf(server, stem) : (stem as BackupId), name: named ? stem : null });
}

/** A version 8 UUID from the name: the same archive always gets the same id, so it is adopted once. */
function idOf(server: ServerId, name: string): BackupId {
  const hash = createHash('sha256').update(`${server}/${name}`).digest();
  hash.writeUInt8((hash.readUInt8(6) & 0x0f) | 0x80, 6);
  hash.writeUInt8((hash.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = hash.toString('hex', 0, 16);
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5') as BackupId;
}

async function inOrder(directory: string) {
  const entries = await readdir(directory, { withFileTypes: true });
  return entries.sort((left, right) => (left.name < right.name ? -1 : 1));
}
