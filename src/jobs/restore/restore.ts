/**
 * The restore verb: puts an archive, or chosen paths of it, back into a server's directory.
 *
 * For: the job runner.
 * Promises: the server is untouched until the archive is verified and unpacked; a kill at any instant leaves the old tree
 * or the new one, whole:
 *
 *   killed in 1 to 5   the stage is removed
 *   killed in 6        the next start completes the renames
 *   killed in 7, 8     the next start finishes
 *
 * swap.ts says what a crash at each write means; recovery.ts acts on it.
 * Never: changes the archive, renames the server's directory itself, or follows a link inside it.
 */
import { HOUR_MS } from '../../base/clock.ts';
import type { ExtractResult } from '../../archive/contract.ts';
import type { ArchiveProgress, ArchiveWarning } from '../../archive/entry.ts';
import { asFailure, Failure } from '../../base/failure.ts';
import type { BackupId } from '../../base/ids.ts';
import { fromText } from '../../base/files/paths.ts';
import type { GameServer } from '../../servers/registry.ts';
import { noStage } from '../../servers/writable.ts';
import { refusalText } from '../../servers/swap/swap.ts';
import { RESTORE_TREES, Stage } from '../../servers/stage/stage.ts';
import { failureEvent, keepWarnings } from '../stored/backup-facts.ts';
import { damageOfCopy } from '../stored/copy-damage.ts';
import type { FetchedArchive, RestoreDeps } from './deps.ts';
import { makeServerDirectory, removeServerDirectory, takeOverMetadata } from './directory.ts';
import { refuseLosses } from './losses.ts';
import { isChosen, type PathSelection, resolveAsked } from './select/paths.ts';
import { newPlan, NOT_STOPPED, storePlan } from './plan.ts';
import { fixedPaths, rehearsePlan, RESTORE_PLAN, type SwapOptions, writeRestorePlan } from './plan-file.ts';
import { choosePrevious } from './previous/previous.ts';
import { previewRestore } from './preview.ts';
import { RestoreProgress } from './progress.ts';
import { finishEarlier } from './recovery.ts';
import { countRemoved } from './previous/removed.ts';
import { parseRestoreRequest, type RestoreRequest } from './request.ts';
import { checkSpace } from './space-check.ts';
import { checkArchive, type CheckedArchive } from './source.ts';
import { abandonStage } from './abandon.ts';
import { knownState, MOST_STOPS, startedAgain, stopIfStarted, stopServer } from './stop.ts';
import { changeOver, commitOrGoBack, finishCommitted, type StoredSwap } from './swap.ts';
import { unpackArchive, type Unpacked, type UnpackOptions } from './unpack.ts';
import { runUndo } from './previous/undo.ts';
import type { RunningJob, Verb } from '../runner/verb.ts';

export function restoreVerb(deps: RestoreDeps): Verb<'restore'> {
  return {
    kind: 'restore',
    events: { started: 'restore.started', progress: 'restore.progress' },
    async run(job) {
      deps.running.add(job.record.id);
      try {
        await (parseRestoreRequest(job.record.request).undo ? runUndo(job, deps) : runRestore(job, deps));
      } finally {
        deps.running.delete(job.record.id);
      }
    },
    failed: (job, failure) => [failureEvent('restore.failed', job, failure)],
  };
}

/** The state of one running restore. */
interface Restore {
  readonly job: RunningJob<'restore'>;
  readonly server: GameServer;
  /** False for a server of which only backups are left: this restore makes its directory. */
  readonly present: boolean;
  readonly request: RestoreRequest;
  readonly progress: RestoreProgress;
  /** Of the monotonic clock, in ms. */
  readonly startedAt: number;
  readonly deps: RestoreDeps;
}

/** What the restore is about, once its archive was looked into. */
interface Chosen {
  readonly archive: FetchedArchive;
  readonly checked: CheckedArchive | null;
  /** undefined for all. */
  readonly selection: PathSelection | undefined;
  /** Further warnings for the caller. */
  readonly warnings: readonly ArchiveWarning[];
}

async function runRestore(job: RunningJob<'restore'>, deps: RestoreDeps): Promise<void> {
  const restore = await begin(job, deps);
  const archive = await fetch(restore); // 1
  let stored: StoredSwap;
  try {
    const checked = await check(restore, archive); // 2
    const chosen = await choose(restore, archive, checked);
    if (restore.request.dryRun) return await preview(restore, chosen);
    stored = await prepare(restore, chosen); // 3, 4, 5
  } catch (error) {
    throw archive.copyIn === undefined ? error : damageOfCopy(error, archive.copyIn);
  } finally {
    await close(archive, restore);
  }
  await changeOver(job, stored, deps); // 6
  await commitOrGoBack(job, stored, secondsOf(restore), deps); // 7
  await finishCommitted(job, stored, deps); // 8
}

