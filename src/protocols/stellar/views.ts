import { isoDate } from '../../base/clock.ts';
import type { BackupView } from '../../jobs/contract.ts';

/** One entry of the list: the fields that the panel maps to its own, dates in unix seconds. */
export function listEntry(view: BackupView) {
  return {
    uuid: view.id,
    name: view.name,
    size: view.size,
    checksum: view.sha256,
    checksum_type: 'sha256',
    status: view.status,
    is_locked: view.locked,
    storage_path: `/backups/${view.key}`,
    ignored_files: [...view.ignore],
    // The panel takes a null for the first second of 1970.
    completed_at: view.completedAt === null ? undefined : Math.floor(view.completedAt / 1000),
    created_at: Math.floor(view.createdAt / 1000),
    updated_at: Math.floor(view.updatedAt / 1000),
  };
}

/**
 * The answer to a create. The panel hands it on as it is, and its documentation promises the backup's object: so it is
 * that object, and beside it what the panel's own daemon says.
 */
export function createdAnswer(view: BackupView) {
  return {
    success: true,
    id: view.id,
    name: view.name,
    size: view.size,
    checksum: view.sha256,
    checksumType: 'sha256',
    status: view.status,
    isLocked: view.locked,
    storagePath: `/backups/${view.key}`,
    serverId: view.server,
    ignoredFiles: [...view.ignore],
    completedAt: view.completedAt === null ? null : isoDate(view.completedAt),
    createdAt: isoDate(view.createdAt),
    updatedAt: isoDate(view.updatedAt),
  };
}
