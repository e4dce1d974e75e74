/** Stores whose archives share bytes: what they hold, their collection, one check of all bytes, plain archives taken in. */
import { z } from '@hono/zod-openapi';
import { isoDate } from '../../../base/clock.ts';
import { parseServerId } from '../../../base/ids.ts';
import type { VaultScope, VaultStatus, VaultVerification } from '../../../jobs/vault-contract.ts';
import { holdsServer } from '../../access.ts';
import type { App, AppContext, DialectDeps } from '../../dialect.ts';
import { jsonBody } from '../../request-body.ts';
import { bearerRoute, jsonAnswer } from '../../route-answers.ts';
import { ANY_ERROR, BACKUPS } from '../answers.ts';
import { backupIdOf, guard, nativeCaller } from '../guard.ts';
import { BackupParams, date } from '../schemas.ts';
import { errorsWithDone, requireAllDone } from './vault-failures.ts';

const part = { store: z.string(), server: z.string() };
const Scope = z.object({
  store: z.string().max(64).optional().openapi({ description: 'Only that vault' }),
  server: z.string().max(64).optional().openapi({ description: 'Only that server' }),
});
const ScopeOrDryRun = Scope.extend({
  dryRun: z
    .enum(['true', 'false'])
    .optional()
    .openapi({ description: 'Tells what would be done, and changes nothing' }),
});

const VaultObject = z
  .object({
    ...part,
    backups: z.number(),
    archiveBytes: z.number().openapi({ description: 'Bytes of the archives: what they would take one by one' }),
    packs: z.number().optional(),
    storedBytes: z.number().optional().openapi({ description: 'Bytes that the disk holds' }),
    liveBytes: z.number().optional().openapi({ description: 'Bytes that some backup needs' }),
    collectedAt: date.optional().openapi({ description: 'Absent, with the numbers, before the first collection' }),
  })
  .openapi('Vault');

const CollectionObject = z
  .object({
    ...part,
    packs: z.number().openapi({ description: 'Packs that were removed' }),
    freedBytes: z.number(),
    movedBytes: z.number().openapi({ description: 'Bytes that were moved out of packs that were mostly dead' }),
  })
  .openapi('VaultCollection');

const VerificationObject = z
  .object({
    ...part,
    readBytes: z.number().openapi({ description: 'Each byte once, however many backups have it' }),
    whole: z.number().openapi({ description: 'Backups of which each segment is what it was' }),
    damaged: z.string().array(),
    healed: z
      .string()
      .array()
      .openapi({ description: 'Backups whose damaged bytes were taken from a copy; each is verified now' }),
    unproven: z
      .string()
      .array()
      .openapi({ description: 'Backups without an index, or in files of their own: verify them one by one' }),
    faults: z
      .object({
        backup: z
          .string()
          .optional()
          .openapi({ description: 'Absent where it is no single backup: all of the server, or a map' }),
        code: z.string(),
        message: z.string(),
      })
      .array()
      .openapi({ description: 'What could not be read; the others were verified all the same' }),
  })
  .openapi('VaultVerification');

const AdoptionObject = z.object({ ...part, backup: z.string(), size: z.number() }).openapi('VaultAdoption');

const AdoptedObject = z
  .object({
    ...part,
    backups: z.number(),
    bytes: z.number().openapi({ description: 'Of their archives' }),
    failures: z.number().openapi({ description: 'Backups that could not be taken in' }),
  })
  .openapi('VaultAdopted');

const Statuses = z.object({ vaults: VaultObject.array() });
const Verified = z.object({ verifications: VerificationObject.array() });
const Collected = z.object({ collections: CollectionObject.array() });
const Adopted = z.object({
  adoptions: AdoptionObject.array(),
  servers: AdoptedObject.array().openapi({ description: 'In total: servers of which something was, or could not be' }),
});

const PlacesObject = z
  .object({
    storedBytes: z.number().nullable().openapi({ description: 'Bytes that it added; null where not known' }),
    exclusiveBytes: z.number().openapi({ description: 'Bytes that its removal gives back' }),
    ranges: z.number().optional().openapi({ description: 'Of a vault: ranges of packs that make up the archive' }),
    packs: z.array(z.object({ id: z.string(), ranges: z.number(), bytes: z.number() })).optional(),
  })
  .openapi('BackupPlaces');

const list = bearerRoute({
  method: 'get',
  path: '/api/vaults',
  summary: 'What each server takes in stores whose archives share bytes',
  description: 'Where a vault cannot say which servers it has, the error says what is known of the others.',
  middleware: [guard('node.read')],
  responses: {
    200: jsonAnswer(Statuses, 'By store and server'),
    ...errorsWithDone('VaultStatusError', Statuses.partial().shape),
  },
});