async function begin(job: RunningJob<'restore'>, deps: RestoreDeps): Promise<Restore> {
  const startedAt = deps.clock.monotonic();
  const request = parseRestoreRequest(job.record.request);
  requireBackedUp(request.after, deps);
  const { server, present } = await deps.registry.place(job.record.server);
  if (present) await finishEarlier(server, deps);
  return { job, server, present, request, progress: new RestoreProgress(job), startedAt, deps };
}

/** A restore that was to begin with a backup does not begin without it. */
function requireBackedUp(after: string | undefined, { catalogue }: RestoreDeps): void {
  if (after === undefined) return;
  const made = catalogue.backups.find(after as BackupId);
  if (made?.status === 'COMPLETED') return;
  const reason = made?.error?.message ?? 'it was not completed';
  throw new Failure('backup_failed', `Cannot restore: the backup that was to be made first failed (${reason})`, {
    facts: { backup: after },
    hint: 'Nothing was changed. See why that backup failed, or restore without one.',
  });
}

function secondsOf({ startedAt, deps }: Restore): number {
  return Math.round(deps.clock.monotonic() - startedAt) / 1000;
}

/** Finds out what the asked paths are in this archive, which is proven or about to be. */
async function choose(
  { job, request, deps }: Restore,
  archive: FetchedArchive,
  checked: CheckedArchive | null,
): Promise<Chosen> {
  if (!isChosen(request)) {
    return { archive, checked, selection: undefined, warnings: [] };
  }
  const opened = await deps.archive.openArchive(archive.source, job.signal);
  try {
    const resolved = await resolveAsked(request, () => opened.entries(job.signal));
    const warnings = (resolved?.missing ?? []).slice(0, MISSING_TOLD).map(missingWarning);
    return { archive, checked, selection: resolved?.selection, warnings };
  } finally {
    await opened.close();
  }
}

/** Paths that are none of the backup, in the answer. */
const MISSING_TOLD = 100;

function missingWarning(path: string): ArchiveWarning {
  return { path: fromText(path), code: 'not_in_backup', message: 'It was not restored: the backup has no such path' };
}

async function fetch({ job, deps, progress }: Restore): Promise<FetchedArchive> {
  job.phase('fetching');
  const archive = await deps.fetch(job.record, job.signal, {
    progress: (done, total) => progress.fetched(done, total),
    writeRate: () => job.rates(deps.config.backups).write,
  });
  progress.expect(archive);
  deps.onStep?.('fetched');
  return archive;
}

async function check(restore: Restore, archive: FetchedArchive): Promise<CheckedArchive | null> {
  const { job, request, deps, progress } = restore;
  job.phase('checking');
  const onProgress = (part: ArchiveProgress): void => progress.checked(part);
  const checked = await checkArchive(job, archive, { dryRun: request.dryRun, onProgress }, deps);
  deps.onStep?.('checked');
  return checked;
}

/** Reports what would change, and changes nothing. */
async function preview({ job, server, present, request, deps }: Restore, chosen: Chosen): Promise<void> {
  job.phase('comparing');
  const { archive, selection } = chosen;
  const compared = { server: present ? server : undefined, archive, request, selection, signal: job.signal };
  const found = await previewRestore(compared, deps);
  const { server: id, backup, id: jobId } = job.record;
  const data = { dryRun: true, counts: found.counts };
  job.commit(() => [{ type: 'restore.completed', server: id, backup, job: jobId, data }], {
    warnings: keepWarnings(chosen.warnings),
    warningCount: chosen.warnings.length,
    dryRun: found,
  });
}

/** Steps 3 to 5. On failure the server is unchanged and running again, and the stage is removed. */
async function prepare(restore: Restore, chosen: Chosen): Promise<StoredSwap> {
  const { job, server, present, deps } = restore;
  job.phase('making room');
  if (!present) makeServerDirectory(server);
  try {
    const stage = await makeStage(restore);
    return await prepareIn(stage, restore, chosen).catch(async (error: unknown) => {
      await abandonStage(job, server, stage, deps);
      throw error;
    });
  } catch (error) {
    if (!present) removeServerDirectory(server);
    throw error;
  }
}

async function prepareIn(stage: Stage, restore: Restore, chosen: Chosen): Promise<StoredSwap> {
  const { job, present, request, deps } = restore;
  const { archive, checked, selection } = chosen;
  const room = await checkSpace(stage, { archive, checked, selection, signal: job.signal }, deps);
  const previous = request.keepPreviousHours === undefined ? undefined : choosePrevious(stage, deps.config);
  deps.onStep?.('staged');
  const unpacked = await unpack(restore, stage, { archive, selection, proven: checked !== null, room });
  if (present) guard(restore, stage, chosen, unpacked.result);
  else takeOverMetadata(stage.live, stage.openTree(RESTORE_TREES.incoming));
  const made = { ...unpacked, chosen, previous };
  await stop(restore, stage, made);
  return plan(restore, stage, made);
}

