/** What the document promises of every route, against those who ask for something else. */
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import { GAME_SERVER, runDaemonOn, scratchHost } from '../../support/daemon.ts';
import { openNativeApp } from '../../support/native-app.ts';
import { SERVER } from '../../support/scripted-service.ts';
import { GUARDED_ROUTES } from './routes.ts';

interface Operation {
  readonly responses: Readonly<Record<string, { readonly $ref?: string; readonly content?: unknown }>>;
  readonly requestBody?: unknown;
  readonly security?: readonly unknown[];
}

interface Document {
  readonly components: { readonly responses: Readonly<Record<string, { readonly content?: unknown }>> };
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

test('every route has its errors in the document', async () => {
  const all = (await operations()).filter(({ path }) => isNative(path));
  expect(all.length).toBeGreaterThan(45);
  const schema = { $ref: '#/components/schemas/Error' };
  // Not by a reference: a reader that resolves schemas alone would find none.
  const without = all.filter(
    ({ operation: { responses } }) =>
      !isDeepStrictEqual(responses['default']?.content, { 'application/json': { schema } }),
  );
  const { components } = await readDocument();
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
  const MADE_UP = ['0', '-1', '9999999999999999999', 'added.99999999', 'changed.-1', '%00', '../..', 'a'.repeat(64)];

  test('is refused, or begins a page somewhere, and nothing breaks', async () => {
    const host = await scratchHost();
    const { call } = await runDaemonOn(host);
    const server = `/api/servers/${GAME_SERVER}`;
    const made = await call(`${server}/backups`, { body: {} });
    const { id } = made.body as { readonly id: string };
    const compared = await call(`${server}/backups/${id}/compare?with=live`);
    const comparison = (compared.body as { readonly id: string }).id;
    const paged = [
      `${server}/backups?limit=1&cursor=`,
      `${server}/backups/${id}/warnings?cursor=`,
      `${server}/backups/${id}/files?cursor=`,
      `${server}/backups/${id}/find?q=level&cursor=`,
      `${server}/find?q=level&cursor=`,
      `${server}/comparisons/${comparison}?cursor=`,
      `/api/jobs?limit=1&before=`,
    ];
    for (const address of paged) {
      for (const cursor of MADE_UP) {
        const { status, body } = await call(address + cursor);
        expect([200, 400, 404], `${address}${cursor}: ${JSON.stringify(body)}`).toContain(status);
      }
    }
    for (const cursor of ['nothing.0', '0']) {
      expect((await call(`${server}/comparisons/${comparison}?cursor=${cursor}`)).status, cursor).toBe(400);
    }
    expect((await call(`${server}/backups?limit=1&cursor=made-up`)).status).toBe(400);
    expect((await call(`/api/jobs?limit=1&before=${id}`)).status).toBe(404);
  });
});
