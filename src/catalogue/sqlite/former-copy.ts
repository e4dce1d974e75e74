/**
 * The copy of a catalogue that is made before a newer program changes it, for the way back to the older program. It lies
 * beside the catalogue as `<name>-<number>.sqlite`; the number is that of the last migration it has seen.
 */
import fs from 'node:fs';
import { basename, dirname, join, parse } from 'node:path';
import { asFailure, Failure } from '../../base/failure.ts';
import { syncDirectory } from '../../base/files/handles.ts';
import { prepareFile, type Database } from './database.ts';

/**
 * Order of writes: the whole copy under another name, flushed; the rename, flushed; only then the caller changes the
 * catalogue. Killed before the rename, the catalogue is unchanged, and the next start copies again; after it, copy and
 * catalogue are both whole.
 *
 * @throws Failure `insufficient_storage`, or `internal`; then the catalogue must not be changed.
 */
export function keepFormerCopy(database: Database, number: number): void {
  const path = copyPath(database.path, number);
  const partial = `${path}.partial`;
  try {
    fs.rmSync(partial, { force: true });
    // Private, which SQLite would leave to the umask; it takes an empty file for none.
    prepareFile(partial);
    database.run('VACUUM INTO :partial', { partial });
    const descriptor = fs.openSync(partial, 'r');
    try {
      fs.fsyncSync(descriptor);
    } finally {
      fs.closeSync(descriptor);
    }
    fs.renameSync(partial, path);
    syncDirectory(dirname(path));
  } catch (error) {
    fs.rmSync(partial, { force: true });
    throw asFailure(error, `Cannot copy the catalogue to ${path} before it is changed`);
  }
}

/**
 * For a catalogue that a newer program has changed: how to go on with this one.
 *
 * @param version number of the last migration that the catalogue has seen; `known` the last one of this program.
 */
export function newerCatalogue(path: string, version: number, known: number): Failure {
  const copy = newestCopy(path, known);
  const restore =
    copy === undefined
      ? `move ${basename(path)} away: the start makes it again from the manifests`
      : `put the copy from before in its place: ${copy}`;
  return new Failure('internal', `Cannot use the catalogue: it is of version ${version}, this program knows ${known}`, {
    facts: { version, known, path },
    hint: `A newer Roost has used this state directory. Install that version again, or ${restore} (docs/upgrade.md).`,
  });
}

function copyPath(path: string, number: number): string {
  const { dir, name, ext } = parse(path);
  return join(dir, `${name}-${number}${ext}`);
}

/** The newest one that a program which knows migrations up to `known` can open. */
function newestCopy(path: string, known: number): string | undefined {
  for (let number = known; number > 0; number--) {
    const copy = copyPath(path, number);
    if (fs.existsSync(copy)) return copy;
  }
  return undefined;
}
