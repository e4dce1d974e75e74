/** Whether a restore may begin, and where its archive will come from. Changes nothing. */
import { Failure } from '../../base/failure.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { RestoreJobRequest } from '../../catalogue/records.ts';
import type { Registry } from '../../servers/registry.ts';
import { requireActive, requireCompleted, requireIdle, requireUndamaged, requireUnused } from '../runner/admission.ts';
import type { AdoptOnDemand } from '../adopt/on-demand.ts';
import type { RestoreBackup } from '../contract.ts';
import { copiesOf } from '../stored/readable-copy.ts';
import type { RestoreDownloads } from './download.ts';
import { compilePaths } from './paths.ts';
import { parseRestoreRequest } from './request.ts';
import type { JobRunner } from '../runner/runner.ts';

const DOING = 'Cannot restore the backup';

interface AdmissionDeps {
  readonly catalogue: Pick<Catalogue, 'backups' | 'copies' | 'servers'>;
  readonly registry: Pick<Registry, 'get'>;
  readonly runner: JobRunner;
  readonly downloads?: Pick<RestoreDownloads, 'check'>;
  readonly adoption?: Pick<AdoptOnDemand, 'finds'>;
}

/** What a restore comes to. */
export interface PreparedRestore {
  /** What its job's row keeps; never the link. */
  readonly asked: RestoreJobRequest;
  /** Where the archive is fetched from; undefined when it lies on the node. */
  readonly link: string | undefined;
  /** True for an archive that another daemon left: it is taken over before it is restored. */
  readonly isLeft: boolean;
}

/**
 * What has to be looked up for a restore. Follow it with `requireRestorable` in the turn that submits the job.
 *
 * @throws Failure `invalid_request`, `backup_not_found`, `server_not_found`.
 */
export async function prepareRestore(request: RestoreBackup, deps: AdmissionDeps): Promise<PreparedRestore> {
  const { server, backup, whenBusy: _, download, ...asked } = request;
  const { paths, keepPreviousHours } = parseRestoreRequest(asked);
  if (paths !== undefined) compilePaths(paths);
  const link = download === undefined || hasArchive(request, deps) ? undefined : download.url;
  const isLeft = link === undefined && (await isLeftHere(request, deps));
  if (link !== undefined) await checkLink(link, keepPreviousHours, deps.downloads);
  else if (!isLeft) deps.catalogue.backups.get(backup, server);
  await deps.registry.get(server);
  const from = { ...(link === undefined ? {} : { download: true }), ...(isLeft ? { claim: true } : {}) };
  return { asked: { ...asked, ...from }, link, isLeft };
}

/** @throws Failure of the first rule that is against it. */
export function requireRestorable(
  { server, backup, whenBusy }: RestoreBackup,
  { link, isLeft }: PreparedRestore,
  { catalogue, runner }: AdmissionDeps,
): void {
  requireActive(catalogue, server, DOING);
  if (link === undefined && !(isLeft && catalogue.backups.find(backup) === undefined)) {
    const record = catalogue.backups.get(backup, server);
    requireCompleted(record, DOING, 'server_busy');
    if (copiesOf(record, { catalogue }).length === 0) requireUndamaged(record, DOING);
  }
  requireIdle(runner, server, whenBusy, DOING);
  requireUnused(runner, backup, ['delete'], DOING);
}

/** Whose an archive is that lies in no server's directory, the panel alone can say. */
async function isLeftHere({ server, backup, report }: RestoreBackup, deps: AdmissionDeps): Promise<boolean> {
  return report === true && deps.adoption !== undefined && deps.adoption.finds(server, backup);
}

/** True also for another server's backup: a link is no way around whose it is. */
function hasArchive({ server, backup }: RestoreBackup, { catalogue }: AdmissionDeps): boolean {
  const known = catalogue.backups.find(backup);
  if (known === undefined) return false;
  return known.server !== server || (known.status !== 'FAILED' && known.damagedAt === null);
}

async function checkLink(
  link: string,
  keepPreviousHours: number | undefined,
  downloads: Pick<RestoreDownloads, 'check'> | undefined,
): Promise<void> {
  if (downloads === undefined) {
    throw new Failure('invalid_request', 'Cannot restore from a link: this node has no panel that gives links', {
      hint: 'Set panel.flavour and panel.url in the config.',
    });
  }
  if (keepPreviousHours !== undefined) {
    throw new Failure('invalid_request', 'Cannot keep the previous tree: an undo is asked for by a backup of the node');
  }
  await downloads.check(link);
}
