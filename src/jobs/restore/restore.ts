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
import type { ArchiveProgress, ArchiveWarning } from '../../archive/entry.ts';
import { asFailure } from '../../base/failure.ts';
import type { GameServer } from '../../servers/registry.ts';
import { Stage } from '../../servers/stage/stage.ts';
import { failureEvent } from '../stored/backup-facts.ts';
import { damageOfCopy } from '../stored/damage.ts';
import type { FetchedArchive, RestoreDeps } from './deps.ts';
import { compilePaths, type PathSelection } from './paths.ts';
import { newPlan, storePlan } from './plan.ts';
import { fixedPaths, writeRestorePlan } from './plan-file.ts';
import { choosePrevious } from './previous.ts';
import { previewRestore } from './preview.ts';
import { RestoreProgress } from './progress.ts';
import { finishEarlier } from './recovery.ts';
import { parseRestoreRequest, type RestoreRequest } from './request.ts';
import { checkSpace } from './space-check.ts';
import { checkArchive, type CheckedArchive } from './source.ts';
import { abandonStage, stopServer } from './stop.ts';
import { changeOver, commitOrGoBack, finishCommitted, type StoredSwap } from './swap.ts';
import { unpackArchive, type Unpacked, type UnpackOptions } from './unpack.ts';
import { runUndo } from './undo.ts';
import type { RunningJob, Verb } from '../runner/verb.ts';

export function restoreVerb(deps: RestoreDeps): Verb<'restore'> {
  return {
    kind: 'restore',
    events: { started: 'restore.started', progress: 'restore.progress' },
    run: (job) => (parseRestoreRequest(job.record.request).undo ? runUndo(job, deps) : runRestore(job, deps)),
    failed: (job, failure) => [failureEvent('restore.failed', job, failure)],
  };
}

/** The state of one running restore. */
interface Restore {
  readonly job: RunningJob<'restore'>;
  readonly server: GameServer;
  readonly request: RestoreRequest;
  readonly selection: PathSelection | undefined;
  readonly progress: RestoreProgress;
  readonly deps: RestoreDeps;
}

async function runRestore(job: RunningJob<'restore'>, deps: RestoreDeps): Promise<void> {
  const restore = await begin(job, deps);
  const archive = await fetch(restore); // 1
  let stored: StoredSwap;
  try {
    const checked = await check(restore, archive); // 2
    if (restore.request.dryRun) return await preview(restore, archive);
    stored = await prepare(restore, archive, checked); // 3, 4, 5
  } catch (error) {
    throw archive.copyIn === undefined ? error : damageOfCopy(error, archive.copyIn);
  } finally {
    await close(archive, restore);
  }
  await changeOver(job, stored, deps); // 6
  await commitOrGoBack(job, stored, deps); // 7
  await finishCommitted(job, stored, deps); // 8
}

async function begin(job: RunningJob<'restore'>, deps: RestoreDeps): Promise<Restore> {
  const request = parseRestoreRequest(job.record.request);
  const selection = request.paths === undefined ? undefined : compilePaths(request.paths);
  const server = await deps.registry.get(job.record.server);
  await finishEarlier(server, deps);
  return { job, server, request, selection, progress: new RestoreProgress(job), deps };
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
async function preview({ job, server, request, selection, deps }: Restore, archive: FetchedArchive): Promise<void> {
  job.phase('comparing');
  const found = await previewRestore({ server, archive, request, selection, signal: job.signal }, deps);
  const { server: id, backup, id: jobId } = job.record;
  const data = { dryRun: true, counts: found.counts };
  job.commit(() => [{ type: 'restore.completed', server: id, backup, job: jobId, data }], {
    warnings: [],
    warningCount: 0,
    dryRun: found,
  });
}

/** Steps 3 to 5. On failure the server is unchanged and running again, and the stage is removed. */
async function prepare(restore: Restore, archive: FetchedArchive, checked: CheckedArchive | null): Promise<StoredSwap> {
  const { job, server, request, selection, deps } = restore;
  job.phase('making room');
  const stage = await makeStage(restore);
  try {
    const room = await checkSpace(stage, { archive, checked, selection, signal: job.signal }, deps);
    const previous = request.keepPreviousHours === undefined ? undefined : choosePrevious(stage, deps.config);
    deps.onStep?.('staged');
    const unpacked = await unpack(restore, stage, { archive, proven: checked !== null, room });
    await stop(restore, stage);
    return await plan(restore, stage, { ...unpacked, ignore: archive.ignore, previous });
  } catch (error) {
    await abandonStage(job, server, stage, deps);
    throw error;
  }
}

async function makeStage({ job, server }: Restore): Promise<Stage> {
  try {
    return await Stage.create(server.path, job.record.id);
  } catch (error) {
    throw asFailure(error, 'Cannot make a stage for the restore');
  }
}

async function unpack(
  { job, server, request, selection, progress, deps }: Restore,
  stage: Stage,
  from: Pick<UnpackOptions, 'archive' | 'proven' | 'room'>,
): Promise<Unpacked> {
  job.phase('unpacking');
  const onProgress = (part: ArchiveProgress): void => progress.unpacked(part);
  const unpacked = await unpackArchive(stage, { ...from, server, request, selection, job, onProgress }, deps);
  deps.onStep?.('unpacked');
  return unpacked;
}

async function stop({ job, server, deps }: Restore, stage: Stage): Promise<void> {
  job.phase('stopping');
  await stopServer(server, stage, deps, job.signal);
  deps.onStep?.('stopped');
}

async function plan(
  { job, server, request, selection, deps }: Restore,
  stage: Stage,
  made: Unpacked & { readonly ignore: readonly string[]; readonly previous: string | undefined },
): Promise<StoredSwap> {
  job.phase('planning');
  const kept: ArchiveWarning[] = [];
  const { named, ignore, result, previous } = made;
  // Looked up again: a restore of a server inside this one may have begun while this one was unpacked.
  const fixed = await fixedPaths(server, stage.live, deps);
  const options = { request, selection, fixed, ignore, named };
  const file = await writeRestorePlan(stage, options, (path) => kept.push(keptWarning(path)), job.signal);
  deps.onStep?.('planned');
  const { keepPreviousHours: hours } = request;
  const keep =
    previous === undefined || hours === undefined
      ? null
      : { until: deps.clock.now() + hours * HOUR_MS, directory: previous };
  const swapPlan = newPlan({ backup: job.record.backup, location: stage.location, file, keep, result, kept });
  const record = storePlan(job, swapPlan, deps);
  deps.onStep?.('stored');
  return { record, plan: swapPlan, stage, server };
}

function keptWarning(path: string): ArchiveWarning {
  return { path, code: 'kept', message: 'It was not restored: what is there now, or in it, was to stay' };
}

/** The archive was read completely, so a failing close does not fail the restore. */
async function close(archive: FetchedArchive, { job, deps }: Restore): Promise<void> {
  try {
    await archive.close();
  } catch (error) {
    deps.log.warn('Cannot close the archive of a restore', { job: job.record.id, error });
  }
}
