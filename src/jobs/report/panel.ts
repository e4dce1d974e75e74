/**
 * The port to a panel, which receives how the backups and restores that it asked for ended. A protocol's client
 * implements it: what a request looks like and what an answer means is decided there.
 */
import type { Failure } from '../../base/failure.ts';
import type { BackupId, ServerId } from '../../base/ids.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { DeliveryRecord, UploadedPart } from '../../catalogue/records.ts';
import type { PartPlaces } from '../../storage/presigned/upload.ts';

export type { PartPlaces };

export interface PanelPort {
  /** Tells how a backup has ended. Never rejects, but when `signal` fires. */
  reportBackup(report: BackupReport, signal: AbortSignal): Promise<DeliveryVerdict>;
  /** Tells how a deletion has ended. Never rejects, but when `signal` fires. */
  reportDeletion(report: DeletionReport, signal: AbortSignal): Promise<DeliveryVerdict>;
  /** Tells how a restore has ended. Never rejects, but when `signal` fires. */
  reportRestore(report: RestoreReport, signal: AbortSignal): Promise<DeliveryVerdict>;
  /**
   * Where the parts of an archive of that size go, in the panel's own object storage. Unless there is `more`, each call
   * begins a new upload: parts that went to the URLs of an earlier one are lost.
   *
   * @throws Failure whose `retry` says whether asking again may help.
   */
  partUrls(backup: BackupId, size: number, signal: AbortSignal): Promise<PartPlaces>;
  /**
   * Whether the upload of these parts is still open in the panel's storage: a panel that answered 200 may not have
   * completed it, and a second report of one that was completed fails the backup there. `unknown` where the panel itself
   * refuses a second report.
   *
   * @throws Failure whose `retry` says whether asking again may help.
   */
  uploadState(upload: ReportedUpload, signal: AbortSignal): Promise<UploadState>;
}

export type UploadState = 'open' | 'closed' | 'unknown';

export interface ReportedUpload {
  readonly backup: BackupId;
  readonly parts: number;
  /** Sends the last part once more, where no part number is free to ask with. */
  readonly sendLastAgain: (url: string, signal: AbortSignal) => Promise<'open' | 'closed'>;
}

export interface BackupReport {
  readonly backup: BackupId;
  readonly server: ServerId;
  readonly successful: boolean;
  /** Lower-case hex, of the whole archive; null unless successful. */
  readonly sha256: string | null;
  /** Bytes of the archive; 0 unless successful. */
  readonly size: number;
  readonly files: number;
  /** What was uploaded to the panel's own storage; null when the node keeps the archive. */
  readonly parts: readonly UploadedPart[] | null;
  /** When the panel asked for it, ms since the epoch. Shortly after, it may not have committed it, and answer "unknown". */
  readonly askedAt: number;
}

export interface RestoreReport {
  readonly backup: BackupId;
  readonly server: ServerId;
  readonly successful: boolean;
  readonly askedAt: number;
}

export type DeletionReport = RestoreReport;

/**
 * How a report ended. `retry`: the panel is away or not ready. `refused`: the panel would give the same answer again,
 * so an operator has to look at it.
 */
export type DeliveryVerdict =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'retry'; readonly failure: Failure }
  | { readonly kind: 'refused'; readonly failure: Failure };

/** True for a backup whose archive is on its way to the panel, and will not stay here. */
export function goesToPanel(backup: BackupId, { deliveries }: Pick<Catalogue, 'deliveries'>): boolean {
  return deliveries.list({ backup }).some(isUpload);
}

/** All backups of which `goesToPanel` is true. */
export function goingToPanel({ deliveries }: Pick<Catalogue, 'deliveries'>): ReadonlySet<BackupId> {
  return new Set(
    deliveries
      .list()
      .filter(isUpload)
      .map(({ backup }) => backup),
  );
}

function isUpload({ kind, data }: DeliveryRecord): boolean {
  return kind === 'backup' && data['upload'] === true;
}