/** Before the server is stopped: what would only take away is refused, unless that was asked for. */
function guard({ request }: Restore, stage: Stage, chosen: Chosen, result: ExtractResult): void {
  if (!request.truncate || request.force) return;
  const incoming = stage.openTree(RESTORE_TREES.incoming);
  const unsaved = chosen.archive.unsaved ?? [];
  refuseLosses({ live: stage.live, incoming, result, unsaved, selection: chosen.selection });
}

async function makeStage({ job, server }: Restore): Promise<Stage> {
  try {
    return await Stage.create(server.path, job.record.id);
  } catch (error) {
    throw asFailure(noStage(error, server.path), 'Cannot make a stage for the restore');
  }
}

async function unpack(
  { job, server, request, progress, deps }: Restore,
  stage: Stage,
  from: Pick<UnpackOptions, 'archive' | 'selection' | 'proven' | 'room'>,
): Promise<Unpacked> {
  job.phase('unpacking');
  const onProgress = (part: ArchiveProgress): void => progress.unpacked(part);
  const unpacked = await unpackArchive(stage, { ...from, server, request, job, onProgress }, deps);
  deps.onStep?.('unpacked');
  return unpacked;
}

/** What is unpacked and waits for its swap. */
interface Made extends Unpacked {
  readonly chosen: Chosen;
  /** Where the previous tree is kept. */
  readonly previous: string | undefined;
}

async function stop(restore: Restore, stage: Stage, made: Made): Promise<void> {
  const { job, server, deps } = restore;
  job.phase('stopping');
  if ((await knownState(server, deps, job.signal)) !== 'stopped') {
    await rehearsePlan(stage, await swapOptions(restore, stage, made), job.signal);
  }
  await stopServer(server, stage, deps, job.signal);
  deps.onStep?.('stopped');
}

async function swapOptions(restore: Restore, stage: Stage, { named, chosen }: Made): Promise<SwapOptions> {
  const { server, request, deps } = restore;
  // Looked up again: a restore of a server inside this one may have begun while this one was unpacked.
  const fixed = await fixedPaths(server, stage.live, deps);
  return { request, selection: chosen.selection, fixed, ignore: chosen.archive.ignore, named };
}

async function plan(restore: Restore, stage: Stage, made: Made): Promise<StoredSwap> {
  const { job, server, request, deps } = restore;
  job.phase('planning');
  const { chosen, result, previous } = made;
  const { file, removed, kept } = await planStopped(restore, stage, made);
  const warnings = [...chosen.warnings, ...(deps.power.unmanaged === true ? [NOT_STOPPED] : []), ...kept];
  const { keepPreviousHours: hours } = request;
  const keep =
    previous === undefined || hours === undefined
      ? null
      : { until: deps.clock.now() + hours * HOUR_MS, directory: previous };
  const swapPlan = newPlan({
    backup: job.record.backup,
    location: stage.location,
    file,
    keep,
    result,
    removed,
    warnings,
  });
  const record = storePlan(job, swapPlan, deps);
  deps.onStep?.('stored');
  return { record, plan: swapPlan, stage, server };
}

/** Plans for a server that is stopped, before and after. */
async function planStopped(restore: Restore, stage: Stage, made: Made) {
  const { job, server, deps } = restore;
  for (let stops = 0; stops <= MOST_STOPS; stops++) {
    const kept: ArchiveWarning[] = [];
    const onKept = (...refused: [string, string?]): void => void kept.push(keptWarning(...refused));
    const options = await swapOptions(restore, stage, made);
    const file = await writeRestorePlan(stage, options, onKept, job.signal);
    const removed = await countRemoved(stage, file, job.signal);
    deps.onStep?.('planned');
    if (!(await stopIfStarted(server, stage, deps, job.signal))) return { file, removed, kept };
    await stage.removePart(RESTORE_PLAN);
  }
  throw startedAgain();
}

function keptWarning(path: string, errno?: string): ArchiveWarning {
  const reason = errno === undefined ? undefined : `It stays as it is: ${refusalText(errno)}`;
  return { path, code: 'kept', message: reason ?? 'It was not restored: what is there now, or in it, was to stay' };
}

/** The archive was read completely, so a failing close does not fail the restore. */
async function close(archive: FetchedArchive, { job, deps }: Restore): Promise<void> {
  try {
    await archive.close();
  } catch (error) {
    deps.log.warn('Cannot close the archive of a restore', { job: job.record.id, error });
  }
}
