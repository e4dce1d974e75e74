/** Decides whether a restore may start, and where its archive will come from. Changes nothing. */
import { Failure } from '../../base/failure.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { RestoreJobRequest } from '../../catalogue/records.ts';
import type { Registry } from '../../servers/registry.ts';
import { requireActive, requireCompleted, requireIdle, requireUndamaged, requireUnused } from '../runner/admission.ts';
import type { AdoptOnDemand } from '../adopt/on-demand.ts';
import type { RestoreBackup } from '../contract.ts';
import { copiesOf } from '../stored/readable-copy.ts';
import type { RestoreDownloads } from './download.ts';
import { placeOf } from './directory.ts';
import { checkAsked } from './select/paths.ts';
import { parseRestoreRequest } from './request.ts';
import type { JobRunner } from '../runner/runner.ts';

const DOING = 'Cannot restore the backup';

interface AdmissionDeps {
  readonly catalogue: Pick<Catalogue, 'backups' | 'copies' | 'servers'>;
  readonly registry: Pick<Registry, 'get' | 'place'>;
  readonly runner: JobRunner;
  readonly downloads?: Pick<RestoreDownloads, 'check'>;
  readonly adoption?: Pick<AdoptOnDemand, 'finds'>;
}

/** An accepted restore request. */
export interface PreparedRestore {
  /** The request as the job row stores it; never contains the link. */
  readonly asked: RestoreJobRequest;
  /** The URL to fetch the archive from; undefined when it is on the node. */
  readonly link: string | undefined;
  /** True for an archive of another daemon, which is adopted before it is restored. */
  readonly isLeft: boolean;
}

/**
 * Does the lookups of a restore. Call `requireRestorable` in the same turn as the submit.
 *
 * @throws Failure `invalid_request`, `backup_not_found`, `server_not_found`.
 */
export async function prepareRestore(request: RestoreBackup, deps: AdmissionDeps): Promise<PreparedRestore> {
  const { server, backup, whenBusy: _busy, origin: _origin, backupFirst: _first, download, ...asked } = request;
  const { keepPreviousHours, ...parsed } = parseRestoreRequest(asked);
  checkAsked(parsed);
  const link = download === undefined || hasArchive(request, deps) ? undefined : download.url;
  const isLeft = link === undefined && (await isLeftHere(request, deps));
  if (link !== undefined) await checkLink(link, keepPreviousHours, deps.downloads);
  else if (!isLeft) deps.catalogue.backups.get(backup, server);
  await placeOf(server, deps.registry, deps.catalogue.backups.list({ server, limit: 1 }).length > 0);
  const from = { ...(link === undefined ? {} : { download: true }), ...(isLeft ? { claim: true } : {}) };
  return { asked: { ...asked, ...from }, link, isLeft };
}

/** @throws Failure of the first rule that refuses the restore. */
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

/** Only the panel knows the owner of an archive that lies in no server directory, so only its restores may adopt one. */
async function isLeftHere({ server, backup, report }: RestoreBackup, deps: AdmissionDeps): Promise<boolean> {
  return report === true && deps.adoption !== undefined && deps.adoption.finds(server, backup);
}

/** Also true for a backup of another server: a link must not bypass the ownership check. */
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
