/**
 * Events of backups and restores as frames for a panel's pages: progress, and one end for each job. Dry runs are left
 * out, since they change nothing.
 */
import { Failure } from '../../../base/failure.ts';
import { printableText } from '../../../base/files/paths.ts';
import type { BackupData, BackupService, EventType, RoostEvent } from '../../../jobs/contract.ts';
import type { Frame } from './frames.ts';

export interface EventFrame {
  readonly frame: Frame;
  /** One of them is needed; none when absent. */
  readonly permissions?: readonly string[];
  /** May be skipped for a slow page: a newer one follows. */
  readonly progress?: true;
}

/** The frames of each event that pages of a panel know. */
export type EventFrames = {
  readonly [Type in EventType]?: (event: RoostEvent<Type>, job: JobFacts) => readonly EventFrame[];
};

/** Of the job that an event is about. */
interface JobFacts {
  /** Where the archive is that is restored, or made. */
  readonly source: 'local' | 'panel';
  /** The panel's file manager can look into the backup. */
  readonly browsable: boolean;
}

const READ: readonly string[] = ['backup.read'];
/** Source: calagopus/wings src/server/permissions.rs:36; the second is the name in older panels. */
const RUST_READ: readonly string[] = ['backups.read', 'backup.read'];

export function framesOfEvent(
  event: RoostEvent,
  service: Pick<BackupService, 'job'>,
  { events: frames, browsable = false }: { readonly events: EventFrames; readonly browsable?: boolean },
): readonly EventFrame[] {
  // The compiler cannot see that the function under a type takes the events of that type.
  const framesOf = frames[event.type] as ((event: RoostEvent, job: JobFacts) => readonly EventFrame[]) | undefined;
  if (framesOf === undefined) return [];
  const source = sourceOf(event, service);
  return source === undefined ? [] : framesOf(event, { source, browsable: browsable && source === 'local' });
}

export const goEvents: EventFrames = {
  'backup.progress': backupProgress,
  'backup.completed': (event) => goCompleted(event, event.data),
  'backup.failed': (event) => goCompleted(event, null),
  'backup.cancelled': (event) => goCompleted(event, null),
  'restore.progress': restoreProgress,
  'restore.completed': (_, { source }) => [
    message(`Completed server restoration from ${source === 'local' ? 'local' : 'S3'} backup.`),
    { frame: ['backup restore completed', ''] },
  ],
  // Pages wait for this frame in any case; the failure is shown in the console only.
  'restore.failed': (event) => [restoreFailed(event), { frame: ['backup restore completed', ''] }],
};

export const rustEvents: EventFrames = {
  'backup.started': (event) => [{ frame: ['backup started', idOf(event)], permissions: RUST_READ }],
  'backup.progress': (event) => [
    {
      frame: ['backup progress', idOf(event), rustProgressOf(event)],
      permissions: RUST_READ,
      progress: true,
    },
  ],
  'backup.completed': (event, { browsable }) => rustCompleted(event, event.data, browsable),
  'backup.failed': (event) => rustCompleted(event, null, false),
  'backup.cancelled': (event) => rustCompleted(event, null, false),
  'backup.deleted': (event) => [
    { frame: ['backup deleted', idOf(event), JSON.stringify({ successful: true })], permissions: RUST_READ },
  ],
  'restore.started': () => [{ frame: ['backup restore started'], permissions: RUST_READ }],
  'restore.progress': (event) => [
    { frame: ['backup restore progress', rustProgressOf(event)], permissions: RUST_READ, progress: true },
  ],
  'restore.completed': (_, { source }) => [
    message(`Completed server restoration from ${source === 'local' ? 'wings' : 's3'} backup.`),
    { frame: ['backup restore completed', 'true'], permissions: RUST_READ },
  ],
  'restore.failed': (event) => [
    restoreFailed(event),
    { frame: ['backup restore completed', 'false'], permissions: RUST_READ },
  ],
};

/** A job whose row is gone counts as one of this node. Undefined for a dry run. */
function sourceOf({ type, job }: RoostEvent, service: Pick<BackupService, 'job'>): JobFacts['source'] | undefined {
  if (job === undefined || !(type.startsWith('restore.') || type === 'backup.completed')) return 'local';
  try {
    const { kind, request } = service.job(job);
    if (kind === 'backup') return request.upload === 'panel' ? 'panel' : 'local';
    if (kind !== 'restore') return 'local';
    if (request.dryRun === true) return undefined;
    return request.download === true ? 'panel' : 'local';
  } catch (error) {
    if (error instanceof Failure) return 'local';
    throw error;
  }
}

/**
 * Sent under two names: Pterodactyl's rows listen to the one with the backup's id, all other pages to the plain one.
 */
function goCompleted(event: RoostEvent, made: BackupData | null): readonly EventFrame[] {
  const facts = JSON.stringify({
    uuid: idOf(event),
    is_successful: made !== null,
    checksum: made === null ? '' : made.sha256,
    checksum_type: made === null ? 'sha1' : 'sha256',
    file_size: made?.size ?? 0,
  });
  return [`backup completed:${idOf(event)}`, 'backup completed'].map((name) => ({
    frame: [name, facts],
    permissions: READ,
  }));
}

/** The same facts as in the report of the backup to the panel (`panel/client.ts`). */
function rustCompleted(event: RoostEvent, made: BackupData | null, browsable: boolean): readonly EventFrame[] {
  const facts = JSON.stringify({
    checksum_type: made === null ? '' : 'sha256',
    checksum: made === null ? '' : made.sha256,
    size: made?.size ?? 0,
    files: made?.files ?? 0,
    successful: made !== null,
    browsable,
    streaming: false,
  });
  return [{ frame: ['backup completed', idOf(event), facts], permissions: RUST_READ }];
}

/** For clients of this node; the panels' own pages ignore the event. */
function backupProgress(event: RoostEvent<'backup.progress'>): readonly EventFrame[] {
  return [{ frame: ['backup progress', idOf(event), progressOf(event)], permissions: READ, progress: true }];
}

function restoreProgress(event: RoostEvent<'restore.progress'>): readonly EventFrame[] {
  return [{ frame: ['backup restore progress', progressOf(event)], progress: true }];
}

function progressOf({ data }: RoostEvent<'backup.progress' | 'restore.progress'>): string {
  return JSON.stringify({ progress: data.bytesDone, total: data.bytesTotal });
}

/** Source: calagopus/panel 2b72fc07, which renamed the keys. */
function rustProgressOf({ data }: RoostEvent<'backup.progress' | 'restore.progress'>): string {
  const { bytesDone, bytesTotal, filesDone } = data;
  return JSON.stringify({ bytes_processed: bytesDone, bytes_total: bytesTotal, files_processed: filesDone });
}

function restoreFailed({ data }: RoostEvent<'restore.failed'>): EventFrame {
  const { code, message: reason } = data.error;
  // An unexpected error may contain paths of this host; it is in the log only.
  const detail = code === 'internal' ? '' : `: ${printableText(reason)}`;
  return message(`The server was not restored${detail}`);
}

function message(text: string): EventFrame {
  return { frame: ['daemon message', text] };
}

function idOf({ backup }: RoostEvent): string {
  return backup ?? '';
}
