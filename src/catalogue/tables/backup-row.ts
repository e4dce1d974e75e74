import type { BackupId, ServerId } from '../../base/ids.ts';
import type { Values } from '../sqlite/database.ts';
import { failureText } from '../failure-text.ts';
import {
  type BackupRecord,
  type BackupSummary,
  originOf,
  type QuiescedRecord,
  type StoredBackupStatus,
  type SuspectRecord,
  type WarningRecord,
} from '../records.ts';
import { ignoreValues, warningValues } from './backup-texts.ts';
import { failureOrNull, integer, integerOrNull, json, type Row, text, textOrNull } from '../sqlite/row.ts';

/** The columns of `summaryOf`. A server's owner can make none of them large. */
export const SUMMARY_COLUMNS = `seq, id, server, name, status, locked, ignore, ignore_lines, store, key, size, raw_size, files,
  entries, reused_bytes, sha256, warnings, warning_pages, warning_count, error, damaged_at, verified_at, sequence, suspect, accepted_at,
  index_sha256, removing, origin, named, started_at, stored_bytes, quiesced, created_at, updated_at, completed_at`;

export function summaryOf(row: Row): BackupSummary {
  const ignoreLines = integerOrNull(row, 'ignore_lines');
  return {
    id: text(row, 'id') as BackupId,
    server: text(row, 'server') as ServerId,
    name: text(row, 'name'),
    status: text(row, 'status') as StoredBackupStatus,
    locked: integer(row, 'locked') === 1,
    ignore: json(row, 'ignore') as readonly string[],
    ...(ignoreLines === null ? {} : { ignoreCount: ignoreLines }),
    store: text(row, 'store'),
    key: text(row, 'key'),
    size: integer(row, 'size'),
    rawSize: integer(row, 'raw_size'),
    files: integer(row, 'files'),
    entries: integer(row, 'entries'),
    reusedBytes: integer(row, 'reused_bytes'),
    sha256: textOrNull(row, 'sha256'),
    ...(integer(row, 'warning_pages') > 0 ? {} : { warnings: json(row, 'warnings') as readonly WarningRecord[] }),
    warningCount: integer(row, 'warning_count'),
    error: failureOrNull(row, 'error'),
    damagedAt: integerOrNull(row, 'damaged_at'),
    verifiedAt: integerOrNull(row, 'verified_at'),
    sequence: integer(row, 'sequence'),
    suspect: row['suspect'] === null ? null : (json(row, 'suspect') as SuspectRecord),
    acceptedAt: integerOrNull(row, 'accepted_at'),
    indexSha256: textOrNull(row, 'index_sha256'),
    removing: integer(row, 'removing') === 1,
    ...madeOf(row),
    createdAt: integer(row, 'created_at'),
    updatedAt: integer(row, 'updated_at'),
    completedAt: integerOrNull(row, 'completed_at'),
  };
}

/** How it was made, as far as that is known. */
function madeOf(row: Row): Pick<BackupRecord, 'origin' | 'named' | 'startedAt' | 'storedBytes' | 'quiesced'> {
  const origin = originOf(textOrNull(row, 'origin'));
  const [named, startedAt] = [integerOrNull(row, 'named'), integerOrNull(row, 'started_at')];
  const storedBytes = integerOrNull(row, 'stored_bytes');
  return {
    ...(origin === undefined ? {} : { origin }),
    ...(named === null ? {} : { named: named === 1 }),
    ...(startedAt === null ? {} : { startedAt }),
    ...(storedBytes === null ? {} : { storedBytes }),
    ...(row['quiesced'] === null ? {} : { quiesced: json(row, 'quiesced') as QuiescedRecord }),
  };
}

/** By column, for INSERT; warnings and the whole ignore list are written beside the row (backup-texts.ts). */
export function backupValues(record: BackupRecord): Values {
  return {
    id: record.id,
    server: record.server,
    name: record.name,
    status: record.status,
    locked: Number(record.locked),
    ...ignoreValues(record.ignore),
    store: record.store,
    key: record.key,
    size: record.size,
    raw_size: record.rawSize,
    files: record.files,
    entries: record.entries,
    reused_bytes: record.reusedBytes,
    sha256: record.sha256,
    ...warningValues(record.warnings),
    warning_count: record.warningCount,
    error: record.error === null ? null : failureText(record.error),
    damaged_at: record.damagedAt,
    verified_at: record.verifiedAt,
    sequence: record.sequence,
    suspect: record.suspect === null ? null : JSON.stringify(record.suspect),
    accepted_at: record.acceptedAt,
    index_sha256: record.indexSha256,
    removing: Number(record.removing),
    origin: record.origin ?? null,
    named: record.named === undefined ? null : Number(record.named),
    started_at: record.startedAt ?? null,
    stored_bytes: record.storedBytes ?? null,
    quiesced: record.quiesced === undefined ? null : JSON.stringify(record.quiesced),
    created_at: record.createdAt,
    updated_at: record.updatedAt,
    completed_at: record.completedAt,
  };
}
