/** A look into the catalogue's file from outside the daemon, for `roost doctor`: reads only, also while one runs. */
import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { Failure } from '../base/failure.ts';
import { newerCatalogue } from './sqlite/former-copy.ts';
import { MIGRATIONS } from './sqlite/migrate.ts';
import { failureOrNull, integer, integerOrNull, text, type Row } from './sqlite/row.ts';
import { explainSqlite } from './sqlite/sqlite-failure.ts';

export interface CatalogueFacts {
  readonly backups: number;
  /** Ids of servers that have backups. */
  readonly servers: readonly string[];
  /** When the newest row was written, ms since the epoch; null when it holds none. */
  readonly newest: number | null;
  /** Jobs without a final state. */
  readonly openJobs: number;
  /** Ids of restores without a final state: the stages of their jobs are in use. */
  readonly restoring: ReadonlySet<string>;
  /** Restores whose swap has begun and not ended. */
  readonly swapping: number;
  /** Copies in further stores that could not be made; they are tried again. */
  readonly failedCopies: number;
  /** Reports that the panel is owed, and why the first of those that are parked was refused. */
  readonly deliveries: DeliveryFacts;
  /** The ids that the node remembers of its stores' markers, by the stores' names. */
  readonly markers: ReadonlyMap<string, string>;
  /** All backups, by server, newest first by the order of making. */
  readonly histories: ReadonlyMap<string, readonly InspectedBackup[]>;
  /** Servers whose newest completed backup was read while they could not be kept still. */
  readonly unquiesced: readonly string[];
}

/** What judges a backup without its archive. Times are ms since the epoch, sizes bytes. */
export interface InspectedBackup {
  readonly id: string;
  readonly status: 'IN_PROGRESS' | 'COMPLETED' | 'FAILED';
  readonly locked: boolean;
  /** Not known from outside the daemon. */
  readonly busy: false;
  readonly damaged: boolean;
  readonly suspect: boolean;
  readonly sequence: number;
  readonly createdAt: number;
  readonly size: number;
  /** Why it failed; absent for one that was cancelled. */
  readonly failure?: { readonly code: string; readonly message: string; readonly hint?: string };
}

export interface DeliveryFacts {
  readonly pending: number;
  readonly parked: number;
  /** When the pending one that has waited longest was written; null when none waits. */
  readonly oldest: number | null;
  /** The newest reason of one that is parked, or else of one that failed and waits; null when all is well. */
  readonly reason: string | null;
}

/**
 * @returns undefined when there is no catalogue yet.
 * @throws Failure `internal` with a hint when it is damaged, newer than this program, or cannot be read.
 */
export function inspectCatalogue(path: string): CatalogueFacts | undefined {
  if (!existsSync(path)) return undefined;
  let connection: DatabaseSync | undefined;
  try {
    connection = new DatabaseSync(path, { readOnly: true, timeout: 2000 });
    requireKnownForm(connection, path);
    return read(connection);
  } catch (error) {
    throw error instanceof Failure ? error : explainSqlite(error, path, 'Cannot read the catalogue');
  } finally {
    connection?.close();
  }
}

/** The daemon would refuse it, too. */
function requireKnownForm(connection: DatabaseSync, path: string): void {
  const sql = "SELECT count(*) AS n FROM sqlite_schema WHERE name = 'migrations'";
  if (integer(connection.prepare(sql).get() ?? {}, 'n') === 0) return;
  const version = integer(connection.prepare('SELECT coalesce(max(number), 0) AS n FROM migrations').get() ?? {}, 'n');
  const known = MIGRATIONS.at(-1)?.number ?? 0;
  if (version > known) throw newerCatalogue(path, version, known);
}

function read(connection: DatabaseSync): CatalogueFacts | undefined {
  const one = (sql: string): Row => connection.prepare(sql).get() ?? {};
  // Made a moment ago, or by a start that was killed: nothing is in it yet.
  if (integer(one("SELECT count(*) AS n FROM sqlite_schema WHERE name = 'plans'"), 'n') === 0) return undefined;
  const newest = one('SELECT max(updated_at) AS at FROM backups')['at'];
  const keys = connection.prepare("SELECT name, value FROM keys WHERE name LIKE 'store:%'").all();
  const restores = connection.prepare("SELECT id FROM jobs WHERE kind = 'restore' AND ended_at IS NULL").all();
  const histories = historiesOf(connection);
  return {
    backups: integer(one('SELECT count(*) AS n FROM backups'), 'n'),
    servers: connection
      .prepare('SELECT DISTINCT server FROM backups ORDER BY server')
      .all()
      .map((row) => text(row, 'server')),
    newest: typeof newest === 'number' ? newest : null,
    openJobs: integer(one('SELECT count(*) AS n FROM jobs WHERE ended_at IS NULL'), 'n'),
    restoring: new Set(restores.map((row) => text(row, 'id'))),
    swapping: integer(one("SELECT count(*) AS n FROM plans WHERE state = 'swapping'"), 'n'),
    failedCopies: integer(one(copiesQuery(one)), 'n'),
    deliveries: deliveriesOf(one),
    histories,
    unquiesced: hasTable(one, 'backup_texts') ? unquiescedOf(connection, histories) : [],
    markers: new Map(keys.map((row) => [text(row, 'name').slice('store:'.length), bytesText(row['value'])])),
  };
}