const collect = bearerRoute({
  method: 'post',
  path: '/api/vaults/collect',
  summary: 'Give back what no backup needs',
  description:
    'It also runs after each removal. Where something of a server cannot be read, nothing of it is removed, and it fails; the ' +
    'others are collected all the same. The error then says what was given back, and all that failed.',
  middleware: [guard('node.manage'), jsonBody],
  request: { query: ScopeOrDryRun },
  responses: {
    200: jsonAnswer(Collected, 'What was given back'),
    ...errorsWithDone('VaultCollectionError', Collected.partial().shape),
  },
});

const verify = bearerRoute({
  method: 'post',
  path: '/api/vaults/verify',
  summary: 'Read each needed byte once, and prove all backups that have it',
  description:
    'Answers when that has ended; ends when the caller hangs up. Damaged backups are marked, and healed from whole copies. ' +
    'Where a vault cannot say which servers it has, the others are verified all the same, and the error says what was found.',
  middleware: [guard('node.manage'), jsonBody],
  request: { query: Scope },
  responses: {
    200: jsonAnswer(Verified, 'What was found'),
    ...errorsWithDone('VaultVerificationError', Verified.partial().shape),
  },
});

const adopt = bearerRoute({
  method: 'post',
  path: '/api/vaults/adopt',
  summary: 'Make plain archives that lie in a vault part of it',
  description:
    'No byte is copied: the file of an archive becomes a pack. Behind one that fails the others are taken in all the same; the ' +
    'error then says which, and all that failed.',
  middleware: [guard('node.manage'), jsonBody],
  request: { query: ScopeOrDryRun },
  responses: {
    200: jsonAnswer(Adopted, 'Those taken in'),
    ...errorsWithDone('VaultAdoptionError', Adopted.partial().shape),
  },
});

const places = bearerRoute({
  method: 'get',
  path: `${BACKUPS}/{id}/places`,
  summary: 'What the backup added to its store, and what its removal would give back',
  middleware: [guard('backup.read')],
  request: { params: BackupParams },
  responses: { 200: jsonAnswer(PlacesObject, 'Where its bytes lie'), ...ANY_ERROR },
});

export function mountVaults(app: App, { vaults }: Pick<DialectDeps, 'vaults'>): void {
  app.openapi(list, async (c) => {
    const outcome = await vaults.status(scopeOf(c, {}));
    const done = { vaults: outcome.done.map(vaultObject) };
    requireAllDone(outcome, done);
    return c.json(done, 200);
  });

  app.openapi(collect, async (c) => {
    const { dryRun, ...asked } = c.req.valid('query');
    const outcome = await vaults.collect(scopeOf(c, asked), dryRun === 'true');
    const done = { collections: [...outcome.done] };
    requireAllDone(outcome, done);
    return c.json(done, 200);
  });

  app.openapi(verify, async (c) => {
    const outcome = await vaults.verify(scopeOf(c, c.req.valid('query')), c.req.raw.signal);
    const done = { verifications: outcome.done.map(verificationObject) };
    requireAllDone(outcome, done);
    return c.json(done, 200);
  });

  app.openapi(adopt, async (c) => {
    const { dryRun, ...asked } = c.req.valid('query');
    const outcome = await vaults.adopt(scopeOf(c, asked), dryRun === 'true');
    const done = { adoptions: [...outcome.done], servers: [...outcome.servers] };
    requireAllDone(outcome, done);
    return c.json(done, 200);
  });

  app.openapi(places, async (c) => {
    const { packs, ...found } = await vaults.places(c.get('server'), backupIdOf(c.req.valid('param').id));
    return c.json(packs === undefined ? found : { ...found, packs: [...packs] }, 200);
  });
}

function vaultObject({ store, server, backups, archiveBytes, usage }: VaultStatus): z.infer<typeof VaultObject> {
  const about = { store, server, backups, archiveBytes };
  return usage === null ? about : { ...about, ...usage, collectedAt: isoDate(usage.collectedAt) };
}

function verificationObject(done: VaultVerification): z.infer<typeof VerificationObject> {
  const { damaged, healed, unproven, faults } = done;
  return { ...done, damaged: [...damaged], healed: [...healed], unproven: [...unproven], faults: [...faults] };
}

/** The scope of a request: `holds` limits it to servers that the caller may see. */
function scopeOf(c: AppContext, { store, server }: z.infer<typeof Scope>): VaultScope {
  const caller = nativeCaller(c);
  return {
    store,
    server: server === undefined ? undefined : parseServerId(server.toLowerCase()),
    holds: (id) => holdsServer(caller, id),
  };
}
