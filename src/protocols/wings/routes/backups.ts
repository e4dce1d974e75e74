/** Creating, restoring and deleting backups for panels. The answer comes first, the work later. */
import { Failure } from '../../../base/failure.ts';
import { type BackupId, isUuid, parseServerId, type ServerId } from '../../../base/ids.ts';
import type { BackupService } from '../../../jobs/contract.ts';
import type { App, DialectDeps } from '../../dialect.ts';
import { ignoredBody } from '../../request-body.ts';
import { anyBody, bodyAs } from '../requests/body.ts';
import type { FlavourFacts } from '../flavours/contract.ts';
import { backupIdOf, knownServer, panelOnly } from '../requests/guard.ts';
import { createSchema, restoreSchema } from '../requests/requests.ts';

/** Panels do not retry: work queues behind a busy server, and its end is reported, however late. */
const FOR_PANEL = { whenBusy: 'queue', report: true, origin: 'panel' } as const;

export function mountBackups(app: App, { service }: DialectDeps, facts: FlavourFacts): void {
  const path = '/api/servers/:server/backup';
  const { answers } = facts;
  const known = knownServer(service, facts);
  const discard = (server: ServerId, backup: BackupId): Promise<void> =>
    facts.routes.reportsDeletions ? service.discardLater(server, backup) : service.discard(server, backup);
  const createBody = createSchema(facts);
  const restoreBody = restoreSchema(facts);

  app.post(path, panelOnly, known, async (c) => {
    const { backup: id, adapter, ignore } = await bodyAs(c, createBody, facts);
    const upload = adapter === 's3' ? 'panel' : undefined;
    const { job } = await service.create({ ...FOR_PANEL, server: c.get('server'), id, ignore, upload });
    c.set('job', job);
    return answers.accepted(c);
  });

  app.post(`${path}/:backup/restore`, panelOnly, known, async (c) => {
    const backup = backupIdOf(c.req.param('backup'));
    const { truncate, force, url } = await bodyAs(c, restoreBody, facts);
    const download = url === null ? {} : { download: { url } };
    const request = { ...FOR_PANEL, server: c.get('server'), backup, truncate, force, ...download };
    const { job } = await service.restore(request).catch((error: unknown) => missingArchive(error, facts));
    c.set('job', job);
    return answers.accepted(c);
  });

  app.delete(`${path}/:backup`, panelOnly, known, ignoredBody, async (c) => {
    await discard(c.get('server'), backupIdOf(c.req.param('backup')));
    return answers.deleted(c);
  });

  if (facts.routes.deletesAllBackups) {
    app.delete('/api/servers/:server/deleteAllBackups', panelOnly, known, ignoredBody, async (c) => {
      await discardAll(c.get('server'), service);
      return answers.deleted(c);
    });
  }

  if (facts.routes.deletesWithoutServer) {
    // Source: calagopus/panel 76dfc96 api-clients/wings-api/src/lib.rs (backups_backup_query).
    app.get('/api/backups/:backup/query', panelOnly, async (c) => {
      const { size, sha256 } = await service.findBackup(backupIdOf(c.req.param('backup')));
      // What is not completed has no archive yet.
      if (sha256 === null) throw new Failure('backup_not_found', 'backup not found');
      return answers.json(c, { archive_format: 'tar_gz', size });
    });

    app.delete('/api/backups/:backup', panelOnly, async (c) => {
      const backup = backupIdOf(c.req.param('backup'));
      const { foreground, server: named } = deletionOf(await anyBody(c, facts));
      const server = await serverOf(backup, named, service);
      if (foreground) {
        await service.discard(server, backup);
        return answers.done(c);
      }
      await discard(server, backup);
      return answers.deleted(c);
    });
  }
}

/** The adapter in the body is ignored: it does not change what is here. */
function deletionOf(value: unknown): { readonly foreground: boolean; readonly server: ServerId | undefined } {
  const { foreground, server } = Object(value) as { readonly foreground?: unknown; readonly server?: unknown };
  const named = typeof server === 'string' && isUuid(server.toLowerCase()) ? server.toLowerCase() : undefined;
  return { foreground: foreground === true, server: named === undefined ? undefined : parseServerId(named) };
}

/** Whose a backup is: the catalogue's word, and for an archive of the daemon before, which it does not know, the panel's. */
async function serverOf(backup: BackupId, named: ServerId | undefined, service: BackupService): Promise<ServerId> {
  try {
    return (await service.findBackup(backup)).server;
  } catch (error) {
    if (named === undefined || !(error instanceof Failure) || error.code !== 'backup_not_found') throw error;
    return named;
  }
}

/** Deletes all but the locked ones, and fails if there were any: the panel must not take them for deleted. */
async function discardAll(server: ServerId, service: BackupService): Promise<void> {
  const all = await service.backups(server);
  const locked = all.filter((backup) => backup.locked);
  for (const backup of all) if (!backup.locked) await service.discard(server, backup.id).catch(unlessGone);
  await service.deleteForeignArchives(server);
  if (locked.length === 0) return;
  throw new Failure('backup_locked', `Cannot delete all backups: ${locked.length} of them are locked`);
}

function unlessGone(error: unknown): void {
  if (!(error instanceof Failure) || error.code !== 'backup_not_found') throw error;
}

/** Some daemons answer a missing archive with the error of a missing file. */
function missingArchive(error: unknown, { routes }: FlavourFacts): never {
  const isMissing = error instanceof Failure && error.code === 'backup_not_found';
  if (!isMissing || routes.namesMissingArchive) throw error;
  throw new Failure('path_not_found', 'The requested resources was not found on the system.', { cause: error });
}
