/**
 * Deletions that a panel asks for and is answered at once: the work, and the report of its end, are owed.
 *
 *   1 the row       before the answer; a crash after it: the next start goes on here
 *   2 delete step   the backup's objects, its own row last (delete/delete.ts); a crash in it: done again, from what is left
 *   3 report step   the panel takes a second report of the same deletion for the first
 *
 * Source: calagopus/panel be2b6c40, backend/src/routes/api/remote/backups/_backup_/deletion.rs.
 */
import { Failure } from '../../base/failure.ts';
import type { BackupId, ServerId } from '../../base/ids.ts';
import type { DeliveryRecord } from '../../catalogue/records.ts';
import type { DeliveryStep, StepEnd } from './outbox.ts';
import type { PanelPort } from './panel.ts';

/** Deletes a backup, even one that is being made. Throws as deleting does. */
export type Discard = (server: ServerId, backup: BackupId) => Promise<void>;

/** Deletions run side by side with little to gain: each is a few requests to a store. */
const DELETIONS = 2;

/** The step that carries out a deletion which a panel has asked for; its report follows. */
export function deletionSteps(discard: Discard): readonly DeliveryStep[] {
  return [{ name: 'delete', concurrent: DELETIONS, run: (delivery) => runDeletion(delivery, discard) }];
}

async function runDeletion({ server, backup }: DeliveryRecord, discard: Discard): Promise<StepEnd> {
  try {
    await discard(server, backup);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    // Locked after it was asked for: the backup stays, and the panel learns that.
    if (error.code === 'backup_locked') return { kind: 'next', step: 'report', data: { refused: true } };
    if (error.code !== 'backup_not_found') return { kind: 'retry', failure: error };
  }
  return { kind: 'next', step: 'report' };
}

/** Reports to the panel how a deletion ended. @returns `over` when the panel has it, otherwise why not. */
export async function reportDeletion(
  { backup, server, data, askedAt }: DeliveryRecord,
  panel: Pick<PanelPort, 'reportDeletion'>,
  signal: AbortSignal,
): Promise<StepEnd> {
  const verdict = await panel.reportDeletion({ backup, server, successful: data.refused !== true, askedAt }, signal);
  return verdict.kind === 'delivered' ? { kind: 'over' } : verdict;
}
