/**
 * Moves an archive into the panel's own object storage, as steps of the report that the panel is owed:
 *
 *   upload   the sealed archive, part by part, to URLs of the panel      a crash: all of it again, as a new upload
 *   report   with the parts, which the row keeps (steps.ts)              a crash: again; "already completed" is success
 *   remove   the local archive, its row last, now that the panel has it   a crash: again
 *
 * The archive stays until the panel has accepted the report, however long that takes: until then it is the only copy. An
 * upload takes no job's place, so a panel that is away holds up no backup.
 */
import type { Clock } from '../../base/clock.ts';
import { asFailure, Failure } from '../../base/failure.ts';
import type { BackupId, ServerId } from '../../base/ids.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { BackupRecord, DeliveryRecord } from '../../catalogue/records.ts';
import type { RetryPort } from '../../base/retry.ts';
import { sendPartAgain } from '../../storage/presigned/resend.ts';
import { uploadParts } from '../../storage/presigned/upload.ts';
import type { EventSource } from '../contract.ts';
import type { DeliveryStep, StepEnd } from './outbox.ts';
import type { PanelPort } from './panel.ts';
import type { SendAgain } from './steps.ts';
import { requireRecordedArchive } from '../stored/digests.ts';
import { openArchiveSource } from '../stored/stored-archive.ts';
import type { StoreSet } from '../stored/stores.ts';

export interface UploadDeps {
  readonly panel: Pick<PanelPort, 'partUrls'>;
  readonly catalogue: Pick<Catalogue, 'backups'>;
  readonly stores: Pick<StoreSet, 'get'>;
  readonly events: EventSource;
  readonly clock: Clock;
  /** Bytes per second; 0 for no limit. */
  readonly uploadRate: () => number;
  /** Removes a backup, archive and row. Throws `backup_locked`, `server_busy`, `backup_not_found`, as deleting it does. */
  readonly remove: (server: ServerId, backup: BackupId) => Promise<void>;
  readonly retry?: RetryPort;
}

/** How long a panel may take to know a backup that it asked for itself. */
const COMMITS_WITHIN_MS = 300_000;

/** A host's upload is shared by its players: one archive at a time. */
export function uploadSteps(deps: UploadDeps): readonly DeliveryStep[] {
  return [
    { name: 'upload', concurrent: 1, run: (delivery, signal) => upload(delivery, deps, signal) },
    { name: 'remove', concurrent: 1, run: (delivery) => remove(delivery, deps) },
  ];
}

async function upload(delivery: DeliveryRecord, deps: UploadDeps, signal: AbortSignal): Promise<StepEnd> {
  const { backup } = delivery;
  const record = deps.catalogue.backups.find(backup);
  // Removed meanwhile: its report says that there is none.
  if (record === undefined) return { kind: 'next', step: 'report' };
  if (record.damagedAt !== null) return { kind: 'refused', failure: isDamaged() };
  const gone = new AbortController();
  const unsubscribe = deps.events.subscribe((event) => {
    if (event.type === 'backup.deleted' && event.backup === backup) gone.abort();
  });
  try {
    return await send(delivery, record, deps, AbortSignal.any([signal, gone.signal]));
  } catch (error) {
    if (signal.aborted) throw error;
    if (gone.signal.aborted) return { kind: 'next', step: 'report' };
    const failure = asFailure(error, 'Cannot upload the archive');
    return { kind: failure.retry ? 'retry' : 'refused', failure };
  } finally {
    unsubscribe();
  }
}

async function send(
  delivery: DeliveryRecord,
  record: BackupRecord,
  { panel, stores, clock, uploadRate: rate, retry }: UploadDeps,
  signal: AbortSignal,
): Promise<StepEnd> {
  let end: StepEnd | undefined;
  let partSize = 0;
  const begin = async (size: number, stop: AbortSignal) => {
    try {
      const places = await panel.partUrls(record.id, size, stop);
      partSize = places.partSize;
      return places;
    } catch (error) {
      if (error instanceof Failure) end = refusedPlaces(error, delivery, clock.now());
      throw error;
    }
  };
  const store = stores.get(record.store);
  const source = await openArchiveSource(store, record);
  try {
    // The report names the recorded sha256, and the local archive is removed once the panel has all parts: an archive that
    // was damaged since must not be uploaded in its place.
    await requireRecordedArchive(store, record, source, signal);
    const parts = await uploadParts({ source, begin, rate, clock, ...(retry === undefined ? {} : { retry }) }, signal);
    return { kind: 'next', step: 'report', data: { parts, partSize, reporting: false } };
  } catch (error) {
    if (end === undefined || signal.aborted) throw error;
    return end;
  } finally {
    await source.close();
  }
}

/** Sends parts again of archives that are still here: until their upload is known to be completed, all are. */
export function sendingAgain(deps: Pick<UploadDeps, 'catalogue' | 'stores' | 'clock' | 'uploadRate'>): SendAgain {
  const { catalogue, stores, clock, uploadRate: rate } = deps;
  return async (backup, part, signal) => {
    const record = catalogue.backups.find(backup);
    if (record === undefined) {
      throw new Failure(
        'backup_not_found',
        'Cannot see whether the upload of the archive is open: the archive is gone',
      );
    }
    const source = await openArchiveSource(stores.get(record.store), record);
    try {
      return await sendPartAgain({ ...part, source, rate, clock }, signal);
    } finally {
      await source.close();
    }
  };
}

/** The end of a step whose request for URLs the panel refused; undefined where the failure is handled as any other. */
function refusedPlaces(failure: Failure, { data, askedAt }: DeliveryRecord, now: number): StepEnd | undefined {
  if (failure.code === 'backup_not_found' && Math.abs(now - askedAt) >= COMMITS_WITHIN_MS) {
    return { kind: 'refused', failure };
  }
  // The panel has completed or abandoned the backup. With parts of an earlier upload, the report finds out which.
  if (failure.detail.httpStatus === 409) {
    return data.parts === undefined ? { kind: 'refused', failure } : { kind: 'next', step: 'report' };
  }
  return undefined;
}

async function remove({ server, backup }: DeliveryRecord, deps: UploadDeps): Promise<StepEnd> {
  const record = deps.catalogue.backups.find(backup);
  // Who locks a backup of the node wants it to stay there, whatever else has it.
  if (record !== undefined && !record.locked) await deps.remove(server, backup).catch(unlessGone);
  return { kind: 'over' };
}

function unlessGone(error: unknown): void {
  if (error instanceof Failure && (error.code === 'backup_not_found' || error.code === 'backup_locked')) return;
  throw error;
}

function isDamaged(): Failure {
  return new Failure('archive_damaged', 'Cannot upload the archive: a verification found it damaged', {
    hint: 'Delete the backup, which the panel is then told, and make a new one.',
  });
}
