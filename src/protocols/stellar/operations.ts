/** The second generation's three operations on backups by name. */
import { z } from '@hono/zod-openapi';
import { Failure } from '../../base/failure.ts';
import { parseServerId, type ServerId } from '../../base/ids.ts';
import { printableText } from '../../base/files/paths.ts';
import type { BackupService, BackupSummaryView } from '../../jobs/contract.ts';
import type { App, AppContext, DialectDeps } from '../dialect.ts';
import { failureOf } from '../thrown.ts';
import { bodyAs } from './requests.ts';
import { logged, statusOf } from './errors.ts';

// The rule of that panel's daemon. Names never become paths here, but are refused alike.
const NamedBody = z.object({
  name: z
    .string()
    .min(1)
    .max(255)
    .refine((name) => !/[/\\]|\.\./.test(name), 'must not hold slashes or ".."'),
});

type Operation = (service: BackupService, server: ServerId, name: string) => Promise<object>;

const OPERATIONS = new Map<string, Operation>([
  ['create', create],
  ['restore', restore],
  ['delete', remove],
]);

export function mountOperations(app: App, { service, log }: DialectDeps): void {
  app.post('/api/servers/:server/backups', async (c, next) => {
    if (c.get('caller')?.dialect !== 'stellar') {
      return c.req.header('x-stellar-node-id') === undefined ? next() : c.text('unauthorized', 401);
    }
    const asked = c.req.query('op') ?? '';
    const operation = OPERATIONS.get(asked);
    if (operation === undefined) return c.text('not found', 404);
    try {
      const { name } = await bodyAs(c, NamedBody);
      return c.json(await operation(service, parseServerId(c.req.param('server').toLowerCase()), name));
    } catch (error) {
      return logged(c, error, log, (_, thrown) => answerError(c, thrown, asked));
    }
  });
}

async function create(service: BackupService, server: ServerId, name: string): Promise<object> {
  const { size, sha256 } = await (await service.create({ server, name, whenBusy: 'queue', origin: 'panel' })).ended;
  return { name, bytes: size, sha256 };
}

/** Restores the newest good backup of the name. Files that it does not hold stay. */
async function restore(service: BackupService, server: ServerId, name: string): Promise<object> {
  const backup = (await named(service, server, name)).find(({ status }) => status !== 'FAILED');
  if (backup === undefined) throw new Failure('backup_not_found', 'There is no such backup');
  await (
    await service.restore({ server, backup: backup.id, truncate: false, whenBusy: 'queue', origin: 'panel' })
  ).ended;
  return { ok: true };
}

/**
 * Deletes the failed backups of the name and the oldest other one. Where a name was used twice, the panel has two rows
 * and its daemon one archive, the newer: whichever row is deleted, the other must keep leading to that one.
 */
async function remove(service: BackupService, server: ServerId, name: string): Promise<object> {
  const all = await named(service, server, name);
  const oldest = all.findLast(({ status }) => status !== 'FAILED');
  const going = all.filter((backup) => backup.status === 'FAILED' || backup === oldest);
  for (const { id } of going) await service.remove(server, id, 'panel');
  return { ok: true };
}

/** Newest first. */
async function named(service: BackupService, server: ServerId, name: string): Promise<BackupSummaryView[]> {
  return (await service.backups(server)).filter((backup) => backup.name === name);
}

/** The documented envelope; `params` add the reason, which the panel's daemon omits. */
function answerError(c: AppContext, thrown: unknown, operation: string): Response {
  const failure = failureOf(thrown);
  const code = failure.code === 'invalid_request' ? 'bad_request' : `${operation}_failed`;
  const params = { reason: failure.code, message: printableText(failure.message) };
  return c.json({ error: { code: `backups.${code}`, params } }, statusOf(thrown));
}
