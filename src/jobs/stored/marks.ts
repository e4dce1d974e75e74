/** What people decide about a backup: its name, locked or not, accepted or not. In the row and in the manifest. */
import { Failure } from '../../base/failure.ts';
import type { BackupId, ServerId } from '../../base/ids.ts';
import type { KeyedMutex } from '../../base/keyed-mutex.ts';
import type { Log } from '../../base/log/log.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import { requireCompleted, requireUnused } from '../runner/admission.ts';
import type { EventHub } from '../runner/events.ts';
import type { JobRunner } from '../runner/runner.ts';
import { backupEvent } from './backup-facts.ts';
import { refreshManifest, writeManifest } from './manifests.ts';
import type { StoreSet } from './stores.ts';

export interface MarkDeps {
  readonly catalogue: Pick<Catalogue, 'backups'>;
  readonly events: EventHub;
  readonly stores: StoreSet;
  readonly runner: Pick<JobRunner, 'open'>;
  readonly turns: KeyedMutex;
  readonly log: Log;
}

/**
 * Sets or takes off a backup's lock, in row and manifest. The manifest is locked first and unlocked last, so a catalogue
 * rebuilt after a crash may lock a backup that was unlocked, never the other way round.
 *
 * @throws Failure `backup_not_found`, `server_busy` while it is being deleted, `store_unreachable`.
 */
export async function setLock(server: ServerId, backup: BackupId, locked: boolean, deps: MarkDeps): Promise<void> {
  const { catalogue, events, stores, runner, turns, log } = deps;
  await turns.run(backup, async () => {
    const record = catalogue.backups.get(backup, server);
    requireUnused(runner, backup, ['delete'], 'Cannot change the lock');
    if (record.removing) throw beingRemoved();
    const store = record.status === 'COMPLETED' ? stores.get(record.store) : undefined;
    if (locked && store !== undefined) await writeManifest(store, { ...record, locked });
    const changed = catalogue.backups.setLocked(backup, locked);
    events.publish(backupEvent('backup.locked', changed));
    if (!locked && store !== undefined) await refreshManifest(store, changed, log);
  });
}

/**
 * Takes a suspect backup for a good one. The manifest follows the row: one that lags leaves the backup suspect, which
 * costs nothing.
 *
 * @throws Failure `backup_not_found`, `backup_not_ready`, `backup_failed`, `server_busy` while it is being deleted.
 */
export async function acceptSuspect(server: ServerId, backup: BackupId, deps: MarkDeps): Promise<void> {
  const { catalogue, stores, runner, turns, log } = deps;
  const doing = 'Cannot accept the backup';
  await turns.run(backup, async () => {
    requireCompleted(catalogue.backups.get(backup, server), doing);
    requireUnused(runner, backup, ['delete'], doing);
    const accepted = catalogue.backups.markAccepted(backup);
    await refreshManifest(stores.get(accepted.store), accepted, log);
  });
}

/**
 * Gives a backup another name. The manifest follows the row: one that lags shows the old name after a rebuild.
 *
 * @throws Failure `backup_not_found`, `server_busy` while it is being deleted.
 */
export async function renameBackup(server: ServerId, backup: BackupId, name: string, deps: MarkDeps): Promise<void> {
  const { catalogue, stores, runner, turns, log } = deps;
  await turns.run(backup, async () => {
    const { removing } = catalogue.backups.get(backup, server);
    requireUnused(runner, backup, ['delete'], 'Cannot rename the backup');
    if (removing) throw beingRemoved('rename the backup');
    const renamed = catalogue.backups.rename(backup, name);
    if (renamed.status === 'COMPLETED') await refreshManifest(stores.get(renamed.store), renamed, log);
  });
}

/** A lock would keep a backup of which part may be gone. */
function beingRemoved(doing = 'change the lock'): Failure {
  return new Failure('server_busy', `Cannot ${doing}: the deletion of the backup has begun`, {
    hint: 'Part of it may be gone. The deletion is tried again every hour.',
  });
}
