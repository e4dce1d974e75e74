/** What is done for a report that a panel is owed, step by step. Each may run twice: see outbox.ts. */
import type { Clock } from '../../base/clock.ts';
import { Failure } from '../../base/failure.ts';
import type { BackupId } from '../../base/ids.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { DeliveryRecord, UploadedPart } from '../../catalogue/records.ts';
import type { PartAgain } from '../../storage/presigned/resend.ts';
import { reportDeletion } from './deletion.ts';
import type { DeliveryStep, StepEnd } from './outbox.ts';
import type { BackupReport, DeliveryVerdict, PanelPort, RestoreReport, UploadState } from './panel.ts';

export interface StepDeps {
  readonly panel: Pick<PanelPort, 'reportBackup' | 'reportRestore' | 'reportDeletion' | 'uploadState'>;
  readonly catalogue: Pick<Catalogue, 'jobs'>;
  readonly clock: Pick<Clock, 'now'>;
  /** Sends a part of the archive once more; its ETag, or undefined when the upload is over. Throws like `sendPartAgain`. */
  readonly sendAgain: SendAgain;
}

export type SendAgain = (
  backup: BackupId,
  part: Pick<PartAgain, 'url' | 'partNumber' | 'partSize'>,
  signal: AbortSignal,
) => Promise<string | undefined>;

/** Requests to a panel at a time: enough to catch up after a night without it, too few to be a load. */
const REPORTS = 4;
/** A panel ends its own request after 15 seconds and then commits or rolls back; after this time it has done so. */
const COMMITTED_MS = 20_000;
/**
 * From this failed try on, a panel that answers 500 may never complete the upload: its storage has let it go. The
 * archive is still here, and is uploaded again.
 */
const UPLOAD_AGAIN_AT = 10;
/** How often an upload that stays open after its report is reported again. */
const MOST_OPEN = 2;
/** When the end of a very short restore is reported a second time, after it was asked for. */
const REPEAT_MS = 30_000;

/** The steps that report ends of backups, restores and deletions. `repeat` is the second report of a short restore. */
export function reportSteps(deps: StepDeps): readonly DeliveryStep[] {
  return [
    { name: 'report', concurrent: REPORTS, run: (delivery, signal) => report(delivery, deps, signal) },
    { name: 'repeat', concurrent: REPORTS, run: (delivery, signal) => repeat(delivery, deps, signal) },
  ];
}

async function report(delivery: DeliveryRecord, deps: StepDeps, signal: AbortSignal): Promise<StepEnd> {
  if (delivery.kind === 'restore') return reportRestore(delivery, deps, signal);
  if (delivery.kind === 'deletion') return reportDeletion(delivery, deps.panel, signal);
  const { backup, server, successful, sha256, size, files, askedAt } = delivery;
  const parts = partsOf(delivery);
  const facts = { backup, server, successful, sha256, size, files, parts, askedAt };
  if (parts === null) return endOf(await deps.panel.reportBackup(facts, signal), delivery);
  return reportUpload({ ...facts, parts }, delivery, deps, signal);
}

/**
 * Some panels complete the upload again at each report. Their storage then answers that the upload is gone, and the panel
 * marks the good backup as failed. So the state of the upload is checked before each report. It is checked again
 * afterwards, because the local archive is the only copy until the upload is completed.
 *
 *   1 the mark   before the first report; an upload that is gone without it was never completed
 *   2 the report a crash after it: the upload is gone, so the report had arrived
 *   3 the check  still open: the storage refused to complete it, or does not say; the archive stays
 *
 * When a check has sent the last part again, the report names the new ETag: each report follows a check in the same run.
 */
