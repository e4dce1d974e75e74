import { isoDate } from '../../base/clock.ts';
import type { BackupView } from '../../jobs/contract.ts';

/** One entry of the list: the fields that the panel maps to its own, dates in Unix seconds. */
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
    // The panel reads null as the first second of 1970.
    completed_at: view.completedAt === null ? undefined : Math.floor(view.completedAt / 1000),
    created_at: Math.floor(view.createdAt / 1000),
    updated_at: Math.floor(view.updatedAt / 1000),
  };
}

/**
 * The answer to a create: the backup's object, as the panel's documentation promises to its users, with the fields of
 * the panel's own daemon.
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
