/**
 * Marks a copy whose archive a job found damaged: in its row, in the manifest beside it and by an event. It is then read
 * by nothing, and made again from the backup in its own store (copy/copies.ts); until that is written, what there is stays.
 */
import { Failure, type FailureDetail } from '../../base/failure.ts';
import type { KeyedMutex } from '../../base/keyed-mutex.ts';
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log/log.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { CopyRecord, JobRecord } from '../../catalogue/records.ts';
import type { PendingEvent } from '../runner/verb.ts';
import { refreshManifest } from './manifests.ts';
import type { StoreSet } from './stores.ts';

export interface CopyDamageDeps {
  readonly catalogue: Pick<Catalogue, 'backups' | 'copies'>;
  readonly stores: StoreSet;
  /** Turns by backup id, shared with all who write manifests. */
  readonly turns: KeyedMutex;
  readonly clock: Clock;
  readonly log: Log;
  /** After a copy was marked, in the transaction that marks it. */
  readonly onDamagedCopy?: () => void;
}

/** What a job makes of damage that it met in a copy: the backup in its own store may be whole. */
export function damageOfCopy(error: unknown, copy: NonNullable<FailureDetail['inCopy']>): unknown {
  if (!(error instanceof Failure) || error.code !== 'archive_damaged') return error;
  return error.with({ facts: { copyIn: copy.store }, detail: { inCopy: copy } });
}

/** In the manifest beside the copy, so that a catalogue that is made again from that store knows. */
export async function noteInCopy(error: unknown, job: JobRecord, deps: CopyDamageDeps): Promise<void> {
  const copy = copyOf(error, job, deps);
  if (copy === undefined) return;
  await deps.turns.run(copy.backup, async () => {
    const record = deps.catalogue.backups.find(copy.backup);
    if (record?.status !== 'COMPLETED' || record.removing) return;
    await refreshManifest(deps.stores.get(copy.store), { ...record, damagedAt: deps.clock.now() }, deps.log);
  });
}

/** In the row; call it in the transaction that ends the job. */
export function markCopyDamaged(failure: Failure, job: JobRecord, deps: CopyDamageDeps): readonly PendingEvent[] {
  const copy = copyOf(failure, job, deps);
  if (copy === undefined) return [];
  const { code, message } = failure;
  const hint = 'It is made anew from the backup in its own store, once that can be read and is whole.';
  deps.catalogue.copies.markDamaged(copy.backup, copy.store, { ...failure.toJSON(), hint });
  deps.onDamagedCopy?.();
  deps.log.warn('A copy was found damaged', { backup: copy.backup, store: copy.store, error: failure });
  const data = { store: copy.store, state: 'failed' as const, error: { code, message, hint } };
  return [{ type: 'copy.changed', server: job.server, backup: copy.backup, job: job.id, data }];
}

/** The copy that the finding is about; undefined when it is about none, or the copy was made again since it was read. */
function copyOf(error: unknown, job: JobRecord, { catalogue }: CopyDamageDeps): CopyRecord | undefined {
  const read = error instanceof Failure && error.code === 'archive_damaged' ? error.detail.inCopy : undefined;
  const copy = read === undefined ? undefined : catalogue.copies.find(job.backup, read.store);
  return copy?.damagedAt === null && copy.madeAt === read?.madeAt ? copy : undefined;
}
