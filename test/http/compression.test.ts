import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { ADMIN, openNativeApp } from '../support/native-app.ts';

const AUTHORIZED = { authorization: `Bearer ${ADMIN}` };

async function ask(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Response> {
  return openNativeApp().app.fetch(
    new Request(`http://node.test${path}`, { method, headers: { ...AUTHORIZED, ...headers } }),
    {},
  );
}

test('long JSON comes as gzip to clients that take it, with the same content', async () => {
  const plain = await ask('/openapi.json');
  const packed = await ask('/openapi.json', { 'accept-encoding': 'gzip, deflate, br' });
  expect([plain.headers.get('content-encoding'), packed.headers.get('content-encoding')]).toEqual([null, 'gzip']);
  expect([plain.headers.get('vary'), packed.headers.get('vary')]).toEqual(['Accept-Encoding', 'Accept-Encoding']);
  const bytes = Buffer.from(await packed.arrayBuffer());
  expect(gunzipSync(bytes).toString()).toBe(await plain.text());
  expect(packed.headers.get('x-request-id')).toBe('request-1');
  expect(packed.headers.get('x-content-type-options')).toBe('nosniff');
});

test('short answers, refusals and HEAD stay as they are', async () => {
  const gzip = { 'accept-encoding': 'gzip' };
  const short = await ask('/health', gzip);
  expect([short.headers.get('content-encoding'), await short.json()]).toEqual([null, { status: 'ok' }]);
  expect(
    (await ask('/openapi.json', { 'accept-encoding': 'gzip;q=0, br' })).headers.get('content-encoding'),
  ).toBeNull();
  expect((await ask('/openapi.json', { 'accept-encoding': 'x-gzip-no' })).headers.get('content-encoding')).toBeNull();
  expect((await ask('/none', gzip)).status).toBe(404);
  const head = await ask('/openapi.json', gzip, 'HEAD');
  expect([head.status, await head.text()]).toEqual([200, '']);
});
