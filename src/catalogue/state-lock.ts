/**
 * One daemon per state directory: a second one would take the first one's running jobs for the remains of a crash, end
 * them, and sweep their half-written archives away.
 *
 * Held as SQLite's lock on a file of its own, for want of flock(2) in Node: the kernel drops it with the process,
 * however that ends, so there is nothing to clean up and no process id to mistake.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Failure } from '../base/failure.ts';
import { prepareFile } from './sqlite/database.ts';
import { explainSqlite } from './sqlite/sqlite-failure.ts';

const LOCK_NAME = 'lock';
const BUSY = 5;

export interface StateLock {
  release(): void;
}

/**
 * @param directory the state directory; made (0700) when it is missing.
 * @throws Failure `internal` when another process holds it, or when it cannot be written.
 */
export function lockStateDirectory(directory: string): StateLock {
  const path = join(directory, LOCK_NAME);
  prepareFile(path);
  const connection = new DatabaseSync(path, { timeout: 0 });
  try {
    connection.exec('BEGIN EXCLUSIVE');
    return { release: () => connection.close() };
  } catch (error) {
    connection.close();
    throw isBusy(error) ? held(directory, error) : explainSqlite(error, path, 'Cannot lock the state directory');
  }
}

/**
 * True while a process holds the lock. Writes nothing and takes nothing: a daemon that starts meanwhile is not refused.
 *
 * @throws Failure `internal` when the lock cannot be read.
 */
export function isStateLocked(directory: string): boolean {
  const path = join(directory, LOCK_NAME);
  if (!existsSync(path)) return false;
  let connection: DatabaseSync | undefined;
  try {
    connection = new DatabaseSync(path, { readOnly: true, timeout: 0 });
    connection.prepare('SELECT count(*) FROM sqlite_schema').get();
    return false;
  } catch (error) {
    if (isBusy(error)) return true;
    throw explainSqlite(error, path, 'Cannot look at the lock of the state directory');
  } finally {
    connection?.close();
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === BUSY;
}

function held(directory: string, cause: unknown): Failure {
  return new Failure('internal', `Cannot use the state directory ${directory}: another Roost uses it`, {
    cause,
    facts: { directory },
    hint: 'Stop it first (systemctl status roost), or give this one a state_directory and stores of its own.',
  });
}
