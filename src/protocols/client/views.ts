/**
 * The service's views in the client API's form. Fields are listed one by one, so that new ones are not exposed by
 * accident.
 */
import type { z } from '@hono/zod-openapi';
import { wireText } from '../../base/files/paths.ts';
import type { BackupSummaryView, ServerView } from '../../jobs/contract.ts';
import type { BackupObject, ServerObject } from './schemas.ts';

export function backupObject(view: BackupSummaryView): z.infer<typeof BackupObject> {
  const completed = view.status === 'COMPLETED' || view.status === 'RESTORING';
  return {
    object: 'backup',
    attributes: {
      uuid: view.id,
      name: wireText(view.name),
      ignored_files: view.ignore.map(wireText),
      sha256_hash: completed ? view.sha256 : null,
      checksum: completed && view.sha256 !== null ? `sha256:${view.sha256}` : null,
      bytes: completed ? view.size : 0,
      created_at: atomDate(view.createdAt),
      completed_at: completed && view.completedAt !== null ? atomDate(view.completedAt) : null,
      is_successful: view.status === 'IN_PROGRESS' ? null : completed,
      is_locked: view.locked,
    },
  };
}

export function serverObject(view: ServerView): z.infer<typeof ServerObject> {
  return {
    object: 'server',
    attributes: {
      uuid: view.id,
      identifier: view.id.slice(0, 8),
      name: view.name,
      status: view.suspended ? 'suspended' : view.status === 'RESTORING' ? 'restoring_backup' : null,
      is_suspended: view.suspended,
      // Roost neither installs nor moves servers.
      is_installing: false,
      is_transferring: false,
    },
  };
}

/** RFC 3339 in whole seconds with a numeric offset (PHP's `DateTimeInterface::ATOM`), which clients parse. */
function atomDate(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}+00:00`;
}
