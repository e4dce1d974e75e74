/** What this process may do with a file, the powers that its unit gives it included. */
import { access } from 'node:fs/promises';
import { errnoOf } from '../failure.ts';
import { findCFunction } from '../c-library.ts';

/** <fcntl.h> of Linux. */
const AT_FDCWD = -100;
const AT_EACCESS = 0x200;

/**
 * As `access` of Node, which asks for the user alone: access(2) leaves out the capabilities of a process that is not
 * root's, and so denies what open(2) then grants.
 *
 * @param mode R_OK, W_OK and X_OK together.
 * @throws the system's error of access(2).
 */
export async function requireAccess(path: string, mode: number): Promise<void> {
  try {
    await access(path, mode);
  } catch (error) {
    if (errnoOf(error) !== 'EACCES' || !isGranted(path, mode)) throw error;
  }
}

/** By faccessat2(2), in this thread: the path answered a moment ago. False where the system lacks it. */
function isGranted(path: string, mode: number): boolean {
  const call = findCFunction('int faccessat(int directory, const char *path, int mode, int flags)');
  return call !== undefined && Number(call(AT_FDCWD, path, mode, AT_EACCESS)) === 0;
}
