/** SQLite's result codes (sqlite.org/rescode.html) as Failures. */
import { Failure, type FailureCode } from '../../base/failure.ts';

interface Explanation {
  readonly code: FailureCode;
  /** The end of the sentence; the file's path follows. */
  readonly state: string;
  readonly hint: string;
  readonly retry: boolean;
}

const DAMAGED: Explanation = {
  code: 'internal',
  state: 'the file is damaged',
  hint:
    'Put back a copy of the state directory; or move this file aside (with the -wal and -shm beside it) and start ' +
    'Roost again: it rebuilds the catalogue from the manifests in the stores.',
  retry: false,
};

const UNREACHABLE: Explanation = {
  code: 'internal',
  state: 'the file cannot be read or written',
  hint: 'Check the owner and mode of the state directory, that its disk is writable and healthy, and has space left.',
  retry: true,
};

/** By primary result code. */
const EXPLANATIONS: ReadonlyMap<number, Explanation> = new Map([
  [
    5, // SQLITE_BUSY
    {
      code: 'internal',
      state: 'another process holds the file',
      hint: 'Is another Roost running with the same state directory? Stop one of them.',
      retry: true,
    },
  ],
  [8, UNREACHABLE], // SQLITE_READONLY
  [10, UNREACHABLE], // SQLITE_IOERR
  [11, DAMAGED], // SQLITE_CORRUPT
  [
    13, // SQLITE_FULL
    {
      code: 'insufficient_storage',
      state: 'no space left on the disk',
      hint: 'Free some space on the disk of the state directory.',
      retry: true,
    },
  ],
  [14, UNREACHABLE], // SQLITE_CANTOPEN
  [26, DAMAGED], // SQLITE_NOTADB
]);

/** Extended codes: a UNIQUE or PRIMARY KEY that is taken. */
const TAKEN = new Set([2067, 1555]);

/** True when a row with that id is there already. */
export function isTaken(error: unknown): boolean {
  return error instanceof Failure && TAKEN.has(resultCode(error.cause) ?? 0);
}

/** True for a file that is damaged or no database: there is no use in opening it again. */
export function isDamaged(failure: Failure): boolean {
  const { sqliteCode: extended } = failure.detail;
  return extended !== undefined && EXPLANATIONS.get(extended & 0xff) === DAMAGED;
}

/** @param doing the sentence's start, in the grammar "Cannot open the catalogue". */
export function explainSqlite(error: unknown, path: string, doing: string): Failure {
  if (error instanceof Failure) return error;
  const extended = resultCode(error);
  const words = error instanceof Error ? error.message : String(error);
  const facts = { path, reason: words, ...(extended === undefined ? {} : { sqlite: extended }) };
  const detail = { sqliteCode: extended };
  // The low byte of an extended code is the primary one.
  const known = EXPLANATIONS.get((extended ?? 0) & 0xff);
  if (known === undefined) return new Failure('internal', `${doing}: ${words}`, { cause: error, facts, detail });
  const { code, state, hint, retry } = known;
  return new Failure(code, `${doing}: ${state}: ${path} (${words})`, { cause: error, facts, detail, hint, retry });
}

function resultCode(error: unknown): number | undefined {
  const code: unknown = error instanceof Error && 'errcode' in error ? error.errcode : undefined;
  return typeof code === 'number' ? code : undefined;
}
