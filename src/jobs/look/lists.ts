/** Lists of a server's backups: whole ones in pieces, pages by SQL, neither with what its owner can inflate. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ServerId } from '../../base/ids.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { Registry } from '../../servers/registry.ts';
import type { BackupPageView, BackupSummaryView, PageStart } from '../contract.ts';
import type { JobRunner } from '../runner/runner.ts';
import { viewBackups } from '../views.ts';

/** Rows that are read in one go: a few milliseconds. */
const ROWS_AT_ONCE = 100;

interface ListDeps {
  readonly catalogue: Pick<Catalogue, 'backups' | 'copies' | 'revision'>;
  readonly registry: Pick<Registry, 'get'>;
  readonly runner: JobRunner;
}

/** @throws Failure `server_not_found`. A server whose directory is gone is known as long as it has backups. */
export async function listBackups(server: ServerId, deps: ListDeps): Promise<readonly BackupSummaryView[]> {
  const all: BackupSummaryView[] = [];
  for (let after: string | undefined, more = true; more;) {
    const { backups, next } = deps.catalogue.backups.page(server, ROWS_AT_ONCE, { after });
    all.push(...viewBackups(backups, deps));
    after = next;
    more = next !== undefined;
    if (more) await nextTurn();
  }
  if (all.length === 0) await deps.registry.get(server);
  return all;
}

/** @throws Failure `server_not_found`; `invalid_request` for an `after` that no page had. */
export async function pageOfBackups(
  server: ServerId,
  limit: number,
  start: PageStart | undefined,
  deps: ListDeps,
): Promise<BackupPageView> {
  const table = deps.catalogue.backups;
  const counts = table.counts(server);
  if (counts.all === 0) await deps.registry.get(server);
  const { backups, next } = table.page(server, limit, start);
  return { backups: viewBackups(backups, deps), next, counts };
}

/** Changes whenever the list may: with each change of a row, and with what is queued or runs. */
export function backupsRevision(server: ServerId, { catalogue, runner }: ListDeps): string {
  // A job is known before its row says so, and for a moment after.
  const open = runner.open({ server }).map(({ record }) => record.id);
  return [catalogue.revision(), ...open].join(' ');
}
