/**
 * One daemon per state directory. Two would run each other's jobs and sweep each other's files away.
 *
 * The lock is an exclusive transaction on an empty SQLite file that lasts as long as the daemon: the kernel's own file
 * lock, which ends with the process however that dies, and which a left-over file does not keep. Backups and doctor
 * read the catalogue beside it.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { asFailure, Failure } from '../base/failure.ts';

const LOCK_NAME = 'daemon.lock';

export interface StateLock {
  /** Lets the next daemon in. */
  release(): void;
}

/**
 * @param directory made when it is missing.
 * @throws Failure `config_invalid` when another daemon holds it; else with the errno.
 */
export function takeStateLock(directory: string): StateLock {
  const path = join(directory, LOCK_NAME);
  const database = openLockFile(directory, path);
  try {
    // Nothing is ever written into it: it stays empty, and needs no journal or recovery.
    database.exec('PRAGMA journal_mode = OFF; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    throw isBusy(error) ? held(directory, error) : asFailure(error, `Cannot lock the state directory ${directory}`);
  }
  return { release: () => database.close() };
}

function openLockFile(directory: string, path: string): DatabaseSync {
  try {
    fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
    return new DatabaseSync(path, { timeout: 0 });
  } catch (error) {
    throw asFailure(error, `Cannot use the state directory ${directory}`);
  }
}

/** SQLITE_BUSY, extended or not. */
function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && (Number(error.errcode) & 0xff) === 5;
}

function held(directory: string, cause: unknown): Failure {
  return new Failure('config_invalid', `Cannot start: another Roost daemon uses the state directory ${directory}`, {
    cause,
    facts: { directory },
    hint: 'Stop it (systemctl status roost), or give this one a state_directory and a store of its own.',
  });
}
