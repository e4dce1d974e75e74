/**
 * Finds servers' directories that this process cannot write, so that a restore does not learn it on the day of need. The
 * usual cause is the sandbox of the systemd unit: `ProtectSystem=strict` makes all read-only that ReadWritePaths= does
 * not name, for the daemon alone.
 */
import { requireAccess } from '../base/files/access.ts';
import { constants } from 'node:fs';
import { errnoOf, Failure } from '../base/failure.ts';
import type { ServersConfig } from '../config/types.ts';

export interface UnwritablePlace {
  readonly path: string;
  /** A sentence with the errno. */
  readonly error: string;
  readonly hint: string;
}

/** Asks for the root and each listed server; missing ones are another finding. */
export async function findUnwritable({ root, list }: ServersConfig): Promise<readonly UnwritablePlace[]> {
  const paths = [...(root === null ? [] : [root]), ...list.map(({ path }) => path)];
  const found = await Promise.all(paths.map(unwritable));
  return found.filter((place) => place !== undefined);
}

async function unwritable(path: string): Promise<UnwritablePlace | undefined> {
  try {
    await requireAccess(path, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined || errno === 'ENOENT' || errno === 'ENOTDIR') return undefined;
    return {
      path,
      error: `${path} cannot be written by the daemon (${errno}): restores fail`,
      hint: hintFor(errno, path),
    };
  }
}

/** How to let the daemon write there. */
function hintFor(errno: string, path: string): string {
  if (errno === 'EROFS') {
    return (
      `If the unit's sandbox is the cause: "systemctl edit roost", add "[Service]" and "ReadWritePaths=${path}", restart. ` +
      `Otherwise the disk is mounted read-only: see "findmnt -T ${path}".`
    );
  }
  if (errno === 'EPERM') return `It is immutable or append-only: see "lsattr -d ${path}".`;
  return 'Let the daemon run as root (as its unit does), or give its user that directory.';
}

/** Why no stage could be made for a restore of the server in this directory. */
export function noStage(error: unknown, server: string): unknown {
  const errno = errnoOf(error);
  if (errno !== 'EROFS' && errno !== 'EPERM' && errno !== 'EACCES') return error;
  return new Failure('internal', `Cannot restore: ${server} cannot be written by the daemon (${errno})`, {
    cause: error,
    facts: { errno, path: server },
    hint: `Nothing was changed. ${hintFor(errno, server)}`,
  });
}
