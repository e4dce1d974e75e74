/** Collaborators of the restore verb, undo and recovery, and the archive that a restore reads. */
import type { FailureDetail } from '../../base/failure.ts';
import type { OpenRequest } from '../../archive/contract.ts';
import type { Clock } from '../../base/clock.ts';
import type { JobId } from '../../base/ids.ts';
import type { Log } from '../../base/log/log.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { JobRecord } from '../../catalogue/records.ts';
import type { Config } from '../../config/types.ts';
import type { HeldOut } from '../../servers/held-out.ts';
import type { PowerPort } from '../../servers/power/port.ts';
import type { Registry } from '../../servers/registry.ts';
import type { EventHub } from '../runner/events.ts';
import type { ArchivePort } from '../stored/archive-port.ts';

/** The steps of a restore and each rename of its swap. Only tests listen, to stop the process there. */
export type RestoreStep =
  | 'fetched'
  | 'checked'
  | 'staged'
  | 'unpacked'
  | 'stopped'
  | 'planned'
  | 'stored'
  | 'renamed'
  | 'swapped'
  | 'committed'
  | 'started'
  | 'kept'
  | 'removed'
  | 'cleaned';

export interface RestoreDeps {
  readonly catalogue: Pick<Catalogue, 'transaction' | 'plans' | 'jobs' | 'deliveries' | 'backups'>;
  readonly registry: Pick<Registry, 'get' | 'list' | 'place'>;
  readonly archive: Pick<ArchivePort, 'verifyArchive' | 'extractArchive' | 'openArchive'>;
  readonly power: PowerPort;
  /** What no swap, preview or undo touches. */
  readonly heldOut: Pick<HeldOut, 'below'>;
  readonly config: Pick<Config, 'backups' | 'limits' | 'restore' | 'servers' | 'stateDirectory'>;
  /** Step 1: opens the archive of a job; see `fetchArchive`. */
  readonly fetch: (job: JobRecord<'restore'>, signal: AbortSignal, watch: FetchWatch) => Promise<FetchedArchive>;
  /** Jobs whose verb has not returned: their stages and rows are theirs, also after the commit. */
  readonly running: Set<JobId>;
  readonly events: Pick<EventHub, 'publish'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly onStep?: (step: RestoreStep) => void;
}

/** What a fetch reports, and the rate it must keep. */
export interface FetchWatch {
  /** Both in bytes. */
  progress(bytesDone: number, bytesTotal: number): void;
  /** MiB per second that may be written now; 0 means no limit. */
  writeRate(): number;
}

export interface FetchedArchive {
  readonly source: OpenRequest;
  /** Recorded when the archive was made; null when nothing is recorded. */
  readonly expected: { readonly size: number; readonly sha256: string } | null;
  /** Recorded or estimated, for progress only: bytes of content, files and entries. */
  readonly rawSize: number;
  readonly files: number;
  readonly entries: number;
  /** The ignore list of the backup. */
  readonly ignore: readonly string[];
  /** Files that the backup could not read or keep when it was made; byte strings. */
  readonly unsaved?: readonly string[];
  /** When a copy is read instead of the original: damage of it says nothing about the original. */
  readonly copyIn?: FailureDetail['inCopy'];
  /** Call once, when reading has ended. */
  close(): Promise<void>;
}
