/**
 * Decides about the backups of a removed server: they are kept, deleted, or deleted after days of grace. The server
 * directory is never touched.
 *
 * The decision is stored in the server row and covers only the backups of that moment: those of a later server under the
 * same id are not deleted.
 */
import type { BelievableClock } from '../../base/believable-clock.ts';
import { DAY_MS } from '../../base/clock.ts';
import { Failure } from '../../base/failure.ts';
import type { BackupId, ServerId } from '../../base/ids.ts';
import type { Log } from '../../base/log/log.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { BackupRecord, RemovalDecision } from '../../catalogue/records.ts';
import type { RemoveServer, RemovedServer } from '../contract.ts';

export interface ServerRemovalDeps {
  readonly catalogue: Pick<Catalogue, 'backups' | 'servers'>;
  readonly deleteBackup: (backup: BackupId) => Promise<void>;
  readonly believable: Pick<BelievableClock, 'now'>;
  readonly log: Log;
}

type Settings = Pick<Catalogue, 'servers'>;

/**
 * Stores what happens to the backups of a removed server, and deletes them now if that was decided without grace.
 *
 * @throws Failure when the decision cannot be stored. Backups that cannot be deleted now are deleted later.
 */
export async function removeServer(
  server: ServerId,
  { backups, graceDays = 0 }: RemoveServer,
  deps: ServerRemovalDeps,
): Promise<RemovedServer> {
  const { catalogue, believable } = deps;
  // By a wrong clock the days of grace would be over as soon as it is right again.
  const now = believable.now();
  const deleteAt = backups === 'keep' ? null : now + graceDays * DAY_MS;
  // Store the decision first, so that the next start continues after a crash.
  storeDecision(
    server,
    deleteAt === null ? undefined : { decidedAt: now, ...coveredNow(server, catalogue), deleteAt },
    catalogue,
  );
  const deleted = deleteAt === null || deleteAt > now ? 0 : await deleteCoveredBackups(server, deps);
  const kept = catalogue.backups.counts(server).all;
  return { deleted, kept, deleteAt: decisionOn(server, catalogue)?.deleteAt ?? null };
}

/** Servers whose days of grace have ended. */
export function serversPastGrace(catalogue: Settings, now: number): ServerId[] {
  const due = catalogue.servers.list().filter(({ id }) => (decisionOn(id, catalogue)?.deleteAt ?? Infinity) <= now);
  return due.map(({ id }) => id);
}

/**
 * Deletes the unlocked backups that the decision covers, and clears the decision when all are deleted. A failed deletion
 * is logged and tried again by the next call. Ends at once when another decision takes the place of this one.
 *
 * @returns the number of deleted backups.
 */
export async function deleteCoveredBackups(server: ServerId, deps: ServerRemovalDeps): Promise<number> {
  const { catalogue, log } = deps;
  const decision = decisionOn(server, catalogue);
  if (decision === undefined) return 0;
  const covered = catalogue.backups.list({ server }).filter((record) => isCovered(record, decision) && !record.locked);
  let deleted = 0;
  for (const { id } of covered) {
    if (!isInForce(server, decision, catalogue)) return deleted;
    try {
      await deps.deleteBackup(id);
      deleted++;
    } catch (error) {
      if (error instanceof Failure && error.code === 'draining') return deleted;
      log.warn('Cannot delete a backup of a server that was given up', { server, backup: id, error });
    }
  }
  if (deleted === covered.length && isInForce(server, decision, catalogue)) {
    storeDecision(server, undefined, catalogue);
  }
  return deleted;
}

/** False once another decision was stored: the backups that it keeps must not go by the one before. */
function isInForce(server: ServerId, { decidedAt, sequence, deleteAt }: RemovalDecision, catalogue: Settings): boolean {
  const now = decisionOn(server, catalogue);
  return now?.decidedAt === decidedAt && now.sequence === sequence && now.deleteAt === deleteAt;
}

/**
 * By the order of making where there is one: a clock that was set back must not cover a backup made later. Archives made
 * elsewhere have none, and dates from long before they were taken over.
 */
function isCovered(
  { id, createdAt, sequence }: Pick<BackupRecord, 'id' | 'createdAt' | 'sequence'>,
  decision: RemovalDecision,
): boolean {
  if (decision.sequence !== undefined && sequence !== 0) return sequence <= decision.sequence;
  return decision.unnumbered?.includes(id) ?? createdAt <= decision.decidedAt;
}

function coveredNow(
  server: ServerId,
  { backups }: Pick<Catalogue, 'backups'>,
): Pick<RemovalDecision, 'sequence' | 'unnumbered'> {
  const all = backups.list({ server });
  return {
    sequence: Math.max(0, ...all.map(({ sequence }) => sequence)),
    unnumbered: all.filter(({ sequence }) => sequence === 0).map(({ id }) => id),
  };
}

function storeDecision(server: ServerId, decision: RemovalDecision | undefined, { servers }: Settings): void {
  const { givenUp: _, ...others } = servers.get(server).settings;
  servers.setSettings(server, decision === undefined ? others : { ...others, givenUp: decision });
}

function decisionOn(server: ServerId, { servers }: Settings): RemovalDecision | undefined {
  return servers.get(server).settings.givenUp;
}
