/** What Roost does where the documents and the live panels differ: a test for each row of the tables in docs/. */
import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Secret } from '../../src/config/secret.ts';
import { parseConfig } from '../../src/config/config.ts';
import { stellarStackDialect } from '../../src/protocols/stellar/stellarstack.ts';
import { GAME_SERVER, runDaemonOn, scratchHost, TOKEN } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { openNativeApp } from '../support/native-app.ts';
import { backupId, SERVER, serverId } from '../support/node.ts';
import * as scripted from '../support/scripted-service.ts';
import { conformanceNode, heldRestore } from './node.ts';

const CLIENT = `/api/client/servers/${SERVER}/backups`;
const NATIVE = `/api/servers/${SERVER}/backups`;

type Node = Awaited<ReturnType<typeof conformanceNode>>;
type Checks = Readonly<Record<string, () => Promise<void> | void>>;

async function attributes(node: Node, id: string): Promise<Record<string, unknown>> {
  return ((await node.call('GET', `${CLIENT}/${id}`)).body as { attributes: Record<string, unknown> }).attributes;
}

function errorOf({ status, body }: { readonly status: number; readonly body: unknown }): readonly [number, string] {
  return [status, (body as { errors: { code: string }[] }).errors[0]?.code ?? ''];
}

const CLIENT_CHECKS: Checks = {
  'checksum field': async () => {
    const node = await conformanceNode();
    const shown = await attributes(node, await node.made());
    expect(shown['sha256_hash']).toMatch(/^[0-9a-f]{64}$/);
    expect(shown['checksum']).toBe(`sha256:${String(shown['sha256_hash'])}`);
  },
  'default per_page': async () => {
    const { call } = await conformanceNode();
    const perPage = async (query: string) =>
      ((await call('GET', CLIENT + query)).body as { meta: { pagination: { per_page: number } } }).meta.pagination
        .per_page;
    expect([await perPage(''), await perPage('?per_page=75')]).toEqual([25, 50]);
  },
  meta: async () => {
    const node = await conformanceNode();
    await node.made();
    await node.failed();
    expect((await node.call('GET', CLIENT)).body).toMatchObject({
      meta: { backup_count: 1, pagination: { total: 2 } },
    });
  },
  'is_successful while running': async () => {
    const node = await conformanceNode();
    const begun = await node.held();
    expect((await attributes(node, begun.id))['is_successful']).toBeNull();
    await begun.end();
  },
  'completed_at of a failed backup': async () => {
    const node = await conformanceNode();
    expect((await attributes(node, await node.failed()))['completed_at']).toBeNull();
  },
  'restore status': async () => {
    const node = await conformanceNode();
    expect(await node.call('POST', `${CLIENT}/${await node.made()}/restore`)).toMatchObject({ status: 202, text: '' });
    await eventually(() => node.runner.open().length === 0);
  },
  truncate: async () => {
    const node = await conformanceNode();
    await node.call('POST', `${CLIENT}/${await node.made()}/restore`);
    expect(node.service.jobs({ kind: 'restore' })).toMatchObject([{ request: { truncate: true } }]);
    await eventually(() => node.runner.open().length === 0);
  },
  'lock status': async () => {
    const node = await conformanceNode();
    const id = await node.made();
    expect(await node.call('POST', `${CLIENT}/${id}/lock`)).toMatchObject({ status: 204, text: '' });
    expect((await attributes(node, id))['is_locked']).toBe(true);
  },
  'code for a locked backup': async () => {
    const node = await conformanceNode();
    const id = await node.made({ locked: true });
    expect(errorOf(await node.call('DELETE', `${CLIENT}/${id}`))).toEqual([400, 'BackupIsLockedException']);
  },
  'code of a conflict': async () => {
    const node = await conformanceNode();
    await node.service.setServer(SERVER, { suspended: true });
    expect(errorOf(await node.call('POST', CLIENT))).toEqual([409, 'ConflictingServerStateException']);
  },
  'create or delete while a backup is in progress': async () => {
    const node = await conformanceNode();
    const begun = await node.held();
    expect((await node.call('POST', CLIENT)).status).toBe(409);
    expect((await node.call('DELETE', `${CLIENT}/${begun.id}`)).status).toBe(409);
    await begun.end();
  },
  'codes the live panel has not': async () => {
    const node = await conformanceNode({ limits: { reserveFree: 1 } });
    const failed = await node.failed();
    const begun = await node.held();
    expect(errorOf(await node.call('GET', `${CLIENT}/${begun.id}/download`))[1]).toBe('BackupNotCompletedException');
    await begun.end();
    expect(errorOf(await node.call('GET', `${CLIENT}/${failed}/download`))[1]).toBe('BackupFailedException');
    node.memory.capacity = 1;
    expect(errorOf(await node.call('POST', CLIENT))).toEqual([507, 'InsufficientStorageException']);
    expect(errorOf(await node.call('GET', CLIENT, { token: '' }))).toEqual([401, 'InvalidCredentialsException']);
  },
  'download of an unfinished or failed backup': async () => {
    const node = await conformanceNode();
    expect((await node.call('GET', `${CLIENT}/${await node.failed()}/download`)).status).toBe(400);
  },
  'life of a download URL': async () => {
    const node = await conformanceNode();
    const { body } = await node.call('GET', `${CLIENT}/${await node.made()}/download`);
    const { pathname, search } = new URL((body as { attributes: { url: string } }).attributes.url);
    const fetched = async () => (await node.call('GET', pathname + search, { token: '' })).status;
    expect([await fetched(), await fetched()]).toEqual([200, 200]);
    node.clock.advance(3_600_000);
    expect(await fetched()).toBe(401);
  },
  'concurrent backups': async () => {
    const node = await conformanceNode();
    for (const _ of Array(4)) await node.made();
    const begun = await node.held();
    expect((await node.call('POST', CLIENT)).status).toBe(409);
    expect((await node.call('POST', CLIENT.replace(SERVER, serverId(2)))).status).toBe(200);
    await begun.end();
    await eventually(() => node.runner.open().length === 0);
  },
  'retention, size and number': () => {
    const { limits, retention } = parseConfig('config.yml', 'tokens: []', {});
    expect(limits).toMatchObject({ perServer: 20, maxSize: 10 * 1024 ** 3 });
    expect(Object.values(retention).every((kept) => kept === 0)).toBe(true);
  },
  'storage backends': () => {
    const text = 'storage: { stores: { local: { type: gcs, bucket: backups } } }';
    expect(() => parseConfig('config.yml', text, {})).toThrow(/type/);
  },
  '429': async () => {
    const node = await conformanceNode();
    for (const _ of Array(5)) await node.made();
    const answers = await Promise.all(Array.from({ length: 800 }, () => node.call('GET', CLIENT)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  },
  'server stops on restore': async () => {
    const host = await scratchHost();
    const { call, url: base } = await runDaemonOn(host);
    const { id } = (await call(`/api/servers/${GAME_SERVER}/backups`, { body: {} })).body as { id: string };
    truncateSync(join(host.backups, GAME_SERVER, `${id}.tar.gz`), 100);
    writeFileSync(join(host.server, 'eula.txt'), 'changed\n');
    const headers = { authorization: `Bearer ${TOKEN}` };
    const url = `/api/client/servers/${GAME_SERVER}`;
    const answer = await fetch(`${base}${url}/backups/${id}/restore`, { method: 'POST', headers });
    expect(answer.status).toBe(202);
    const status = async () => ((await call(url)).body as { attributes: { status: unknown } }).attributes.status;
    await eventually(async () => (await status()) === null);
    expect(readFileSync(join(host.server, 'eula.txt'), 'utf8')).toBe('changed\n');
    expect(readdirSync(host.server).sort()).toEqual(['eula.txt', 'world']);
  },
};

const NATIVE_CHECKS: Checks = {
  'answer to create': async () => {
    const { call } = await conformanceNode();
    expect((await call('POST', NATIVE)).body).toMatchObject({ id: expect.any(String), status: 'COMPLETED' });
    const connection = { url: 'https://panel.test', tokenId: 'id', token: new Secret('token') };
    const daemon = openNativeApp({ dialects: [stellarStackDialect(connection)] });
    const options = { token: 'id.token', body: { uuid: backupId(1), ignore: [] } };
    expect((await daemon.call('POST', `/api/servers/${scripted.SERVER}/backup`, options)).body).toMatchObject({
      success: true,
      id: backupId(1),
      checksum: expect.any(String),
      size: expect.any(Number),
      status: 'COMPLETED',
    });
  },
  'name and locked': async () => {
    const { call } = await conformanceNode();
    const body = { name: 'mine', locked: true };
    expect((await call('POST', NATIVE, { body })).body).toMatchObject({ name: 'mine', isLocked: true });
  },
  'suspended server': async () => {
    const node = await conformanceNode();
    await node.service.setServer(SERVER, { suspended: true });
    expect((await node.call('POST', NATIVE)).status).toBe(400);
  },
  'node offline': async () => {
    const node = await conformanceNode();
    await node.runner.drain(AbortSignal.abort());
    expect((await node.call('POST', NATIVE)).status).toBe(503);
  },
  'in progress or restoring, locked, unknown': async () => {
    const node = await conformanceNode();
    const begun = await node.held();
    expect((await node.call('DELETE', `${NATIVE}/delete?id=${begun.id}`)).status).toBe(409);
    await begun.end();
    const locked = await node.made({ locked: true });
    expect((await node.call('DELETE', `${NATIVE}/delete?id=${locked}`)).status).toBe(403);
    expect((await node.call('POST', `${NATIVE}/restore?id=${backupId(404)}`)).status).toBe(404);
  },
  restore: async () => {
    const node = await conformanceNode();
    expect((await node.call('POST', `${NATIVE}/restore?id=${await node.made()}`)).body).toMatchObject({
      success: true,
    });
  },
  delete: async () => {
    const node = await conformanceNode();
    const id = await node.made();
    expect((await node.call('DELETE', `${NATIVE}/delete?id=${id}`)).status).toBe(200);
    expect([node.catalogue.backups.list(), node.memory.objects.size]).toEqual([[], 0]);
  },
  'server status during a restore': async () => {
    const restore = heldRestore();
    const node = await conformanceNode({ restore: restore.verb });
    const running = node.call('POST', `${NATIVE}/restore?id=${await node.made()}`);
    await restore.reached;
    expect((await node.call('GET', `/api/servers/${SERVER}`)).body).toMatchObject({ status: 'RESTORING' });
    restore.end();
    await running;
  },
  'restore removes other files': async () => {
    const node = await conformanceNode();
    const url = `${NATIVE}/restore?id=${await node.made()}`;
    await node.call('POST', url);
    await node.call('POST', url, { body: { truncate: true } });
    const asked = node.service.jobs().map(({ kind, request }) => (kind === 'restore' ? request.truncate : undefined));
    expect(new Set(asked)).toEqual(new Set([undefined, false, true]));
  },
  'uses of a download token': async () => {
    const node = await conformanceNode();
    const { body } = await node.call('POST', `${NATIVE}/download-token`, { body: { id: await node.made() } });
    const { downloadUrl } = body as { downloadUrl: string };
    for (const _ of Array(3)) expect((await node.call('GET', downloadUrl, { token: '' })).status).toBe(200);
  },
};

describe.each([
  ['client-api.md', CLIENT_CHECKS],
  ['stellarstack.md', NATIVE_CHECKS],
])('where the live panel differs (docs/%s)', (file, checks) => {
  test.each(Object.entries(checks))('%s', async (_, check) => {
    await check();
  });

  test('every row of the table has its test', () => {
    const text = readFileSync(new URL(`../../docs/${file}`, import.meta.url), 'utf8');
    const [, table = ''] = text.split('## Where the documentation and the live panel differ');
    const rows = table.split('\n').filter((line) => /^\| (?!---|topic)/.test(line));
    expect(rows.map((row) => row.split('|')[1]?.trim())).toEqual(Object.keys(checks).sort(byPlaceIn(table)));
  });
});

// Object keys that look like numbers come first, whatever their place.
function byPlaceIn(text: string): (a: string, b: string) => number {
  return (a, b) => text.indexOf(`| ${a} `) - text.indexOf(`| ${b} `);
}
