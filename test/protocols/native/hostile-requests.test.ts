/** What the document promises of every route, against those who ask for something else. */
import fs from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import { GAME_SERVER, runDaemonOn, scratchHost, TOKEN } from '../../support/daemon.ts';
import { openNativeApp } from '../../support/native-app.ts';
import { SERVER } from '../../support/scripted-service.ts';
import { GUARDED_ROUTES } from './routes.ts';

interface Operation {
  readonly responses: Readonly<Record<string, { readonly $ref?: string; readonly content?: unknown }>>;
  readonly requestBody?: unknown;
  readonly security?: readonly unknown[];
}

interface Document {
  readonly components: {
    readonly responses: Readonly<Record<string, { readonly content?: unknown }>>;
    readonly schemas: Readonly<Record<string, unknown>>;
  };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

async function readDocument(): Promise<Document> {
  const { body } = await openNativeApp().call('GET', '/openapi.json', { token: '' });
  return body as Document;
}

async function operations() {
  return Object.entries((await readDocument()).paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([method]) => ['get', 'post', 'patch', 'delete'].includes(method))
      .map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );
}

/** Those of this dialect: the document has the client’s, too. */
const isNative = (path: string): boolean => path.startsWith('/api/') && !path.startsWith('/api/client');

/** Schemas of routes whose errors say what was done all the same, beside all that an error has. */
const ERRORS_WITH_MORE: Readonly<Record<string, string>> = {
  'GET /api/vaults': 'VaultStatusError',
  'POST /api/vaults/collect': 'VaultCollectionError',
  'POST /api/vaults/verify': 'VaultVerificationError',
  'POST /api/vaults/adopt': 'VaultAdoptionError',
};

test('every route has its errors in the document', async () => {
  const all = (await operations()).filter(({ path }) => isNative(path));
  expect(all.length).toBeGreaterThan(45);
  const schema = { $ref: '#/components/schemas/Error' };
  // Not by a reference: a reader that resolves schemas alone would find none.
  const without = all.filter(({ method, path, operation: { responses } }) => {
    const name = ERRORS_WITH_MORE[`${method} ${path}`];
    const own = name === undefined ? schema : { $ref: `#/components/schemas/${name}` };
    return !isDeepStrictEqual(responses['default']?.content, { 'application/json': { schema: own } });
  });
  const { components } = await readDocument();
  for (const name of Object.values(ERRORS_WITH_MORE)) {
    expect(components.schemas[name]).toMatchObject({ allOf: [schema, { type: 'object' }] });
  }
  expect(components.responses['Error']?.content).toEqual({ 'application/json': { schema } });
  expect(without.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
});

test('every route that a permission guards is in the table that tokens are tried on', async () => {
  const shape = (path: string): string =>
    path.split('?', 1)[0]?.replaceAll(/\{[^}]+\}|[0-9a-f-]{36}|\bkept$/g, '*') ?? '';
  const tried = new Set(GUARDED_ROUTES.map((route) => `${route.method} ${shape(route.path(SERVER, '{id}'))}`));
  // Of sessions each caller has its own; jobs and reports have ids of their own and tests of their own.
  const others = /^\/api\/session|^\/api\/jobs\/|^\/api\/panel\/reports\/|\/backups\/download$/;
  const missing = (await operations())
    .filter(({ path }) => isNative(path) && !others.test(path))
    .map(({ method, path }) => `${method} ${shape(path)}`)
    .filter((name) => !tried.has(name));
  expect(missing).toEqual([]);
});

test('no route takes a body of ten megabytes', async () => {
  const node = openNativeApp();
  const { id } = node.service.add();
  const body = JSON.stringify({ name: 'x'.repeat(10_000_000) });
  const withBody = (await operations()).filter(
    ({ path, operation }) => isNative(path) && operation.requestBody !== undefined,
  );
  expect(withBody.length).toBeGreaterThan(10);
  for (const { method, path } of withBody) {
    const address = `${path.replace('{server}', SERVER).replace('{id}', id)}?id=${id}`;
    const answer = await node.call(method, address, { body });
    expect({ method, path, status: answer.status }).toEqual({ method, path, status: 413 });
    expect(answer.body).toMatchObject({ code: 'too_large' });
  }
});

describe('a cursor that no page had', () => {
  const base64 = (text: string): string => Buffer.from(text).toString('base64url');
  const NEVER = [
    ['made-up', '-1', '1.1', '9999999999999999999', '%00', '../..', 'added.99999999', 'same.0', 'added.1'],
    // Names and places that are none of a page of these.
    ['eula.txt', 'world/', 'nothing%00', 'world/level.dat%00', base64('nothing'), base64('eula.txt')],
  ].flat();

  test('is refused by each list that has pages', async () => {
    const host = await scratchHost();
    const { call } = await runDaemonOn(host);
    const server = `/api/servers/${GAME_SERVER}`;
    const made = await call(`${server}/backups`, { body: {} });
    const { id } = made.body as { readonly id: string };
    fs.writeFileSync(join(host.server, 'eula.txt'), 'changed');
    const compared = await call(`${server}/backups/${id}/compare?with=live`);
    const comparison = (compared.body as { readonly id: string }).id;
    const paged = [
      `${server}/backups?limit=1&cursor=`,
      `${server}/backups/${id}/warnings?cursor=`,
      `${server}/backups/${id}/files?cursor=`,
      `${server}/backups/${id}/find?q=level&cursor=`,
      `${server}/find?q=level&cursor=`,
      `${server}/comparisons/${comparison}?cursor=`,
      `${server}/comparisons/${comparison}?class=added&cursor=changed.0&ignored=`,
    ];
    for (const address of paged) {
      for (const cursor of NEVER) {
        const { status, body } = await call(address + cursor);
        expect(status, `${address}${cursor}: ${JSON.stringify(body)}`).toBe(400);
        expect(body).toMatchObject({ code: 'invalid_request' });
      }
    }
    for (const job of [id, ...NEVER]) {
      expect([400, 404], job).toContain((await call(`/api/jobs?limit=1&before=${job}`)).status);
    }
  });

  test('is also one of another server, while one of a backup that is gone goes on', async () => {
    const host = await scratchHost();
    const { call, url } = await runDaemonOn(host);
    const server = `/api/servers/${GAME_SERVER}`;
    const other = '22222222-2222-4222-8222-222222222222';
    fs.mkdirSync(join(host.server, '..', other));
    fs.writeFileSync(join(host.server, '..', other, 'a'), 'a');
    const ids: string[] = [];
    for (const name of ['one', 'two', 'three']) {
      ids.push(((await call(`${server}/backups`, { body: { name } })).body as { readonly id: string }).id);
    }
    expect((await call(`/api/servers/${other}/backups`, { body: {} })).status).toBe(201);
    const page = await fetch(new URL(`${server}/backups?limit=1`, url), {
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    const cursor = /cursor=([^&>]+)/.exec(page.headers.get('link') ?? '')?.[1] ?? '';
    expect((await call(`/api/servers/${other}/backups?cursor=${cursor}`)).status).toBe(400);
    expect((await call(`${server}/backups/delete?id=${ids[2]}`, { method: 'DELETE' })).status).toBeLessThan(300);
    const next = await call(`${server}/backups?limit=1&cursor=${cursor}`);
    expect((next.body as { id: string }[]).map((backup) => backup.id)).toEqual([ids[1]]);
  });
});
