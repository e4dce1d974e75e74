/** What the restore verb, undo and recovery are built from, and what one of them knows while it runs. */
import type { OpenRequest } from '../../archive/contract.ts';
import type { Clock } from '../../base/clock.ts';
import type { JobId } from '../../base/ids.ts';
import type { Log } from '../../base/log.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { JobRecord } from '../../catalogue/records.ts';
import type { Config } from '../../config/types.ts';
import type { PowerPort } from '../../servers/power/port.ts';
import type { Registry } from '../../servers/registry.ts';
import type { ArchivePort } from '../stored/archive-port.ts';
import type { RestorePreview } from '../contract.ts';

/**
 * The boundaries of a restore's steps, and each rename of its swap. Tests end the process there; nothing else listens.
 */
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
  readonly registry: Pick<Registry, 'get' | 'list'>;
  readonly archive: Pick<ArchivePort, 'verifyArchive' | 'extractArchive' | 'openArchive'>;
  readonly power: PowerPort;
  readonly config: Pick<Config, 'backups' | 'limits' | 'restore' | 'servers' | 'stateDirectory'>;
  /** Step 1: where the archive of a job comes from; `fetchArchive` chooses. */
  readonly fetch: (job: JobRecord<'restore'>, signal: AbortSignal, watch: FetchWatch) => Promise<FetchedArchive>;
  readonly clock: Clock;
  readonly log: Log;
  /** Told what a dry run found, before its job is done. */
  readonly onPreview?: (job: JobId, preview: RestorePreview) => void;
  readonly onStep?: (step: RestoreStep) => void;
}

/** For an archive that has to be brought here first. */
export interface FetchWatch {
  /** Bytes that are here, and that there will be in all. */
  progress(bytesDone: number, bytesTotal: number): void;
  /** MiB per second that may be written now; 0 for no limit. */
  writeRate(): number;
}

export interface FetchedArchive {
  readonly source: OpenRequest;
  /** What was recorded when it was made; null for an archive that nothing is known of. */
  readonly expected: { readonly size: number; readonly sha256: string } | null;
  /** Content and entries, as recorded or guessed: for progress only. */
  readonly rawSize: number;
  readonly files: number;
  readonly entries: number;
  /** The ignore list that was in force when it was made. */
  readonly ignore: readonly string[];
  /** The further store that it is read from, where its own cannot give it: its bytes say nothing about that one's. */
  readonly copyIn?: string;
  /** Called once, when nothing is read any more. */
  close(): Promise<void>;
}