async function reportUpload(
  facts: BackupReport & { readonly parts: readonly UploadedPart[] },
  delivery: DeliveryRecord,
  { panel, sendAgain }: StepDeps,
  signal: AbortSignal,
): Promise<StepEnd> {
  const { backup } = facts;
  let { parts } = facts;
  // As the parts were cut: the panel may cut others differently by now.
  const { partSize = 0 } = delivery.data;
  const sendLastAgain = async (url: string, stop: AbortSignal): Promise<'open' | 'closed'> => {
    const partNumber = parts.length;
    const etag = await sendAgain(backup, { url, partNumber, partSize }, stop);
    if (etag === undefined) return 'closed';
    parts = [...parts.slice(0, -1), { partNumber, etag }];
    return 'open';
  };
  const look = (): Promise<UploadState> => panel.uploadState({ backup, parts: parts.length, sendLastAgain }, signal);
  const before = await look();
  if (before === 'closed') {
    if (delivery.data.reporting === true) return endOf({ kind: 'delivered' }, delivery);
    return { kind: 'retry', step: 'upload', failure: notCompleted('is gone from the storage') };
  }
  if (before === 'open' && delivery.data.reporting !== true) {
    return { kind: 'next', step: 'report', data: { reporting: true } };
  }
  const verdict = await panel.reportBackup({ ...facts, parts }, signal);
  const isOpen = verdict.kind === 'delivered' && before === 'open' && (await look()) === 'open';
  if (!isOpen) return endOf(verdict, delivery);
  // Some storages (OpenStack Swift) accept parts of a completed upload. The archive then stays until an operator acts.
  const kind = delivery.attempts < MOST_OPEN ? 'retry' : 'refused';
  return { kind, failure: notCompleted('is still open in the storage, so the archive stays here') };
}

function notCompleted(state: string): Failure {
  return new Failure('store_unreachable', `Cannot report the backup to the panel: its upload ${state}`, {
    detail: { httpStatus: 500 },
    hint: 'Check the panel’s log and the S3 settings of the panel.',
    retry: true,
  });
}

/**
 * Reports the end of a restore. A restore may end before the panel has committed its own row; then the panel ignores the
 * report and the server stays marked as restoring. So after a short restore the report is sent a second time.
 */
async function reportRestore(delivery: DeliveryRecord, deps: StepDeps, signal: AbortSignal): Promise<StepEnd> {
  const verdict = await deps.panel.reportRestore(restoreReport(delivery), signal);
  const early = deps.clock.now() < delivery.askedAt + COMMITTED_MS;
  if (verdict.kind !== 'delivered' || !early) return endOf(verdict, delivery);
  return { kind: 'next', step: 'repeat', at: delivery.askedAt + REPEAT_MS };
}

/** Never once a further restore was asked for: the second report of the earlier one would end that one's state. */
async function repeat(delivery: DeliveryRecord, deps: StepDeps, signal: AbortSignal): Promise<StepEnd> {
  const { server, askedAt, job } = delivery;
  const [newest] = deps.catalogue.jobs.list({ server, kind: 'restore', limit: 1 });
  if (newest !== undefined && newest.id !== job && newest.createdAt >= askedAt) return { kind: 'over' };
  const verdict = await deps.panel.reportRestore(restoreReport(delivery), signal);
  // The panel has already accepted this report; ignore its answer.
  return verdict.kind === 'delivered' || isAnswer(verdict.failure) ? { kind: 'over' } : verdict;
}

/** The panel has looked at it; neither it nor anything before it is away. */
function isAnswer({ detail: { httpStatus } }: Failure): boolean {
  return httpStatus !== undefined && httpStatus < 500;
}

function restoreReport({ backup, server, successful, askedAt }: DeliveryRecord): RestoreReport {
  return { backup, server, successful, askedAt };
}

function endOf(verdict: DeliveryVerdict, delivery: DeliveryRecord): StepEnd {
  const { withdrawn, attempts } = delivery;
  const hasParts = partsOf(delivery) !== null;
  // The panel has the archive now, and deletes it when it chooses to.
  if (verdict.kind === 'delivered') return hasParts ? { kind: 'next', step: 'remove' } : { kind: 'over' };
  const cannotComplete = hasParts && verdict.failure.detail.httpStatus === 500 && attempts >= UPLOAD_AGAIN_AT;
  if (verdict.kind === 'retry' && cannotComplete) return { ...verdict, step: 'upload' };
  // The backup is gone on both sides, so its report has no reader.
  if (withdrawn && verdict.failure.code === 'backup_not_found') return { kind: 'over' };
  return verdict;
}

function partsOf({ data, successful }: DeliveryRecord): readonly UploadedPart[] | null {
  return successful ? (data.parts ?? null) : null;
}
