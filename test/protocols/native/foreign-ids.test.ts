/** Ids that are somebody else's, or of another kind, at routes whose ids are neither of a server nor of a backup. */
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { caller, GAME_SERVER, runDaemonOn, scratchHost, TOKEN } from '../../support/daemon.ts';
import { knownSecret } from '../../support/secret-shapes.ts';

const OTHER = '22222222-2222-4222-8222-222222222222';
const OWNER = knownSecret('an-owner-of-one-server-only');

interface Made {
  readonly id: string;
}

/** Two servers with a backup each, a preview and a comparison of the first, and a caller who holds the second alone. */
async function scene() {
  const host = await scratchHost(`
tokens:
  - { id: test, secret: ${TOKEN}, permissions: ["*"], servers: ["*"] }
  - { id: owner, secret: ${OWNER}, permissions: ["*"], servers: [${OTHER}] }
`);
  fs.mkdirSync(join(host.server, '..', OTHER));
  fs.writeFileSync(join(host.server, '..', OTHER, 'a'), 'a');
  const { call, url } = await runDaemonOn({
    ...host,
    config: host.config.replace(/^tokens: .*$/m, ''),
  });
  const made = async (path: string, body?: object): Promise<Made> => (await call(path, { body })).body;
  const first = `/api/servers/${GAME_SERVER}/backups`;
  const backup = await made(first, {});
  const later = await made(first, {});
  const foreign = await made(`/api/servers/${OTHER}/backups`, {});
  fs.writeFileSync(join(host.server, 'eula.txt'), 'changed');
  const preview = await made(`${first}/${backup.id}/preview`, {});
  const comparison = await made(`${first}/${backup.id}/compare?with=live`);
  const asOwner: typeof call = (path, options) =>
    caller(url)(path, { ...options, headers: { authorization: `Bearer ${OWNER}` } });
  return { host, call, asOwner, first, backup, later, foreign, preview, comparison };
}

test('a preview restores the backup that it is of, and no other, whoever asks', async () => {
  const { host, call, asOwner, first, backup, later, foreign, preview, comparison } = await scene();
  const restore = async (ask: typeof call, server: string, id: string, of: string) => {
    const { status, body } = await ask(`/api/servers/${server}/backups/restore?id=${id}`, { body: { preview: of } });
    return [status, (body as { readonly code?: string }).code];
  };
  expect(await restore(call, GAME_SERVER, later.id, preview.id)).toEqual([400, 'invalid_request']);
  // What is compared is nothing that was previewed.
  expect(await restore(call, GAME_SERVER, backup.id, comparison.id)).toEqual([400, 'invalid_request']);
  expect(await restore(call, OTHER, foreign.id, preview.id)).toEqual([404, 'path_not_found']);
  expect(await restore(asOwner, OTHER, foreign.id, preview.id)).toEqual([404, 'path_not_found']);
  expect(await restore(asOwner, GAME_SERVER, backup.id, preview.id)).toEqual([404, 'server_not_found']);
  expect(await restore(call, GAME_SERVER, backup.id, foreign.id)).toEqual([404, 'path_not_found']);
  expect(fs.readFileSync(join(host.server, 'eula.txt'), 'utf8')).toBe('changed');
  expect(((await call('/api/jobs?kind=restore')).body as { jobs: unknown[] }).jobs).toEqual([]);
  expect(await restore(call, GAME_SERVER, backup.id, preview.id)).toEqual([200, undefined]);
  expect(((await call(`${first}/${backup.id}`)).body as Made).id).toBe(backup.id);
});

test('pages of a comparison, and a comparison itself, are of their own server alone', async () => {
  const { call, asOwner, backup, foreign, preview, comparison } = await scene();
  for (const { id } of [preview, comparison]) {
    expect((await call(`/api/servers/${GAME_SERVER}/comparisons/${id}`)).status).toBe(200);
    for (const ask of [call, asOwner]) {
      expect(await ask(`/api/servers/${OTHER}/comparisons/${id}`)).toMatchObject({
        status: 404,
        body: { code: 'path_not_found' },
      });
    }
    expect((await asOwner(`/api/servers/${GAME_SERVER}/comparisons/${id}`)).body).toMatchObject({
      code: 'server_not_found',
    });
  }
  for (const [server, id, other] of [
    [GAME_SERVER, backup.id, foreign.id],
    [OTHER, foreign.id, backup.id],
  ]) {
    expect(await call(`/api/servers/${server}/backups/${id}/compare?with=${other}`)).toMatchObject({
      status: 404,
      body: { code: 'backup_not_found' },
    });
  }
});

test('sessions and links of others are neither seen nor ended without node.manage, and an id of another kind ends none', async () => {
  const { call, asOwner, backup } = await scene();
  const link = (await call('/api/session/links', { body: { servers: [OTHER], permissions: ['backup.read'] } }))
    .body as Made & { readonly code: string };
  const { secret, session } = (await call('/api/session', { body: { code: knownSecret(link.code) } })).body as {
    readonly secret: string;
    readonly session: Made;
  };
  const narrow: typeof call = (path, options) =>
    call(path, { ...options, headers: { authorization: `Bearer ${knownSecret(secret)}` } });
  expect((await narrow('/api/session')).status).toBe(200);
  for (const id of [session.id, 'made-up', backup.id, '%00', '../sessions']) {
    expect((await narrow(`/api/sessions/${encodeURIComponent(id)}`, { method: 'DELETE' })).status, id).toBe(403);
  }
  expect((await narrow('/api/sessions')).status).toBe(403);
  for (const id of ['made-up', backup.id, '%00']) {
    expect((await call(`/api/sessions/${encodeURIComponent(id)}`, { method: 'DELETE' })).status, id).toBe(404);
  }
  expect((await narrow('/api/session')).status).toBe(200);
  // Nobody makes a link to more than what he holds.
  for (const body of [{ servers: [GAME_SERVER] }, { servers: ['*'] }, { permissions: ['backup.delete'] }]) {
    expect((await narrow('/api/session/links', { body })).status, JSON.stringify(body)).toBeGreaterThanOrEqual(400);
  }
  expect((await asOwner('/api/session/links', { body: { servers: [GAME_SERVER] } })).status).toBeGreaterThanOrEqual(
    400,
  );
  expect((await call(`/api/sessions/${session.id}`, { method: 'DELETE' })).status).toBe(200);
  expect((await narrow('/api/session')).status).toBe(401);
});