type AskOne = (sql: string) => Row;

/** A catalogue of an older form lacks tables. */
function hasTable(one: AskOne, name: 'backup_texts' | 'copies' | 'deliveries'): boolean {
  return integer(one(`SELECT count(*) AS n FROM sqlite_schema WHERE name = '${name}'`), 'n') > 0;
}

function copiesQuery(one: AskOne): string {
  return hasTable(one, 'copies') ? "SELECT count(*) AS n FROM copies WHERE state = 'failed'" : 'SELECT 0 AS n';
}

function deliveriesOf(one: AskOne): DeliveryFacts {
  if (!hasTable(one, 'deliveries')) return { pending: 0, parked: 0, oldest: null, reason: null };
  const count = (state: string): number =>
    integer(one(`SELECT count(*) AS n FROM deliveries WHERE state = '${state}'`), 'n');
  const [pending, parked] = [count('pending'), count('parked')];
  const failed = "SELECT json_extract(error, '$.message') AS reason FROM deliveries WHERE error IS NOT NULL";
  const { reason } = one(`${failed} ORDER BY state = 'pending', id DESC LIMIT 1`);
  return {
    pending,
    parked,
    oldest: integerOrNull(one("SELECT min(created_at) AS at FROM deliveries WHERE state = 'pending'"), 'at'),
    reason: typeof reason === 'string' ? reason : null,
  };
}

function historiesOf(connection: DatabaseSync): Map<string, InspectedBackup[]> {
  const judged = connection.prepare("SELECT 1 FROM pragma_table_info('backups') WHERE name = 'sequence'").get();
  // A catalogue of an older form lacks these columns.
  const later = judged === undefined ? 'seq AS sequence, 0 AS suspect, damaged_at IS NOT NULL AS damaged' : JUDGED;
  const sql = `SELECT id, server, status, locked, size, created_at, ${later},
      CASE status WHEN 'FAILED' THEN error END AS error
    FROM backups ORDER BY sequence DESC, created_at DESC`;
  const histories = new Map<string, InspectedBackup[]>();
  for (const row of connection.prepare(sql).iterate()) {
    const server = text(row, 'server');
    const history = histories.get(server) ?? [];
    histories.set(server, history);
    history.push({
      id: text(row, 'id'),
      status: text(row, 'status') as InspectedBackup['status'],
      locked: integer(row, 'locked') === 1,
      busy: false,
      damaged: integer(row, 'damaged') === 1,
      suspect: integer(row, 'suspect') === 1,
      sequence: integer(row, 'sequence'),
      createdAt: integer(row, 'created_at'),
      size: integer(row, 'size'),
      ...failureOf(row),
    });
  }
  return histories;
}

function failureOf(row: Row): Pick<InspectedBackup, 'failure'> {
  const failure = failureOrNull(row, 'error');
  if (failure === null || failure.code === 'cancelled') return {};
  const { code, message, hint } = failure;
  return { failure: { code, message, ...(hint === undefined ? {} : { hint }) } };
}

/** As JSON has it: within a path or a message the quotes would be escaped. */
const NOT_QUIESCED = '%"code":"not_quiesced"%';

function unquiescedOf(connection: DatabaseSync, histories: CatalogueFacts['histories']): string[] {
  const newest = [...histories.values()].flatMap(
    (history) => history.find(({ status }) => status === 'COMPLETED') ?? [],
  );
  const sql = `SELECT server FROM backups WHERE id IN (SELECT value FROM json_each(:ids)) AND (warnings LIKE :code
    OR EXISTS (SELECT 1 FROM backup_texts WHERE backup = backups.id AND kind = 'warnings' AND text LIKE :code))`;
  const ids = JSON.stringify(newest.map(({ id }) => id));
  return connection
    .prepare(sql)
    .all({ ids, code: NOT_QUIESCED })
    .map((row) => text(row, 'server'));
}

/** A backup whose deletion failed half-way counts as damaged. */
const JUDGED = `sequence, (suspect IS NOT NULL AND accepted_at IS NULL) AS suspect,
  (damaged_at IS NOT NULL OR (removing = 1 AND status = 'COMPLETED')) AS damaged`;

function bytesText(value: unknown): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : '';
}
