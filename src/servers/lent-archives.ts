/**
 * Archives lent to a Wings that carries them to another node: in its own layout, for as long as that may take.
 *
 *   1 the mark      `<backup>.tar.gz.lent-by-roost`, so that no other file is ever taken for a lent one
 *   2 the archive   a hard link, else a copy that is renamed into place
 *   3 taken back    a day later, or with the server: the archive first, the mark last
 *
 * A crash before 2 leaves a mark, one in 2 also a partial copy: 3 removes both. An archive that is there without a mark is
 * Wings' own and stays. Links cost no space, and removing one leaves the store's file alone.
 */
import fs from 'node:fs/promises';
import { join } from 'node:path';
import { asFailure, errnoOf } from '../base/failure.ts';
import { type BackupId, isUuid, type ServerId } from '../base/ids.ts';
import type { ByteSource } from '../base/source.ts';

export interface LentArchive {
  /** Wings' backup directory. */
  readonly directory: string;
  readonly server: ServerId;
  readonly backup: BackupId;
  /** The archive's own file, where it has one on this host. */
  readonly path: string | undefined;
  /** Opens it for a copy; closed here. */
  readonly open: () => Promise<ByteSource>;
}

const MARK = '.lent-by-roost';
const PARTIAL = '.partial';
const PIECE = 1024 * 1024;

/**
 * @returns false where Wings has an archive of that name already.
 * @throws Failure `insufficient_storage`, `archive_damaged`, `store_unreachable`, `internal`; only a mark is left then.
 */
export async function lendArchive({ directory, server, backup, path, open }: LentArchive): Promise<boolean> {
  const place = join(directory, server, `${backup}.tar.gz`);
  try {
    await fs.mkdir(join(directory, server), { recursive: true, mode: 0o700 });
    const isLent = await isThere(place + MARK);
    if (await isThere(place)) {
      if (isLent) await fs.utimes(place + MARK, new Date(), new Date());
      return isLent;
    }
    await fs.writeFile(place + MARK, '', { mode: 0o600 });
    if (path === undefined || !(await linked(path, place))) await copy(await open(), place);
    return true;
  } catch (error) {
    throw asFailure(error, `Cannot lend an archive to Wings in ${directory}`);
  }
}

/**
 * Takes back what was lent to a server, or what was lent before `before` (ms since the epoch).
 *
 * @returns how many archives.
 * @throws Failure `internal` when one cannot be removed; the next call goes on.
 */
export async function takeBackArchives(
  directory: string,
  { server, before = Number.POSITIVE_INFINITY }: { readonly server?: ServerId; readonly before?: number },
): Promise<number> {
  let taken = 0;
  try {
    for (const owner of server === undefined ? await namesIn(directory) : [server]) {
      if (!isUuid(owner)) continue;
      for (const name of await namesIn(join(directory, owner))) {
        const mark = join(directory, owner, name);
        if (!name.endsWith(MARK) || (await fs.stat(mark)).mtimeMs >= before) continue;
        const place = mark.slice(0, -MARK.length);
        for (const each of [place + PARTIAL, place, mark]) await fs.rm(each, { force: true });
        taken++;
      }
    }
  } catch (error) {
    throw asFailure(error, `Cannot take archives back from Wings in ${directory}`);
  }
  return taken;
}

/** False where the file system, or the disk beside, has no links. */
async function linked(path: string, place: string): Promise<boolean> {
  try {
    await fs.link(path, place);
    return true;
  } catch {
    return false;
  }
}

async function copy(source: ByteSource, place: string): Promise<void> {
  try {
    const file = await fs.open(place + PARTIAL, 'w', 0o600);
    try {
      for (let done = 0; done < source.size; done += PIECE) {
        const piece = await source.read(done, Math.min(PIECE, source.size - done));
        await file.writeFile(piece);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await fs.rename(place + PARTIAL, place);
  } catch (error) {
    await fs.rm(place + PARTIAL, { force: true });
    throw error;
  } finally {
    await source.close();
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await fs.lstat(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await fs.readdir(directory);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return [];
    throw error;
  }
}
