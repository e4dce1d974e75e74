import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { openNativeApp } from '../support/native-app.ts';

/** Open, and in no document: they are the documents. */
const DOCUMENTS = ['GET /docs', 'GET /openapi.json'];

test('docs/native-api.md lists the routes that there are, and no others', async () => {
  const { call } = openNativeApp();
  const { paths } = (await call('GET', '/openapi.json', { token: '' })).body as {
    readonly paths: Readonly<Record<string, object>>;
  };
  const routes = Object.entries(paths).flatMap(([path, operations]) =>
    path.startsWith('/api/client') ? [] : Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(routes.length).toBeGreaterThan(20);
  const text = readFileSync(new URL('../../docs/native-api.md', import.meta.url), 'utf8');
  const listed = Array.from(text.matchAll(/^\| `([A-Z]+ \/\S+)` /gm), ([, route = '']) => route);
  expect(listed.toSorted()).toEqual([...routes, ...DOCUMENTS].toSorted());
  for (const path of ['/docs', '/openapi.json']) expect((await call('GET', path, { token: '' })).status).toBe(200);
});
